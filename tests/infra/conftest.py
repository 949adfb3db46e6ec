"""What the checks of ``infra/`` start from. Where a tool is missing, they skip and say which."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.infra_check.terraform.package import PackageError, package
from local.infra_check.terraform.run import OLDEST, Terraform, found, terraform
from tests.support.terraform_tree import TerraformTree

REQUIRED = "SLIPWAY_REQUIRE_INFRA"  # set where a skip would hide something: continuous integration
SOURCE = Path(__file__).parents[2] / "infra" / "terraform"


@pytest.fixture(scope="session")
def terraform_tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TerraformTree]:
    """A copy of ``infra/terraform``, and a Terraform that knows what it uses of AWS."""
    if found() is None:
        pytest.skip(f"no terraform {'.'.join(map(str, OLDEST))} or newer on the PATH")
    folder = tmp_path_factory.mktemp("tree") / "terraform"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    try:
        with terraform(folder, package()) as program:
            yield TerraformTree(program, folder, tmp_path_factory.mktemp("builds"))
    except PackageError as reason:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but {reason}")
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def terraform_program(terraform_tree: TerraformTree) -> Terraform:
    """That Terraform alone."""
    return terraform_tree.terraform
