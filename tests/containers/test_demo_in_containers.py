"""`slipway demo --containers`: jobs run in containers of the runner image, with the deployed task definitions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.containers.images import runner_image
from local.containers.podman import Podman
from tests.support.checkout import IMPORT_PATH

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 300.0


def containers(podman: Podman) -> list[dict[str, str]]:
    listing = podman.run("ps", "--all", "--filter=name=slipway-demo-", "--format=json").stdout
    found: list[dict[str, str]] = json.loads(listing)
    return found


def test_jobs_run_in_containers_of_the_runner_image_and_nothing_is_left(
    podman: Podman, tmp_path: Path
) -> None:
    image = runner_image(podman)
    demo = subprocess.Popen(
        [sys.executable, "-m", "local.slipway_cli", "demo", "--containers", "--json", "--jobs=4", f"--keep-logs={tmp_path}"],
        env={**os.environ, "PYTHONPATH": IMPORT_PATH},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        seen: set[str] = set()
        deadline = time.monotonic() + LONGEST_SECONDS
        while demo.poll() is None and not seen and time.monotonic() < deadline:
            seen |= {one["Image"] for one in containers(podman)}
        printed, complaints = demo.communicate(timeout=LONGEST_SECONDS)
    finally:
        demo.kill()
    assert printed, complaints
    result = json.loads(printed)
    assert result["violations"] == []
    assert set(result["leaked"].values()) == {0}
    assert result["jobs_completed"] + result["jobs_cancelled"] == 4
    assert demo.returncode == 0
    assert seen == {image}
    assert containers(podman) == []


def test_a_machine_that_can_run_no_containers_is_told_why(tmp_path: Path) -> None:
    for name in ("bash", "curl"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    done = subprocess.run(
        [sys.executable, "-m", "local.slipway_cli", "demo", "--containers", "--jobs=1"],
        env={"PATH": str(tmp_path), "PYTHONPATH": IMPORT_PATH},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "cannot run" in done.stderr
    assert "make image-check" in done.stderr
