"""Renovate's own JSON Schema accepts our configuration and the preset; it comes with Renovate's npm package."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
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
    if not KEPT.exists():
        fetch_schema()
    body: dict[str, Any] = json.loads(KEPT.read_text("utf-8"))
    return body


def fetch_schema() -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to fetch Renovate's schema with: apt-get install npm")
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    packing = [npm, "pack", RENOVATE, "--silent", f"--pack-destination={KEPT.parent}"]
    try:
        done = subprocess.run(packing, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry did not answer within a minute")
    if done.returncode:
        pytest.skip(f"the npm registry cannot be reached: {done.stderr[-200:].strip()}")
    package = KEPT.parent / done.stdout.strip().splitlines()[-1]
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/renovate-schema.json")
        assert member is not None
        KEPT.write_bytes(member.read())
    package.unlink()


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
