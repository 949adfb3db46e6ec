"""The npm package with the provider's shapes: fetched once, checked, and read without running it."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path

import pytest

from local.infra_check.terraform.package import Package, PackageError


def put(folder: Path, **sources: str) -> Package:
    """A package that was fetched already."""
    folder.mkdir()
    with tarfile.open(folder / "package.tgz", "w:gz") as archive:
        for name, typescript in sources.items():
            source_map = base64.b64encode(json.dumps({"sourcesContent": [typescript]}).encode()).decode()
            compiled = (
                f"exports.x = 1;\n//# sourceMappingURL=data:application/json;base64,{source_map}".encode()
            )
            member = tarfile.TarInfo(f"package/lib/{name.replace('_', '-')}/index.js")
            member.size = len(compiled)
            archive.addfile(member, io.BytesIO(compiled))
    return Package(folder)


def test_the_source_is_read_that_a_file_was_compiled_from(tmp_path: Path) -> None:
    package = put(tmp_path / "kept", provider="a provider", sqs_queue="a queue")
    assert package.sources(["sqs-queue", "provider"]) == {"provider": "a provider", "sqs-queue": "a queue"}


def test_what_the_package_does_not_have_is_left_out(tmp_path: Path) -> None:
    assert put(tmp_path / "kept", provider="a provider").sources(["sqs-queues"]) == {}


def test_what_was_read_once_needs_no_package_any_more(tmp_path: Path) -> None:
    package = put(tmp_path / "kept", provider="a provider", sqs_queue="a queue")
    package.sources(["sqs-queue"])
    (package.folder / "package.tgz").unlink()
    assert package.sources(["sqs-queue", "provider", "none"]).keys() == {"sqs-queue", "provider"}


def test_without_npm_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match="no npm to fetch @cdktf/provider-aws with"):
        Package(tmp_path / "kept").sources(["provider"])


def npm_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{does}\n", "ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_a_registry_that_cannot_be_reached_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm_that(tmp_path, monkeypatch, "echo npm error network >&2; exit 1")
    with pytest.raises(PackageError, match="npm cannot fetch @cdktf/provider-aws: npm error network"):
        Package(tmp_path / "kept").sources(["provider"])


def test_another_package_under_that_name_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm_that(tmp_path, monkeypatch, "echo x > cdktf-provider-aws-21.22.1.tgz")
    with pytest.raises(PackageError, match=r"with the sha256 [0-9a-f]{64}, not"):
        Package(tmp_path / "kept").sources(["provider"])
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["lock"]
