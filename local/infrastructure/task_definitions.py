"""The ECS task definition of each profile, from the configuration alone: what every job's container is given.

What keeps a job in its container stands here in one place: no host namespace, no device but KVM where it was asked
for, no more capabilities than its Docker needs, and of secrets none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.infrastructure.places import Places, execution_role, log_group
from slipway.domain.configuration import Configuration, Docker, Pool, Profile
from slipway.domain.runners import task_family

CONTAINER = "runner"
RUNNER_USER = "1001"
STOP_TIMEOUT_SECONDS = 120  # as long as Spot's notice [ECS-STOP-TIMEOUT]: a job's own time to end
OPEN_FILES = (65_536, 1_048_576)  # soft and hard; a job's dockerd raises its own to the hard one
PROCESSES = 32_768  # threads of one user in the container; the host limits those of the whole task
LOG_BUFFER = "4m"

GIT_CACHE_ON_HOST = "/var/lib/slipway/git-cache"
GIT_CACHE = "/opt/git-cache"
# With nothing mounted under it, so that an inner --privileged may mount its own.
CLEAN_SYSFS = "/run/nested/sys"

_NESTED_CAPABILITIES = ["SYS_ADMIN", "NET_ADMIN"]  # in the container's user namespace, not the host's


def task_definitions(configuration: Configuration, places: Places) -> dict[str, dict[str, Any]]:
    """Return a RegisterTaskDefinition request for each profile, by the profile's name."""
    docker_labels = _labels_with_docker(configuration.profiles)
    return {
        name: _definition(configuration, profile, places, docker_labels)
        for name, profile in sorted(configuration.profiles.items())
    }


def _definition(
    configuration: Configuration, profile: Profile, places: Places, docker_labels: str
) -> dict[str, Any]:
    pool = configuration.pools[profile.pool]
    return {
        "family": task_family(configuration.deployment, profile.name),
        "requiresCompatibilities": ["EC2"],
        # An interface of its own for what could tamper with a bridge that others use.
        "networkMode": "awsvpc" if profile.docker is Docker.PRIVILEGED else "bridge",
        # Of the task, not the container: RunTask overrides these for sized labels [ECS-TASK-SIZE].
        "cpu": str(profile.size.cpu_units),
        "memory": str(profile.size.memory_mib),
        "taskRoleArn": places.role_arn(pool.task_role),
        "executionRoleArn": places.role_arn(execution_role(pool)),
        "placementConstraints": [
            {"type": "memberOf", "expression": f"attribute:slipway.pool == {pool.name}"}
        ],
        "containerDefinitions": [_container(profile, pool, places, docker_labels)],
        "volumes": [{"name": name, **volume} for name, volume, _ in _volumes(profile, pool)],
    }


def _container(profile: Profile, pool: Pool, places: Places, docker_labels: str) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": profile.image,
        "essential": True,
        "readonlyRootFilesystem": False,  # jobs install what they need, into what goes with them
        "stopTimeout": STOP_TIMEOUT_SECONDS,
        "linuxParameters": _linux_parameters(profile),
        "ulimits": [
            {"name": "nofile", "softLimit": OPEN_FILES[0], "hardLimit": OPEN_FILES[1]},
            {"name": "nproc", "softLimit": PROCESSES, "hardLimit": PROCESSES},
        ],
        "environment": [
            {"name": name, "value": value}
            for name, value in _environment(profile, pool, places, docker_labels).items()
        ],
        "mountPoints": [{"sourceVolume": name, **mount} for name, _, mount in _volumes(profile, pool)],
        "logConfiguration": _log_configuration(profile, pool),
    }
    if profile.docker is Docker.NONE:
        # Root nowhere, and nothing in the image can make it so: no sudo, no set-uid program.
        container |= {"user": RUNNER_USER, "dockerSecurityOptions": ["no-new-privileges"]}
    else:
        container |= {"user": "0"}
    if profile.docker is Docker.PRIVILEGED:
        container["privileged"] = True
    if profile.size.gpus:
        container["resourceRequirements"] = [{"type": "GPU", "value": str(profile.size.gpus)}]
    return container


