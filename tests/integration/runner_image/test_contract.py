"""The contract names what the scripts do: phases, exit codes, variables and build arguments."""

from __future__ import annotations

import re

import pytest

from tests.integration.runner_image.container import RUNNER_IMAGE

README = (RUNNER_IMAGE / "README.md").read_text()
SCRIPTS = "\n".join(
    path.read_text()
    for path in (RUNNER_IMAGE / "entrypoint.sh", *sorted((RUNNER_IMAGE / "lib").glob("*.sh")))
)
PHASES = set(re.findall(r"^[^#\n]*?(?<![\w$])phase ([a-z_]+)", SCRIPTS, re.MULTILINE))
EXIT_CODES = dict(re.findall(r"\b(EXIT_[A-Z_]+)=(\d+)", SCRIPTS))
VARIABLES = set(re.findall(r"\$\{([A-Z][A-Z0-9_]+):-", SCRIPTS))
ARGUMENTS = set(re.findall(r"^ARG ([A-Z0-9_]+)", (RUNNER_IMAGE / "Dockerfile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("phase", sorted(PHASES))
def test_every_phase_stands_in_the_contract(phase: str) -> None:
    log = README.partition("\n## Log\n")[2].partition("\n## ")[0]
    assert f"`{phase}`" in log


@pytest.mark.parametrize(("name", "code"), sorted(EXIT_CODES.items()))
def test_every_exit_code_stands_in_the_contract(name: str, code: str) -> None:
    assert f"\n| {code} | " in README.partition("\n## Exit codes\n")[2].partition("\n## ")[0], name


def test_exit_codes_differ() -> None:
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES) == 11


@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_every_variable_that_is_read_stands_in_the_contract(variable: str) -> None:
    assert f"`{variable}`" in README


@pytest.mark.parametrize("argument", sorted(ARGUMENTS - {"TARGETARCH"}))
def test_every_build_argument_stands_in_the_contract(argument: str) -> None:
    assert f"`{argument}`" in README.partition("\n## Build\n")[2].partition("\n## ")[0]
