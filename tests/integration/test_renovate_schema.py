"""Renovate's own JSON Schema accepts our configuration and the preset; it comes with Renovate's npm package."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]
ROOT = Path(__file__).parents[2]
RENOVATE = "renovate@44.121.2"
KEPT = ROOT / "build" / f"{RENOVATE.replace('@', '-')}-schema.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    with KEPT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several workers one fetches, the others wait
        if not KEPT.exists():
            with tempfile.TemporaryDirectory(dir=KEPT.parent) as folder:
                fetch_schema(Path(folder)).replace(KEPT)
    body: dict[str, Any] = json.loads(KEPT.read_text("utf-8"))
    return body


def fetch_schema(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to fetch Renovate's schema with: apt-get install npm")
    packing = [npm, "pack", RENOVATE, "--silent", f"--pack-destination={folder}"]
    try:
        done = subprocess.run(packing, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry did not answer within a minute")
    if done.returncode:
        pytest.skip(f"the npm registry cannot be reached: {done.stderr[-200:].strip()}")
    (package,) = folder.glob("*.tgz")
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/renovate-schema.json")
        assert member is not None
        (folder / "schema.json").write_bytes(member.read())
    return folder / "schema.json"


@pytest.mark.parametrize("name", ["renovate.json", "renovate/preset.json"])
def test_the_schema_accepts_it(name: str, schema: dict[str, Any]) -> None:
    jsonschema.validate(json.loads((ROOT / name).read_text("utf-8")), schema)


@pytest.mark.parametrize("name", ["renovate.json", "renovate/preset.json"])
def test_it_has_no_word_that_renovate_does_not_know(name: str, schema: dict[str, Any]) -> None:
    """The schema itself lets unknown keys pass."""
    body = json.loads((ROOT / name).read_text("utf-8"))
    known = set(schema["properties"])
    assert set(body) - known - {"$schema"} == set()
    of_a_rule = schema["definitions"]["packageRules"]["items"]["allOf"][0]["properties"]
    for rule in body["packageRules"]:
        assert set(rule) - known - set(of_a_rule) == set()


def test_a_wrong_value_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"minimumReleaseAge": 7}, schema)
