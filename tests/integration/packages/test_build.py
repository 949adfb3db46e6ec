"""``slipway build``: what is in the packages, that they are the same each time, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import certifi
import pytest

from local.configuration.check import check_file
from local.infrastructure.cloudformation.sam_files import sam_files
from local.infrastructure.places import FUNCTIONS
from local.packages import build as building
from local.packages import limits
from local.packages.contents import CORE, PACKAGED, ROOT
from local.packages.faults import BuildError
from local.packages.vendor import LAMBDA
from slipway.config import COMPILED_VERSION
from tests.integration.packages.conftest import EXAMPLE, contents, slipway

ZIPS = {*(f"functions/{name}.zip" for name in PACKAGED), "layers/core.zip", "layers/vendor.zip"}
ARM64 = 183  # of an ELF file's machine


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_build_is_packages_a_description_templates_and_a_manifest_that_tells_the_truth(
    build: Path,
) -> None:
    files = files_of(build)
    assert set(files) == ZIPS | {"manifest.json", "deployment.json", "template.yaml"}
    manifest = json.loads(files["manifest.json"])
    assert manifest["configuration_sha256"] == hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    assert (manifest["architecture"], manifest["python"]) == ("arm64", "3.13")
    assert set(manifest["packages"]) == ZIPS
    for path, told in manifest["packages"].items():
        inside = contents(build / path)
        assert told == {
            "bytes": len(files[path]), "sha256": hashlib.sha256(files[path]).hexdigest(),
            "files": len(inside), "unpacked_bytes": sum(map(len, inside.values())),
        }  # fmt: skip
    description = json.loads(files["deployment.json"])
    assert description["configuration_sha256"] == manifest["configuration_sha256"]
    assert "${claim_url}" in files["deployment.json"].decode()
    assert dict(sam_files(description)) == {"template.yaml": files["template.yaml"].decode()}


def test_a_function_s_package_has_its_handler_the_configuration_and_no_other_function(build: Path) -> None:
    compiled = slipway("config", "compile", EXAMPLE).stdout
    assert json.loads(compiled)["version"] == COMPILED_VERSION
    for name in FUNCTIONS:
        inside = contents(build / "functions" / f"{name}.zip")
        assert inside[f"functions/{name}/handler.py"] == (ROOT / f"functions/{name}/handler.py").read_bytes()
        assert inside["slipway.json"].decode() == compiled.removesuffix("\n")
        assert {path.split("/")[1] for path in inside if path.startswith("functions/")} == {
            "__init__.py",
            name,
        }


def test_what_the_doctor_asks_has_no_configuration_and_of_ours_only_what_it_imports(build: Path) -> None:
    inside = set(contents(build / "functions/reach.zip"))
    assert {"functions/reach/handler.py", "slipway/adapters/tcp_probe.py"} <= inside
    assert "slipway.json" not in inside
    assert {path for path in inside if path.startswith(("slipway/services", "slipway/ports"))} == set()


def test_templates_of_pools_in_several_regions_are_made_once_the_home_region_is_named(tmp_path: Path) -> None:
    path = ROOT / "tests/fixtures/config/two-regions.yaml"
    done = slipway("build", path, "--out", tmp_path / "out")
    assert (done.returncode, list((tmp_path / "out").glob("*.yaml"))) == (0, [])
    assert "name the functions' with --region" in done.stdout
    done = slipway("build", path, "--out", tmp_path / "out", "--region", "eu-west-1")
    made = {template.name for template in (tmp_path / "out").glob("*.yaml")}
    assert (done.returncode, made) == (0, {"template.yaml", "region-us-east-1.yaml"})
    # What Terraform reads knows no home region.
    assert "${claim_region}" in (tmp_path / "out/deployment.json").read_text("utf-8")


def test_only_the_webhook_brings_our_code_along_and_is_under_60_kb(build: Path) -> None:
    assert (build / "functions/webhook.zip").stat().st_size < 60_000
    for name in FUNCTIONS:
        inside = contents(build / "functions" / f"{name}.zip")
        assert any(path.startswith("slipway/") for path in inside) is (name == "webhook")


def test_the_core_layer_is_our_code_as_it_lies_but_for_what_the_optional_function_brings(build: Path) -> None:
    inside = contents(build / "layers/core.zip")
    everything = [*(CORE / "slipway").rglob("*.py"), CORE / "slipway/py.typed"]
    sources = [
        path
        for path in everything
        if "environments" not in str(path.relative_to(CORE)) and path.name != "pull_requests.py"
    ]
    assert inside == {f"python/{path.relative_to(CORE).as_posix()}": path.read_bytes() for path in sources}


def test_the_vendor_layer_is_what_is_locked_for_lambda_and_tells_nothing_of_who_built_it(build: Path) -> None:
    inside = contents(build / "layers/vendor.zip")
    locked = (ROOT / "layers/vendor/requirements.txt").read_text("utf-8")
    vendored = json.loads((build / "manifest.json").read_text("utf-8"))["vendored"]
    for name, version in vendored.items():
        assert f"{name}=={version}" in locked
    assert {"botocore", "httpx", "pyjwt", "cryptography", "aws-lambda-powertools", "tzdata"} <= set(vendored)
    assert all(path.startswith("python/") for path in inside)
    assert [
        path for path in inside if path.endswith((".pyc", "RECORD", "INSTALLER", "direct_url.json"))
    ] == []
    libraries = {path: content for path, content in inside.items() if path.endswith(".so")}
    assert {path.rpartition("/")[2].partition(".")[0] for path in libraries} >= {"_rust", "_cffi_backend"}
    for path, content in libraries.items():
        assert int.from_bytes(content[18:20], "little") == ARM64, path
    # Paths of the machine that built it would be in what the installer wrote.
    assert not any(str(ROOT).encode() in content for content in inside.values())


def test_another_checkout_another_umask_and_other_times_give_the_same_bytes(
    build: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "else where"
    for part in ("functions", "layers", "local", "infra", "docs"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for number, path in enumerate(sorted(copy.rglob("*"), reverse=True)):
        os.utime(path, (number, number * 86_400))
    (copy / "functions/webhook/__pycache__").mkdir()
    (copy / "functions/webhook/__pycache__/handler.cpython-311.pyc").write_bytes(b"stale")
    again = tmp_path / "out"
    done = slipway("build", copy / EXAMPLE.relative_to(ROOT), "--out", again, checkout=copy, umask=0o077)
    assert done.returncode == 0, done.stderr
    assert files_of(again) == files_of(build)


def test_sizes_are_printed_and_json_is_the_manifest_alone(build: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(build, out)  # an earlier build, which is replaced
    (out / "stale.txt").write_text("of the earlier build", "ascii")
    done = slipway("build", EXAMPLE, "--out", out, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    manifest = json.loads((build / "manifest.json").read_text("utf-8"))
    assert json.loads(done.stdout) == {"built": True, "out": str(out), **manifest}
    assert files_of(out) == files_of(build)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A folder that looks like an earlier build."""
    out = tmp_path / "deployment"
    out.mkdir()
    (out / "manifest.json").write_text("{}", "ascii")
    return out


