"""A copy of ``infra/terraform`` to work on, with builds of its examples."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.infra_check.terraform.planned import Plan, planned
from local.infra_check.terraform.run import Terraform
from tests.support.builds import make_build

WEBHOOK_PATH = "f00d2b1c4d5e6f70"
# Those that deploy Slipway; the others are networks.
EXAMPLES = ("complete", "image-build", "minimal", "private-clusters")
ENVIRONMENTS = "environments"
DOCUMENTED = Path(__file__).parents[2] / "docs" / "examples"
NEEDS_REGIONS = "deployment"  # of the module's own tests; the others are quicker with the smallest build


@dataclass(frozen=True, slots=True)
class TerraformTree:
    """Tests that change something change a copy of it (``copy``)."""

    terraform: Terraform
    folder: Path
    builds: Path

    def configuration(self, example: str) -> Path:
        """Return the ``slipway.yaml`` of an example; that of environments is no tree's own."""
        if example == ENVIRONMENTS:
            return DOCUMENTED / f"{example}.yaml"
        return self.folder / "examples" / example / "slipway.yaml"

    def build(self, example: str) -> Path:
        """Return a build of an example, made once."""
        folder = self.builds / example
        return folder if folder.exists() else make_build(self.configuration(example), folder)

    def variables(self, example: str, **more: Any) -> dict[str, Any]:
        """Return what the root module needs to deploy what an example describes."""
        return {
            "build": self.build(example),
            "configuration": self.configuration(example),
            "webhook_path": WEBHOOK_PATH,
            **more,
        }

    def plan(self, example: str, **variables: Any) -> Plan:
        """Plan the root module with an example's ``slipway.yaml``, in the region that the stub is in."""
        return planned(self.terraform, self.folder, self.variables(example, **variables))

    def plan_example(self, example: str, **more: Any) -> Plan:
        """Plan an example as it stands, or with variables that it has a default for."""
        folder = self.folder / "examples" / example
        variables = (
            {"build": self.build(example), "webhook_path": WEBHOOK_PATH} if example in EXAMPLES else {}
        )
        return planned(self.terraform, folder, {**variables, **more})

    def run_tests(self, name: str) -> list[str]:
        """Run one file of the module's own tests, and return the runs that passed."""
        example = {NEEDS_REGIONS: "complete", ENVIRONMENTS: ENVIRONMENTS}.get(name, "minimal")
        given = {"build": self.build(example), "configuration": self.configuration(example)}
        return self.terraform.test(self.folder, given, only=f"tests/{name}.tftest.hcl")

    def copy(self, to: Path) -> TerraformTree:
        """Return a copy of the tree in a folder that does not exist yet, for mistakes to be put into."""
        shutil.copytree(self.folder, to, ignore=shutil.ignore_patterns("plan"))
        return TerraformTree(self.terraform, to, self.builds)
