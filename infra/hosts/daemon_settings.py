#!/usr/bin/python3
"""Prints Docker's daemon.json for this host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import host

HERE = Path(__file__).resolve().parent


def daemon_settings(settings: Mapping[str, str], folder: Path = HERE) -> dict[str, Any]:
    """Return what Docker is to be told, as preflight.py then finds it."""
    told: dict[str, Any] = {
        "storage-driver": "overlay2",
        "exec-opts": ["native.cgroupdriver=systemd"],
        "userland-proxy": False,
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m", "max-file": "2"},
        "icc": False,
    }
    if settings["SLIPWAY_DOCKER"] != "privileged":
        told["userns-remap"] = "default"
        told["seccomp-profile"] = str(folder / "seccomp.json")
    if settings.get("SLIPWAY_UID_RANGES") == "per-container":
        told["default-runtime"] = "slipway-uid-ranges"
        told["runtimes"] = {"slipway-uid-ranges": {"path": str(folder / "uid_ranges.py")}}
    if int(settings.get("SLIPWAY_DISK_QUOTA_GIB", "0")):
        told["storage-opts"] = [f"overlay2.size={settings['SLIPWAY_DISK_QUOTA_GIB']}G"]
    if settings.get("SLIPWAY_REGISTRY_MIRROR"):
        told["registry-mirrors"] = [settings["SLIPWAY_REGISTRY_MIRROR"]]
    return told


if __name__ == "__main__":
    print(json.dumps(daemon_settings(host.settings()), indent=2))
