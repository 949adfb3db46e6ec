"""What the hosts of a pool are told, from the configuration: user data of either operating system. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from local.infrastructure.user_data import HostSettings, boothook, user_data
from slipway.domain.configuration import Configuration, Docker, Isolation, Pool, Profile

_WEAKEST_FIRST = (Docker.NONE, Docker.NESTED, Docker.PRIVILEGED)


def host_settings(configuration: Configuration, pool: Pool) -> HostSettings:
    """Return what a pool's hosts are told; what its profiles need, the strongest of them decides."""
    profiles = _profiles_of(configuration, pool)
    strongest = max((profile.docker for profile in profiles), key=_WEAKEST_FIRST.index, default=Docker.NONE)
    isolation = Isolation.INSTANCE if pool.exclusive else Isolation.SHARED
    return HostSettings(
        cluster=pool.cluster,
        pool=pool.name,
        isolation=isolation.value,
        docker=strongest.value,
        uid_ranges="per-container" if pool.uid_ranges == "per-container" else "shared",
        images=tuple(sorted({profile.image for profile in profiles})),
        registry_mirror=pool.registry_mirror,
        disk_quota_gib=pool.disk_quota_gib or 0,
    )


def user_data_files(configuration: Configuration, pool: Pool, scripts: Mapping[str, str]) -> dict[str, str]:
    """Return a pool's user data by file name: ``.txt`` as a launch template wants it, beside it what it unpacks to.

    Raises:
        UserDataError: it is more than EC2 takes.
    """
    if pool.operating_system == "bottlerocket":
        settings = bottlerocket_settings(configuration, pool)
        return {
            f"{pool.name}.txt": base64.b64encode(settings.encode()).decode() + "\n",
            f"{pool.name}.toml": settings,
        }
    told = host_settings(configuration, pool)
    return {
        f"{pool.name}.txt": base64.b64encode(user_data(told, scripts)).decode() + "\n",
        f"{pool.name}.sh": boothook(told, scripts),
    }


def bottlerocket_settings(configuration: Configuration, pool: Pool) -> str:
    """Return Bottlerocket's settings, TOML [ECS-BOTTLEROCKET]; images are pulled by the first task that needs them."""
    told = host_settings(configuration, pool)
    lines = [
        "[settings.ecs]",
        f"cluster = {_text(told.cluster)}",
        'image-pull-behavior = "prefer-cached"',
        'container-stop-timeout = "120s"',
        'task-cleanup-wait = "1m"',
        f"reserved-memory = {told.reserved_memory_mib}",
        f"allow-privileged-containers = {str(told.docker == 'privileged').lower()}",
        "awsvpc-block-imds = true",
        "enable-spot-instance-draining = true",
        'logging-drivers = ["json-file", "awslogs"]',
        "",
        "[settings.ecs.instance-attributes]",
        f'"slipway.pool" = {_text(told.pool)}',
    ]
    if told.registry_mirror:
        lines += [
            "",
            "[[settings.container-registry.mirrors]]",
            'registry = "docker.io"',
            f"endpoint = [{_text(told.registry_mirror)}]",
        ]
    return "\n".join([*lines, ""])


def _profiles_of(configuration: Configuration, pool: Pool) -> list[Profile]:
    return [profile for profile in configuration.profiles.values() if profile.pool == pool.name]


def _text(value: str) -> str:
    return json.dumps(value)  # a basic string of TOML is one of JSON
