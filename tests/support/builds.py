"""A build of ``slipway.yaml`` in a tenth of a second: the real description, and packages with nothing in them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from local.configuration.check import check_file
from local.configuration.compilation import compiled_body
from local.infrastructure import host_scripts
from local.infrastructure.description import describe
from local.infrastructure.places import Places
from slipway.config import decode_configuration, environments_of

LAYERS = ("core", "vendor")


def describe_file(file: Path) -> dict[str, Any]:
    """Return the description of the deployment of a ``slipway.yaml``."""
    verdict = check_file(file)
    assert verdict.file is not None, verdict.faults
    body = compiled_body(verdict.file)
    configuration = decode_configuration(body)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return describe(configuration, Places(), host_scripts.read(), sha256, environments_of(body))


def make_build(file: Path, folder: Path) -> Path:
    """Write what Terraform reads of a build, and return its folder."""
    description = describe_file(file)
    names = [f"functions/{name}.zip" for name in [*description["functions"], "reach"]]
    names += [f"layers/{name}.zip" for name in LAYERS]
    manifest: dict[str, Any] = {
        "version": 1,
        "configuration_sha256": description["configuration_sha256"],
        "packages": {},
    }
    for name in names:
        content = _package(name)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        manifest["packages"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2), "utf-8")
    (folder / "deployment.json").write_text(json.dumps(description, indent=2), "utf-8")
    return folder


def _package(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("handler.py"), f"# {name}\n")
    return stream.getvalue()
