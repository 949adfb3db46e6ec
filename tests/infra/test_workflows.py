"""actionlint, with shellcheck, on this repository's workflows and on those of the recipes; mistakes are seen."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.infra_tools import run, tool
from tests.support.repository import ROOT

pytestmark = pytest.mark.toolchain
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RECIPES = sorted((ROOT / "docs" / "recipes").glob("*/*.yml"))
WORKFLOWS = [str(path.relative_to(ROOT)) for path in [*OWN, *RECIPES]]
BY_SHA = re.compile(r"[\w./-]+@[0-9a-f]{40}")
CALLED = re.compile(r"[\w-]+/[\w.-]+/\.github/workflows/[\w.-]+@refs/heads/main")


def faults(workflow: Path) -> str:
    """What actionlint says of a workflow; of its scripts, shellcheck beside this Python."""
    found = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    settings = ROOT / ".github" / "actionlint.yaml"
    program = tool("actionlint", ".venv-infra")
    done = run(
        program, "-no-color", "-oneline", "-config-file", settings, workflow, cwd=ROOT, environment=found
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_there_are_workflows_of_ours_and_of_both_recipes() -> None:
    assert OWN
    assert {path.parent.name for path in RECIPES} == {"image-build", "private-clusters"}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_actionlint_finds_nothing(workflow: str) -> None:
    assert faults(ROOT / workflow) == ""


MISTAKES = {
    "undefined step": ("steps.push.outputs.image", "steps.pushed.outputs.image", '"pushed" is not defined'),
    "unknown input": ("inputs.context", "inputs.contxt", '"contxt" is not defined'),
    "unknown key": ("timeout-minutes: 60", "timeout: 60", 'unexpected key "timeout"'),
    "script": ("run: /opt/image-build/build.sh", "run: cd $CONTEXT && make", "shellcheck reported"),
    "pasted text": (
        "run: /opt/image-build/build.sh",
        'run: echo "${{ github.event.head_commit.message }}"',
        "potentially untrusted",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_that_is_put_in_is_found(mistake: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "recipes" / "image-build" / "build-image.yml").read_text("utf-8")
    right, wrong, said = MISTAKES[mistake]
    assert right in text
    (tmp_path / "build-image.yml").write_text(text.replace(right, wrong, 1), "utf-8")
    assert said in faults(tmp_path / "build-image.yml")


@pytest.mark.parametrize("workflow", [str(path.relative_to(ROOT)) for path in RECIPES])
def test_a_recipe_names_actions_by_their_sha_asks_for_no_secret_and_has_no_right_by_default(
    workflow: str,
) -> None:
    text = (ROOT / workflow).read_text("utf-8")
    used = re.findall(r"uses:\s*(\S+)", text)
    assert used
    assert [name for name in used if not (BY_SHA.fullmatch(name) or CALLED.fullmatch(name))] == []
    assert "secrets" not in text
    assert "aws-access-key" not in text
    body = yaml.safe_load(text)
    assert body["permissions"] == {}
    for job in body["jobs"].values():
        assert "permissions" in job
        assert [step for step in job.get("steps", []) if "${{" in step.get("run", "")] == []


def test_actions_of_a_recipe_are_those_that_this_repository_uses_itself() -> None:
    """So that Renovate moves both, and nothing is pinned here that nobody looked at."""
    ours = set(re.findall(r"uses:\s*(\S+@[0-9a-f]{40} # v\S+)", "".join(p.read_text("utf-8") for p in OWN)))
    theirs = set(
        re.findall(r"uses:\s*(\S+@[0-9a-f]{40} # v\S+)", "".join(p.read_text("utf-8") for p in RECIPES))
    )
    assert theirs <= ours
