"""What holds for every file of the repository."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT, repository_files

LOCKS = [
    ROOT / "layers/vendor/requirements.txt",
    ROOT / "local/requirements.txt",
    ROOT / "local/bootstrap.txt",
    ROOT / "local/infra_check/requirements.txt",
    ROOT / "local/infra_check/checkov.txt",
]
MAX_MODULE_LINES = 400
# Homes of people; /home/runner, /opt and /var/task are paths of images.
HOME_PATH = r"/home/(?!runner\b)[a-z]\w+|/Users/\w+|/root/\."
MOCKS = re.compile(r"^\s*(?:from unittest import .*\bmock\b|(?:from|import) unittest\.mock\b)", re.MULTILINE)
# And where this checkout lies, unless that is a name as common as /src.
CHECKOUT_PATH = f"|{re.escape(str(ROOT))}" if len(ROOT.parts) > 2 else ""
MACHINE_PATH = re.compile(rf"(?<![\w.<])(?:{HOME_PATH}{CHECKOUT_PATH})\b")


def text_of(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_lock_file_names_no_address_and_pins_everything_with_hashes(lock: Path) -> None:
    text = lock.read_text("utf-8")
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", text)
    lines = text.replace("\\\n", " ").splitlines()
    requirements = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert requirements
    for requirement in requirements:
        assert re.match(r"[A-Za-z0-9._-]+==[^\s;]+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_what_functions_run_with_is_what_the_tests_run_with() -> None:
    def pins(lock: Path) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", lock.read_text("utf-8"), re.MULTILINE))

    runtime, local = pins(LOCKS[0]), pins(LOCKS[1])
    assert runtime.items() <= local.items()


def test_no_module_is_longer_than_400_lines() -> None:
    sources = [path for path in repository_files() if path.suffix in (".py", ".sh")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in sources}
    assert {name: length for name, length in lengths.items() if length > MAX_MODULE_LINES} == {}


def test_nothing_is_tested_against_a_mock() -> None:
    """A mock agrees to every call; a fake is held to the contract of what it stands for."""
    sources = [path for path in repository_files() if path.suffix == ".py"]
    found = [
        f"{path.relative_to(ROOT)}: {match.group().strip()}"
        for path in sources
        for match in MOCKS.finditer(path.read_text("utf-8"))
    ]
    assert found == []


def test_no_file_names_a_path_of_one_machine() -> None:
    this = Path(__file__).resolve()
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for path in repository_files()
        if path.resolve() != this and (text := text_of(path)) is not None
        for match in MACHINE_PATH.finditer(text)
    ]
    assert found == []


def linter(name: str) -> Path:
    """A linter of the environment that runs the tests: a program in a Python package."""
    program = Path(sys.executable).parent / name
    if not program.exists():
        pytest.skip(f"no {name} beside this Python: run make setup")
    return program


def test_every_shell_script_passes_shellcheck() -> None:
    scripts = [
        path for path in repository_files() if path.suffix in (".sh", ".bats") or path == ROOT / ".ci" / "run"
    ]
    command = [str(linter("shellcheck")), "--external-sources", *map(str, scripts)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_dockerfile_passes_hadolint() -> None:
    files = [path for path in repository_files() if path.name.endswith("Dockerfile")]
    assert ROOT / "runner-image" / "Dockerfile" in files
    done = subprocess.run(
        [linter("hadolint"), "--no-color", *files], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_version_is_the_newest_heading_of_the_changelog_or_unreleased() -> None:
    version = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    heading = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert version
    assert heading
    assert heading[1] == version[1] or (heading[1] == "Unreleased" and ".dev" in version[1])
