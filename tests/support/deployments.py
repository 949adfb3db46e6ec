"""Deployments to check: what `slipway build` would put into a folder, described from files of the repository."""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from local.infrastructure.cloudformation.sam_files import sam_files
from local.infrastructure.places import FUNCTIONS
from tests.support.builds import describe_file

ROOT = Path(__file__).parents[2]
ENTERPRISE = ROOT / "docs" / "examples" / "slipway.yaml"  # no App: no redelivery
TWO_REGIONS = ROOT / "tests" / "fixtures" / "config" / "two-regions.yaml"
ENVIRONMENTS = ROOT / "docs" / "examples" / "environments.yaml"
PACKAGES = [
    *(f"functions/{name}.zip" for name in FUNCTIONS),
    *(f"layers/{name}.zip" for name in ("core", "vendor")),
]


@cache
def description_of(file: Path) -> dict[str, Any]:
    """Return the description of a ``slipway.yaml``; it is shared, so change a copy only."""
    return describe_file(file)


def assemble(file: Path, folder: Path, home_region: str | None = None) -> Path:
    """Write a deployment's templates, and in place of its packages empty ones; return ``template.yaml``."""
    for name, text in sam_files(description_of(file), home_region):
        (folder / name).write_text(text, "utf-8")
    of_environments = ["functions/environments.zip"] if "environments" in description_of(file) else []
    for name in [*PACKAGES, *of_environments]:
        package = folder / name
        package.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("empty.py", "")
    return folder / "template.yaml"
