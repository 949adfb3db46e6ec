"""The command as an operator runs it, and one build of the example for all tests."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "slipway.yaml"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def slipway(
    *arguments: object, checkout: Path = ROOT, umask: int = 0o022
) -> subprocess.CompletedProcess[str]:
    """Run the command of a checkout."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "local.slipway_cli", *map(str, arguments)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(checkout), str(checkout / "layers" / "core" / "python")]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        umask=umask,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``slipway build`` makes of the example; nobody may change it."""
    out = tmp_path_factory.mktemp("build") / "deployment"
    done = slipway("build", EXAMPLE, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def contents(archive: Path) -> dict[str, bytes]:
    """Return a zip's files by path."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
