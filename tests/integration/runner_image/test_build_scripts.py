"""What the Dockerfile runs: the runner is what versions.env says, or the build fails with a cure."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from local.containers.images import runner_archive
from tests.integration.runner_image.container import RUNNER_IMAGE

UNPACK = RUNNER_IMAGE / "build" / "unpack-runner.sh"
VERSIONS = (RUNNER_IMAGE / "versions.env").read_text()


def unpack(
    folder: Path, architecture: str = "amd64", archive: str = "", **environment: str
) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", str(UNPACK), architecture, str(folder / "runner"), *([archive] if archive else [])],
        env={"PATH": f"{folder}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "runner.tar.gz"
    path.write_bytes(runner_archive())
    return path


def test_version_and_checksums_stand_in_one_file_alone() -> None:
    version, x64, arm64 = re.findall(r"^RUNNER_\w+=(\S+)", VERSIONS, re.MULTILINE)
    assert re.fullmatch(r"2\.3\d\d\.\d+", version)
    assert re.fullmatch(r"[0-9a-f]{64}", x64)
    assert re.fullmatch(r"[0-9a-f]{64}", arm64)
    assert x64 != arm64
    others = [path for path in RUNNER_IMAGE.rglob("*") if path.is_file() and path.name != "versions.env"]
    assert not [path for path in others if version in path.read_text() or x64 in path.read_text()]


def test_an_archive_of_the_builders_own_is_unpacked_where_its_checksum_fits(
    tmp_path: Path, archive: Path
) -> None:
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert unpack(tmp_path, archive=str(archive), RUNNER_ARCHIVE_SHA256=checksum) == (0, "")
    assert os.access(tmp_path / "runner" / "bin" / "Runner.Listener", os.X_OK)


@pytest.mark.parametrize("checksum", ["", "0" * 64])
def test_an_archive_with_another_checksum_fails_the_build_and_names_the_cure(
    tmp_path: Path, archive: Path, checksum: str
) -> None:
    code, said = unpack(tmp_path, archive=str(archive), RUNNER_ARCHIVE_SHA256=checksum)
    assert code == 1
    assert "RUNNER_ARCHIVE_SHA256" in said
    assert not (tmp_path / "runner").exists()


def test_a_download_that_fails_names_the_url_and_the_cure(tmp_path: Path) -> None:
    curl = tmp_path / "curl"
    curl.write_text("#!/bin/sh\nexit 6\n")
    curl.chmod(0o755)
    code, said = unpack(tmp_path, "arm64")
    assert code == 1
    assert re.search(
        r"could not download https://github\.com/actions/runner/\S+linux-arm64-2\.\S+\.tar\.gz", said
    )
    assert "RUNNER_ARCHIVE" in said


@pytest.mark.parametrize("architecture", ["", "x64", "s390x"])
def test_an_architecture_without_a_runner_is_named(tmp_path: Path, architecture: str) -> None:
    code, said = unpack(tmp_path, architecture)
    assert code == 1
    assert f"'{architecture}'" in said


def test_a_certificate_that_is_not_pem_fails_the_build_and_names_the_cure(tmp_path: Path) -> None:
    script = (RUNNER_IMAGE / "build" / "trust-certificates.sh").read_text()
    (tmp_path / "own.crt").write_bytes(b"\x30\x82\x01")
    moved = script.replace("/usr/local/share/ca-certificates", str(tmp_path))
    done = subprocess.run(["bash", "-c", moved], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "openssl x509 -inform der" in done.stderr
