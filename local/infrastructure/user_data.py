"""User data: what makes an EC2 instance a host of its pool, as one text for both infrastructure trees. Pure."""

from __future__ import annotations

import gzip
import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from local.infrastructure.places import DescriptionError

MAX_USER_DATA_BYTES = 16_384  # [EC2-USER-DATA-16K]
UID_RANGES_RUNTIME = "uid_ranges.py"
PLACE, END = "/opt/slipway", "END_OF_FILE"
COMMENT = re.compile(r'\s*(#(?!!)|"""[^"]*"""$)')
NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
IMAGE = re.compile(r"[A-Za-z0-9._/:@-]{1,512}")
MIRROR = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")


class UserDataError(DescriptionError):
    """The user data cannot be made; the message says of what and why."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What a host is told of its pool. Names and numbers only: nothing in it is secret."""

    cluster: str
    pool: str
    isolation: Literal["shared", "instance"] = "shared"
    docker: Literal["none", "nested", "privileged"] = "none"  # the strongest of the pool's profiles
    uid_ranges: Literal["shared", "per-container"] = "shared"
    images: tuple[str, ...] = ()
    registry_mirror: str | None = None
    reserved_memory_mib: int = 512
    task_pids_limit: int = 16_384
    disk_quota_gib: int = 0  # per container, and per volume of one; needs an empty disk. 0: none

    def faults(self) -> list[str]:
        """Return everything that no host can be told, one sentence each."""
        faults = [
            f"{what} {value!r} is not made of letters, digits, hyphens and underscores"
            for what, value in (("cluster", self.cluster), ("pool", self.pool))
            if not NAME.fullmatch(value)
        ]
        faults += [f"image {image!r} is no image name" for image in self.images if not IMAGE.fullmatch(image)]
        if self.registry_mirror is not None and not MIRROR.fullmatch(self.registry_mirror):
            faults.append(f"registry mirror {self.registry_mirror!r} is no https address")
        if self.docker == "privileged" and self.isolation != "instance":
            faults.append("docker: privileged needs isolation: instance")
        if self.docker == "privileged" and self.uid_ranges == "per-container":
            faults.append("privileged tasks have no uid range of their own")
        numbers = (self.reserved_memory_mib, self.disk_quota_gib, self.task_pids_limit - 1)
        if min(numbers) < 0:
            faults.append("memory, process ids and disk are whole numbers, not below 0")
        return faults


def user_data(settings: HostSettings, scripts: Mapping[str, str]) -> bytes:
    """Return the user data of an ECS-optimized Amazon Linux 2023 instance; the same input gives the same bytes.

    It is gzipped, which cloud-init undoes by itself [EC2-CLOUD-INIT-GZIP]; a launch template wants it in base64.

    Args:
        settings: what the host is told.
        scripts: ``infra/hosts`` by path within it, as ``host_scripts.read`` gives them.

    Raises:
        UserDataError: a setting is impossible, or the text is beyond what EC2 takes.
    """
    packed = gzip.compress(boothook(settings, scripts).encode(), compresslevel=9, mtime=0)
    if len(packed) > MAX_USER_DATA_BYTES:
        raise UserDataError(
            f"user data of pool {settings.pool} has {len(packed):,} bytes, and EC2 takes {MAX_USER_DATA_BYTES:,}:"
            " name fewer images to pull beforehand, or bake them into an AMI"
        )
    return packed


def boothook(settings: HostSettings, scripts: Mapping[str, str]) -> str:
    """Return the user data as it is before it is packed: a shell script that can be read.

    It is a boothook: cloud-init runs it at every boot and before docker.service, for which any other kind of user
    data would come too late [EC2-CLOUD-INIT-BOOTHOOK].
    """
    if faults := settings.faults():
        raise UserDataError("; ".join(faults))
    folders = sorted({PLACE, *(f"{PLACE}/{name.rpartition('/')[0]}" for name in scripts if "/" in name)})
    lines = [
        "#cloud-boothook",
        "#!/bin/bash",
        "set -euo pipefail",
        f"mkdir -p /etc/slipway {' '.join(folders)}",
    ]
    variables = _variables(settings, scripts)
    lines += _file(
        "/etc/slipway/host.env", "".join(f"{name}={shlex.quote(variables[name])}\n" for name in variables)
    )
    unused = {UID_RANGES_RUNTIME} if settings.uid_ranges == "shared" else set()
    for name in sorted(scripts.keys() - unused):
        lines += _file(f"{PLACE}/{name}", scripts[name])
    return "\n".join([*lines, f"exec {PLACE}/configure.sh", ""])


def without_comments(text: str) -> str:
    """Return a script without its lines that only comment or are a docstring: half of EC2's room would go to them."""
    return "".join(line for line in text.splitlines(keepends=True) if not COMMENT.match(line))


def _file(path: str, content: str) -> list[str]:
    if END in content or not content.endswith("\n"):
        raise UserDataError(f"{path} has a line {END}, or no end to its last line")
    mode = ["chmod 755 " + path] if content.startswith("#!") else []
    return [f"cat >{path} <<'{END}'", content.removesuffix("\n"), END, *mode]


def generation(settings: HostSettings, scripts: Mapping[str, str]) -> str:
    """Return what tells hosts of these settings and scripts from others: 12 hexadecimal digits."""
    return _variables(settings, scripts)["SLIPWAY_GENERATION"]


def _variables(settings: HostSettings, scripts: Mapping[str, str]) -> dict[str, str]:
    variables = {
        "SLIPWAY_CLUSTER": settings.cluster,
        "SLIPWAY_POOL": settings.pool,
        "SLIPWAY_ISOLATION": settings.isolation,
        "SLIPWAY_DOCKER": settings.docker,
        "SLIPWAY_UID_RANGES": settings.uid_ranges,
        "SLIPWAY_IMAGES": " ".join(settings.images),
        "SLIPWAY_REGISTRY_MIRROR": settings.registry_mirror or "",
        "SLIPWAY_RESERVED_MEMORY_MIB": str(settings.reserved_memory_mib),
        "SLIPWAY_TASK_PIDS_LIMIT": str(settings.task_pids_limit),
        "SLIPWAY_DISK_QUOTA_GIB": str(settings.disk_quota_gib),
    }
    made_of = repr((sorted(variables.items()), sorted(scripts.items()))).encode()
    return {**variables, "SLIPWAY_GENERATION": hashlib.sha256(made_of).hexdigest()[:12]}
