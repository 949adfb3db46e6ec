"""local/setup.sh on machines that lack something, played by a PATH with nothing else on it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED_BY_THE_SCRIPT = ("bash", "dirname", "cat", "env")


class Machine:
    """A directory of programs which is the whole PATH of the script under test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in NEEDED_BY_THE_SCRIPT:
            found = shutil.which(name)
            assert found
            (folder / name).symlink_to(found)

    def has(self, name: str, script: str = "exit 0") -> None:
        program = self.folder / name
        program.write_text(f"#!/bin/sh\n{script}\n", "ascii")
        program.chmod(0o755)

    def setup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(self.folder.parent / "copy" / "local" / "setup.sh"), *arguments],
            env={"PATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a checkout and no environment yet."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "copy" / "local").mkdir(parents=True)
    shutil.copy(ROOT / "local" / "setup.sh", tmp_path / "copy" / "local")
    return Machine(tmp_path / "bin")


def test_without_root_and_sudo_the_missing_packages_are_named_and_nothing_is_tried(machine: Machine) -> None:
    machine.has("id", "echo 1000")
    machine.has("python3", "exit 1")  # a Python whose venv module is not whole, as Debian ships it
    machine.has("make")
    machine.has("apt-get", "echo apt-get was called")
    done = machine.setup("system")
    assert done.returncode == 1
    assert "missing: curl python3-venv." in done.stderr
    assert "sudo apt-get install curl python3-venv" in done.stderr
    assert "was called" not in done.stdout + done.stderr


def test_with_root_the_missing_packages_are_installed_by_name(machine: Machine) -> None:
    machine.has("id", "echo 0")
    for name in ("python3", "make"):
        machine.has(name)
    machine.has("apt-get", 'echo "apt-get $*"')
    done = machine.setup("system")
    assert done.returncode == 0
    assert "install -y -qq --no-install-recommends curl" in done.stderr


def test_a_browser_is_installed_by_name_where_there_is_none(machine: Machine) -> None:
    machine.has("id", "echo 0")
    machine.has("apt-get", 'echo "apt-get $*"')
    done = machine.setup("browser")
    assert done.returncode == 0
    assert "install -y -qq --no-install-recommends chromium" in done.stderr


def test_nothing_is_installed_when_nothing_is_missing(machine: Machine) -> None:
    for name in ("python3", "make", "curl"):
        machine.has(name)
    done = machine.setup("system")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_missing_python_3_13_is_exit_3_with_a_reason_not_a_failure(machine: Machine) -> None:
    machine.has("python3.13", "exit 127")  # a version manager's shim that refuses to run
    done = machine.setup("python313")
    assert done.returncode == 3
    assert "PYTHON313=" in done.stderr


def test_an_unknown_part_is_refused(machine: Machine) -> None:
    assert machine.setup("everything").returncode == 1