def _linux_parameters(profile: Profile) -> dict[str, Any]:
    # No initProcessEnabled: the entrypoint is process 1, and ends whatever the job left running.
    parameters: dict[str, Any] = {"sharedMemorySize": profile.size.memory_mib // 2}  # as on GitHub's machines
    if profile.docker is Docker.NONE:
        parameters["capabilities"] = {"drop": ["ALL"]}
    elif profile.docker is Docker.NESTED:
        # Nothing dropped: inner containers ask for all of Docker's default capabilities.
        parameters["capabilities"] = {"add": list(_NESTED_CAPABILITIES)}
    if profile.kvm:
        device = "/dev/kvm"
        parameters["devices"] = [
            {"hostPath": device, "containerPath": device, "permissions": ["read", "write"]}
        ]
    return parameters


def _volumes(profile: Profile, pool: Pool) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return each volume's name, what it is, and where it is mounted."""
    volumes: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    if profile.docker is not Docker.NONE:
        # Its own for each task, gone with it: an overlay cannot lie on the container's own overlay.
        of_task: dict[str, Any] = {"scope": "task", "driver": "local"}
        if pool.disk_quota_gib:
            # A volume is outside of what limits its container [KERNEL-DOCKER-VOLUME-QUOTA].
            of_task["driverOpts"] = {"size": f"{pool.disk_quota_gib}G"}
        volumes.append(
            (
                "docker",
                {"dockerVolumeConfiguration": of_task},
                {"containerPath": "/var/lib/docker", "readOnly": False},
            )
        )
    if profile.docker is Docker.NESTED:
        sysfs = {"host": {"sourcePath": CLEAN_SYSFS}}
        # Not read-only: the kernel would then allow an inner container no sysfs but a read-only one.
        volumes.append(("sysfs", sysfs, {"containerPath": CLEAN_SYSFS, "readOnly": False}))
    if pool.git_cache:
        cache = {"host": {"sourcePath": GIT_CACHE_ON_HOST}}
        volumes.append(("git-cache", cache, {"containerPath": GIT_CACHE, "readOnly": True}))
    return volumes


def _environment(profile: Profile, pool: Pool, places: Places, docker_labels: str) -> dict[str, str]:
    """Return what runner-image/README.md asks for: places and names, no secret."""
    values = {
        "SLIPWAY_CLAIM_URL": places.claim_url,
        "AWS_REGION": places.claim_region,
        "SLIPWAY_PROFILE": profile.name,
        "SLIPWAY_POOL": pool.name,
        "SLIPWAY_DOCKER": profile.docker.value,
        "SLIPWAY_DOCKER_LABELS": docker_labels,
        "SLIPWAY_REGISTRY_MIRROR": pool.registry_mirror,
        "SLIPWAY_WORKER_LOGS": profile.worker_logs,
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": f"{GIT_CACHE}/objects" if pool.git_cache else None,
    }
    return {name: value for name, value in values.items() if value}


def _labels_with_docker(profiles: Mapping[str, Profile]) -> str:
    """Return what a job that needs Docker may write in ``runs-on``: `[a, b] or [c]`."""
    sets = sorted(
        sorted(profile.labels) for profile in profiles.values() if profile.docker is not Docker.NONE
    )
    return " or ".join(f"[{', '.join(labels)}]" for labels in sets)


def _log_configuration(profile: Profile, pool: Pool) -> dict[str, Any]:
    return {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": log_group(pool),
            "awslogs-region": pool.region,
            "awslogs-stream-prefix": profile.name,
            # A log service that is down must not stop a job at its next line: what finds no room is lost instead.
            "mode": "non-blocking",
            "max-buffer-size": LOG_BUFFER,
        },
    }