def broken(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = EXAMPLE.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "slipway.yaml"
    path.write_text(text, "utf-8")
    return path


def test_every_fault_of_the_configuration_is_told_and_an_earlier_build_stays(
    tmp_path: Path, earlier: Path
) -> None:
    path = broken(tmp_path, ("pool: general", "pool: generl"), ("cpu: 1", "cpu: many"))
    before = files_of(earlier)
    done = slipway("build", path, "--out", earlier)
    assert done.returncode == 1
    assert "profiles.small.cpu" in done.stderr
    assert "did you mean 'general'" in done.stderr
    told = json.loads(slipway("build", path, "--out", earlier, "--json").stdout)
    assert {fault["path"] for fault in told["faults"]} == {"profiles.small.cpu", "profiles.small.pool"}
    assert files_of(earlier) == before


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = slipway("build", tmp_path / "none.yaml", "--out", tmp_path / "out")
    assert (done.returncode, (tmp_path / "out").exists()) == (1, False)
    assert "none.yaml: (file): cannot be read: No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file"),
        (b"hello", "holds no PEM certificate"),
        (b"\xff", "holds no PEM"),
    ],
)
def test_a_private_authority_that_cannot_be_used_is_told_and_an_earlier_build_stays(
    tmp_path: Path, earlier: Path, content: bytes | None, why: str
) -> None:
    path = broken(
        tmp_path, ("  url: https://github.com", "  url: https://ghes.example\n  ca_bundle: keys/ca.pem")
    )
    if content is not None:
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys/ca.pem").write_bytes(content)
    before = files_of(earlier)
    done = slipway("build", path, "--out", earlier, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["error"].startswith(f"{path}: not built: github.ca_bundle: {tmp_path / 'keys/ca.pem'}")
    assert why in told["error"]
    assert files_of(earlier) == before


def test_a_private_authority_lies_beside_the_configuration_of_those_that_ask_github(tmp_path: Path) -> None:
    path = broken(
        tmp_path, ("  url: https://github.com", "  url: https://ghes.example\n  ca_bundle: keys/ca.pem")
    )
    (tmp_path / "keys").mkdir()
    pem = Path(certifi.where()).read_bytes()
    (tmp_path / "keys/ca.pem").write_bytes(pem)
    assert slipway("build", path, "--out", tmp_path / "out").returncode == 0
    with_it = set()
    for name in FUNCTIONS:
        inside = contents(tmp_path / "out/functions" / f"{name}.zip")
        assert json.loads(inside["slipway.json"])["github"]["ca_bundle"] == "ca_bundle.pem"
        assert inside.get("ca_bundle.pem", pem) == pem
        with_it |= {name} if "ca_bundle.pem" in inside else set()
    assert with_it == {"registrar", "reaper", "redelivery"}


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", "ascii")
    done = slipway("build", EXAMPLE, "--out", tmp_path)
    assert done.returncode == 1
    assert "is no earlier build" in done.stderr
    assert (tmp_path / "thesis.txt").read_text("ascii") == "years of work"
    done = slipway("build", EXAMPLE, "--out", tmp_path / "thesis.txt")
    assert (done.returncode, "is no folder" in done.stderr) == (1, True)


def test_a_package_beyond_lambdas_limits_is_told_and_an_earlier_build_stays(
    earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ZIP_BYTES", 1_000_000)
    file = check_file(EXAMPLE).file
    assert file
    before = files_of(earlier)
    with pytest.raises(
        BuildError, match=r"layers/vendor\.zip has 7,\d+,\d+ bytes, and Lambda takes 1,000,000"
    ):
        building.build(building.Order(EXAMPLE, file, LAMBDA), earlier)
    assert files_of(earlier) == before
    assert [path.name for path in earlier.parent.iterdir()] == ["deployment"]


def test_bytecode_is_refused_of_a_python_that_is_not_the_functions(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho Python 3.9.1\n", "ascii")
    other.chmod(0o755)
    done = slipway("build", EXAMPLE, "--out", tmp_path / "out", "--bytecode", other)
    assert (done.returncode, (tmp_path / "out").exists()) == (1, False)
    assert "is Python 3.9.1, and the functions run on 3.13" in done.stderr


def test_make_build_asks_for_a_slipway_yaml_and_takes_another_by_name(tmp_path: Path) -> None:
    dry = ["make", "--no-print-directory", "--dry-run", "build"]
    plain = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "slipway build slipway.yaml --out build/deployment" in plain
    named = subprocess.run(
        [*dry, "CONFIG=mine.yaml", "OUT=there"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "slipway build mine.yaml --out there" in named
