"""From an ECS task definition to the flags of ``docker run``, as the ECS agent makes a container of it.

So that tests run a job's container with the very settings that are deployed [ECS-AGENT-HOSTCONFIG] [ECS-AGENT-CGROUP].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# What each level may say; anything else would be lost in silence, and is refused instead.
_TASK_KEYS = frozenset(
    "family requiresCompatibilities networkMode cpu memory taskRoleArn executionRoleArn placementConstraints "
    "containerDefinitions volumes".split()
)
_CONTAINER_KEYS = frozenset(
    "name image essential readonlyRootFilesystem stopTimeout linuxParameters ulimits environment mountPoints "
    "logConfiguration user dockerSecurityOptions privileged".split()
)
_LINUX_KEYS = frozenset({"capabilities", "devices", "sharedMemorySize", "tmpfs"})
_VOLUME_KEYS = frozenset({"scope", "driver", "driverOpts"})
_ACCESS = {"read": "r", "write": "w", "mknod": "m"}


@dataclass(frozen=True, slots=True)
class Host:
    """What the host decides, not the task definition.

    ``folders`` stand in for host folders of volumes, by their path in the task definition. A machine that may not
    raise its limits needs ``highest_ulimit``; one without cgroup controllers ``has_limits=False``.
    """

    network: str = "bridge"
    pids_limit: int | None = None
    has_limits: bool = True
    highest_ulimit: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)


def task_flags(definition: Mapping[str, Any], host: Host | None = None) -> list[str]:
    """Return the flags of ``docker run`` or ``podman run`` that come before the image.

    Logs and roles are not among them: who runs a container sees its output and gives it credentials. A task-scoped
    volume is an anonymous one, which goes with the container under ``--rm``. Podman's own default capabilities are
    fewer than Docker's.

    Raises:
        ValueError: the definition has more than one container, or a setting that is not known here.
    """
    host = host or Host()
    _refuse_unknown(definition, _TASK_KEYS)
    if len(definition["containerDefinitions"]) != 1:
        raise ValueError("a runner's task has one container")
    (container,) = definition["containerDefinitions"]
    _refuse_unknown(container, _CONTAINER_KEYS)
    _refuse_unknown(container.get("linuxParameters", {}), _LINUX_KEYS)
    return [
        f"--network={host.network}",
        *_identity(container),
        *_linux(container.get("linuxParameters", {})),
        *_limits(definition, container, host),
        *_environment(container, host),
        *_volumes(definition, container, host),
    ]


def _refuse_unknown(settings: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ValueError(f"no flag is known for {', '.join(unknown)}")


def _identity(container: Mapping[str, Any]) -> Iterator[str]:
    if "user" in container:
        yield f"--user={container['user']}"
    if container.get("privileged"):
        yield "--privileged"
    if container.get("readonlyRootFilesystem"):
        yield "--read-only"
    for option in container.get("dockerSecurityOptions", []):
        yield f"--security-opt={option}"
    if "stopTimeout" in container:
        yield f"--stop-timeout={container['stopTimeout']}"


def _linux(parameters: Mapping[str, Any]) -> Iterator[str]:
    capabilities = parameters.get("capabilities", {})
    for name in capabilities.get("drop", []):
        yield f"--cap-drop={name}"
    for name in capabilities.get("add", []):
        yield f"--cap-add={name}"
    for device in parameters.get("devices", []):
        access = "".join(_ACCESS[word] for word in device.get("permissions", list(_ACCESS)))
        yield f"--device={device['hostPath']}:{device.get('containerPath', device['hostPath'])}:{access}"
    if "sharedMemorySize" in parameters:
        yield f"--shm-size={parameters['sharedMemorySize']}m"
    for tmpfs in parameters.get("tmpfs", []):
        options = ",".join([f"size={tmpfs['size']}m", *tmpfs.get("mountOptions", [])])
        yield f"--tmpfs={tmpfs['containerPath']}:{options}"


def _limits(definition: Mapping[str, Any], container: Mapping[str, Any], host: Host) -> Iterator[str]:
    """Give the container the limits of the task's cgroup, in which it is alone."""
    for limit in container.get("ulimits", []):
        soft, hard = (
            value if host.highest_ulimit is None else min(value, host.highest_ulimit)
            for value in (limit["softLimit"], limit["hardLimit"])
        )
        yield f"--ulimit={limit['name']}={soft}:{hard}"
    if not host.has_limits:
        return
    yield f"--cpus={int(definition['cpu']) / 1024:g}"
    yield f"--memory={definition['memory']}m"
    yield f"--memory-swap={definition['memory']}m"  # hosts have no swap
    if host.pids_limit is not None:
        yield f"--pids-limit={host.pids_limit}"


def _environment(container: Mapping[str, Any], host: Host) -> Iterator[str]:
    values = {item["name"]: item["value"] for item in container.get("environment", [])}
    for name, value in {**values, **host.environment}.items():
        yield f"--env={name}={value}"


def _volumes(definition: Mapping[str, Any], container: Mapping[str, Any], host: Host) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in definition.get("volumes", [])}
    for mount in container.get("mountPoints", []):
        volume, place = volumes[mount["sourceVolume"]], mount["containerPath"]
        if "dockerVolumeConfiguration" in volume:
            yield from _of_task(volume["dockerVolumeConfiguration"], place)
            continue
        source = volume["host"]["sourcePath"]
        access = "ro" if mount.get("readOnly") else "rw"
        yield f"--volume={host.folders.get(source, source)}:{place}:{access}"


def _of_task(settings: Mapping[str, Any], place: str) -> Iterator[str]:
    _refuse_unknown(settings, _VOLUME_KEYS)
    _refuse_unknown(settings.get("driverOpts", {}), frozenset({"size"}))
    if (settings.get("scope", "task"), settings.get("driver", "local")) != ("task", "local"):
        raise ValueError("a runner's volumes are local ones of its task")
    if size := settings.get("driverOpts", {}).get("size"):
        yield f"--mount=type=volume,dst={place},volume-opt=size={size}"
    else:
        yield f"--volume={place}"
