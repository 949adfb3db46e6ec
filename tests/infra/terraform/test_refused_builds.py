"""A plan refuses what does not belong together, and says what to do about it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from local.infra_check.terraform.run import TerraformError
from tests.support.terraform_tree import TerraformTree

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]


def refusal(tree: TerraformTree, **variables: Any) -> str:
    """What Terraform says, on one line and without its frame."""
    with pytest.raises(TerraformError) as refused:
        tree.plan("minimal", **variables)
    return " ".join(str(refused.value).replace("│", " ").split())


@pytest.fixture
def own_build(terraform_tree: TerraformTree, tmp_path: Path) -> Path:
    """A build that a test may spoil."""
    return Path(shutil.copytree(terraform_tree.build("minimal"), tmp_path / "build"))


def change(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **fields}), "utf-8")


def test_a_configuration_that_has_changed_since_the_build(
    terraform_tree: TerraformTree, tmp_path: Path
) -> None:
    changed = tmp_path / "slipway.yaml"
    changed.write_text(terraform_tree.configuration("minimal").read_text("utf-8") + "# later\n", "utf-8")
    said = refusal(terraform_tree, configuration=changed)
    assert f"{changed} is not what the build in" in said
    assert f"Run `make build CONFIG={changed}`, which names each fault by path and reason" in said


def test_packages_of_another_configuration(terraform_tree: TerraformTree, own_build: Path) -> None:
    change(own_build / "manifest.json", configuration_sha256="0" * 64)
    assert "is not what the build in" in refusal(terraform_tree, build=own_build)


def test_a_folder_without_a_build(terraform_tree: TerraformTree, tmp_path: Path) -> None:
    said = refusal(terraform_tree, build=tmp_path)
    assert f"No build in {tmp_path}: make one with `make build CONFIG=slipway.yaml`." in said
    assert "has another version" not in said


def test_a_configuration_that_is_not_there(terraform_tree: TerraformTree, tmp_path: Path) -> None:
    assert f"No file {tmp_path}/none.yaml." in refusal(terraform_tree, configuration=tmp_path / "none.yaml")


@pytest.mark.parametrize("file", ["deployment.json", "manifest.json"])
def test_a_build_of_another_version(file: str, terraform_tree: TerraformTree, own_build: Path) -> None:
    change(own_build / file, version=2)
    assert "has another version than this module" in refusal(terraform_tree, build=own_build)


def test_a_task_definition_with_a_field_that_would_be_passed_over(
    terraform_tree: TerraformTree, own_build: Path
) -> None:
    description = json.loads((own_build / "deployment.json").read_text("utf-8"))
    definitions = description["task_definitions"]
    change(
        own_build / "deployment.json",
        task_definitions={
            name: {**definition, "pidMode": "task"} for name, definition in definitions.items()
        },
    )
    assert "has task definitions with fields that this module does not know" in refusal(
        terraform_tree, build=own_build
    )


@pytest.mark.parametrize("package", ["functions/scaler.zip", "layers/core.zip"])
def test_a_package_that_is_not_the_builds(
    package: str, terraform_tree: TerraformTree, own_build: Path
) -> None:
    with (own_build / package).open("ab") as file:
        file.write(b"more")
    said = refusal(terraform_tree, build=own_build)
    assert f"{own_build}/{package} is not the package that the build's manifest names" in said
