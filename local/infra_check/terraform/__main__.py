"""``python -m local.infra_check.terraform validate|plan FOLDER [NAME=VALUE …]``: Terraform on a part of its tree."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from local.infra_check.terraform.package import PackageError, package
from local.infra_check.terraform.planned import planned
from local.infra_check.terraform.run import TerraformError, terraform

ROOT = Path(__file__).resolve().parents[3]
TREE = ROOT / "infra" / "terraform"


def main(arguments: list[str]) -> int:
    """Run it, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.infra_check.terraform", description=__doc__)
    parser.add_argument("action", choices=["validate", "plan"])
    parser.add_argument("folder", type=Path, help="the tree's root, a module or an example")
    parser.add_argument("variables", nargs="*", metavar="NAME=VALUE", help="with plan: paths are absolute")
    given = parser.parse_args(arguments)
    try:
        inside = given.folder.resolve().relative_to(TREE)
    except ValueError:
        parser.error(f"{given.folder} is not in {TREE.relative_to(ROOT)}")
    try:
        with tempfile.TemporaryDirectory(prefix="slipway-tree-") as place:
            # Terraform writes into the folder that it works on.
            tree = Path(shutil.copytree(TREE, Path(place) / "terraform"))
            with terraform(tree, package()) as program:
                if given.action == "validate":
                    faults = program.faults(tree / inside)
                    print("\n".join(faults) or "valid")
                    return 1 if faults else 0
                variables = dict(pair.split("=", 1) for pair in given.variables)
                for resource in planned(program, tree / inside, variables).resources:
                    print(f"{resource.address} {json.dumps(resource.values, default=repr)}")
    except (PackageError, TerraformError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
