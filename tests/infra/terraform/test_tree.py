"""``infra/terraform`` passes Terraform's own checks: format, validate, its tests; and its examples plan as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from local.infra_check.terraform.run import Terraform
from tests.support.terraform_tree import TerraformTree

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]
SOURCE = Path(__file__).parents[3] / "infra" / "terraform"
FOLDERS = sorted(
    str(path.parent.relative_to(SOURCE)) for path in SOURCE.rglob("main.tf") if ".terraform" not in path.parts
)
TESTS = sorted(path.name.removesuffix(".tftest.hcl") for path in (SOURCE / "tests").glob("*.tftest.hcl"))
RUN = re.compile(r'^run "(\w+)"', re.MULTILINE)


def test_every_file_is_formatted(terraform_program: Terraform) -> None:
    assert terraform_program.misformatted(SOURCE) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_and_example_is_valid(folder: str, terraform_tree: TerraformTree) -> None:
    assert terraform_tree.terraform.faults(terraform_tree.folder / folder) == []


@pytest.mark.parametrize("name", TESTS)
def test_its_tests_pass(name: str, terraform_tree: TerraformTree) -> None:
    wanted = RUN.findall((SOURCE / "tests" / f"{name}.tftest.hcl").read_text("utf-8"))
    assert terraform_tree.run_tests(name) == wanted != []


@pytest.mark.parametrize("example", ["complete", "image-build", "minimal", "network", "private-clusters"])
def test_every_example_plans_as_it_stands(example: str, terraform_tree: TerraformTree) -> None:
    plan = terraform_tree.plan_example(example)
    assert len({resource.address for resource in plan.resources}) == len(plan.resources) > 25
    unknown = {name for name, value in plan.outputs.items() if not isinstance(value, str | list | dict)}
    assert unknown == set()


@pytest.mark.parametrize("example", ["complete", "minimal"])
def test_every_placeholder_of_the_description_is_filled_in(
    example: str, terraform_tree: TerraformTree
) -> None:
    rendered = (terraform_tree.build(example) / "deployment.json").read_text("utf-8")
    assert "${claim_url}" in rendered
    for resource in terraform_tree.plan_example(example).resources:
        text = json.dumps(resource.values, default=repr).replace("${PROP(", "")  # CloudWatch's own, in labels
        assert "${" not in text, resource.address


def test_no_two_runs_of_a_plan_differ(terraform_tree: TerraformTree) -> None:
    assert terraform_tree.plan("minimal") == terraform_tree.plan("minimal")
