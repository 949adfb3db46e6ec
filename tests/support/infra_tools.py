"""Tools that live in environments of their own: where one is missing a test skips with the reason, or fails on request."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIRED = "SLIPWAY_REQUIRE_INFRA"  # set where a skip would hide something: continuous integration
# Read before a test's environment is cleaned of what is ours.
_IS_REQUIRED = bool(os.environ.get(REQUIRED))


def tool(name: str, environment: str) -> Path:
    """Return a program of ``.venv-infra`` or ``.venv-checkov``."""
    program = ROOT / environment / "bin" / name
    if program.exists():
        return program
    reason = f"no {name} in {environment}: run local/setup.sh infra"
    if _IS_REQUIRED:
        pytest.fail(f"{REQUIRED} is set, but there is {reason}")
    pytest.skip(reason)


def run(
    *command: str | Path, cwd: Path, environment: dict[str, str] | None = None, timeout_seconds: int = 180
) -> subprocess.CompletedProcess[str]:
    """Run a tool with no credentials, and nothing of this shell but the path and home."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**kept, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_seconds,
    )
