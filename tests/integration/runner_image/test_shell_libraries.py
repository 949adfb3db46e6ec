"""The shell libraries function by function, in their own language: tests/integration/runner_image/shell."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "shell"
IMAGE = Path(__file__).parents[3] / "runner-image"


@pytest.mark.toolchain
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.bats")))
def test_every_test_of_a_library_passes(name: str) -> None:
    if shutil.which("bats") is None:
        pytest.skip("no bats: make image-check installs it (Debian, as root)")
    done = subprocess.run(["bats", str(FOLDER / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not ok" not in done.stdout
    assert done.stdout.startswith("1..")


def test_every_return_of_what_a_signal_may_call_names_its_status() -> None:
    """A bare one inside a trap's handler gives the status of whatever the signal interrupted [RUNNER-BASH-TRAP-RETURN]."""
    scripts = [IMAGE / "entrypoint.sh", *sorted((IMAGE / "lib").glob("*.sh"))]
    bare = re.compile(r"(?<![\w-])return\s*(?:;|\}|$)", re.MULTILINE)
    found = [script.name for script in scripts if bare.search(script.read_text("utf-8"))]
    assert len(scripts) > 5
    assert found == []
