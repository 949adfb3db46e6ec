"""Deployments to check: what `slipway build` would put into a folder, described from files of the repository."""

from __future__ import annotations

import hashlib
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from local.slipway_cli.configuration.compilation import compiled_body
from local.slipway_cli.infrastructure import host_scripts
from local.slipway_cli.infrastructure.cloudformation.sam_files import sam_files
from local.slipway_cli.infrastructure.description import describe
from local.slipway_cli.infrastructure.places import Places
from local.slipway_cli.verdicts import checked
from slipway.config import decode_configuration

ROOT = Path(__file__).parents[2]
ENTERPRISE = ROOT / "docs" / "examples" / "slipway.yaml"  # no App: no redelivery
TWO_REGIONS = ROOT / "tests" / "fixtures" / "config" / "two-regions.yaml"
PACKAGES = [
    *(f"functions/{name}.zip" for name in ("webhook", "scaler", "registrar", "reaper", "redelivery")),
    *(f"layers/{name}.zip" for name in ("core", "vendor")),
]


@cache
def description_of(file: Path) -> dict[str, Any]:
    """Return the description of a ``slipway.yaml``; it is shared, so change a copy only."""
    verdict = checked(file)
    assert verdict.file, verdict
    configuration = decode_configuration(compiled_body(verdict.file))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return describe(configuration, Places(), host_scripts.read(), sha256)


def assemble(file: Path, folder: Path, home_region: str | None = None) -> Path:
    """Write a deployment's templates, and in place of its packages empty ones; return ``template.yaml``."""
    for name, text in sam_files(description_of(file), home_region):
        (folder / name).write_text(text, "utf-8")
    for name in PACKAGES:
        package = folder / name
        package.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("empty.py", "")
    return folder / "template.yaml"
