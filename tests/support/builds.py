"""A build of ``slipway.yaml`` in a tenth of a second: the real description, and packages with nothing in them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from local.slipway_cli.configuration.check import check_file
from local.slipway_cli.configuration.compilation import compiled_body
from local.slipway_cli.infrastructure import host_scripts
from local.slipway_cli.infrastructure.description import describe
from local.slipway_cli.infrastructure.places import Places
from slipway.config import decode_configuration

LAYERS = ("core", "vendor")


def describe_file(file: Path) -> dict[str, Any]:
    """Return the description of the deployment of a ``slipway.yaml``."""
    verdict = check_file(file)
    assert verdict.file is not None, verdict.faults
    configuration = decode_configuration(compiled_body(verdict.file))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return as_agreed(describe(configuration, Places(), host_scripts.read(), sha256))


def as_agreed(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description with each secret's readers and with alarms, until it has them itself."""
    secrets = description["secrets"]
    if isinstance(secrets, list):
        readers = {name: ["webhook"] if "webhook" in name else ["reaper", "registrar"] for name in secrets}
        description["secrets"] = {name: {"readers": readers[name]} for name in secrets}
    deployment = description["deployment"]
    alarm = {
        "description": "Messages that the scaler could not handle.",
        "namespace": "AWS/SQS",
        "metric": "ApproximateNumberOfMessagesVisible",
        "dimensions": {"QueueName": f"{deployment}-dead-letters"},
        "statistic": "Maximum",
        "period_seconds": 300,
        "evaluation_periods": 1,
        "threshold": 0,
        "comparison": "GreaterThanThreshold",
        "missing": "notBreaching",
    }
    of_webhook = {
        **alarm,
        "metric": "5xx",
        "namespace": "AWS/ApiGateway",
        "dimensions": {"ApiId": "${webhook_api_id}"},
    }
    return {"alarms": {"dead-letters": alarm, "webhook-5xx": of_webhook}, **description}


def make_build(file: Path, folder: Path) -> Path:
    """Write what Terraform reads of a build, and return its folder."""
    description = describe_file(file)
    names = [f"functions/{name}.zip" for name in description["functions"]]
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
