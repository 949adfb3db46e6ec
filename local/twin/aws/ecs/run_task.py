"""RunTask: limits, idempotency, placement."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from local.twin.aws.ecs.placement import Placement, parse_constraints, parse_strategies
from local.twin.aws.ecs.records import Cluster, ContainerInstance, Task, TaskDefinition
from local.twin.aws.ecs.state import EcsState
from local.twin.aws.ecs.tasks import TaskLifecycle
from local.twin.aws.errors import AwsFault
from local.twin.aws.identifiers import Identifiers

#: Documented as up to 24 hours [ECS-RUNTASK-TOKEN].
TOKEN_LIFETIME_SECONDS: Final = 24 * 3600.0
_STARTED_BY: Final = re.compile(r"[A-Za-z0-9_/-]{0,128}")
_TOKEN: Final = re.compile(r"[!-~]{1,64}")
_COMPACT: Final = json.JSONEncoder(separators=(",", ":"))
_SORTED: Final = json.JSONEncoder(sort_keys=True)
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(vcpu|gb)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Remembered:
    parameters: str
    tasks: tuple[Task, ...]
    expires_at: float


class RunTask:
    """Answers RunTask [ECS-LIMITS-RUNTASK] [ECS-RUNTASK-TOKEN] [ECS-EMPTY-CLUSTER]."""

    def __init__(self, state: EcsState, lifecycle: TaskLifecycle) -> None:
        self._state = state
        self._context = state.context
        self._lifecycle = lifecycle
        self._remembered: dict[tuple[str, str], _Remembered] = {}

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        count = _checked_count(request)
        cluster = self._state.cluster(request.get("cluster"))
        definition = self._active_definition(request["taskDefinition"])
        _check_network(definition, request)
        placement = self._placement(definition, request)
        token = request.get("clientToken")
        if token is not None:
            earlier = self._recall(cluster, token, request)
            if earlier is not None:
                return {"tasks": [task.view() for task in earlier], "failures": []}
        active = [i for i in cluster.instances.values() if i.status == "ACTIVE"]
        if not active:
            raise AwsFault("InvalidParameterException", "No Container Instances were found in your cluster.")
        tasks, failures = self._place(count, active, placement, definition, request)
        if token is not None and tasks:
            self._remember(cluster, token, request, tasks)
        # Nothing has happened to them since they were placed: what was published then is what they are now.
        return {"tasks": [task.history.newest for task in tasks], "failures": failures}

    def _active_definition(self, reference: str) -> TaskDefinition:
        definition = self._state.definition(reference)
        if definition is None:
            raise AwsFault("InvalidParameterException", "TaskDefinition not found.")
        if definition.status != "ACTIVE":
            raise AwsFault("InvalidParameterException", "TaskDefinition is inactive")
        return definition

    def _placement(self, definition: TaskDefinition, request: dict[str, Any]) -> Placement:
        overrides = request.get("overrides", {})
        cpu, memory = _reservation(definition, overrides)
        constraints = [
            *definition.request.get("placementConstraints", []),
            *request.get("placementConstraints", []),
        ]
        members, is_distinct = parse_constraints(constraints)
        return Placement(
            cpu=cpu,
            memory=memory,
            gpus=_gpus(definition, overrides),
            group=request.get("group") or f"family:{definition.family}",
            cpu_architecture=definition.cpu_architecture,
            members=members,
            is_distinct=is_distinct,
            strategies=parse_strategies(request.get("placementStrategy", [])),
        )

    def _place(
        self,
        count: int,
        active: Sequence[ContainerInstance],
        placement: Placement,
        definition: TaskDefinition,
        request: dict[str, Any],
    ) -> tuple[list[Task], list[dict[str, Any]]]:
        tasks: list[Task] = []
        room_left = self._state.room_left()
        fitting = [instance for instance in active if placement.fits(instance)]
        while fitting and len(tasks) < count and (room_left is None or len(tasks) < room_left):
            instance = placement.choose(fitting, self._context.rng)
            task = self._new_task(instance, placement, definition, request)
            self._lifecycle.launch(task)
            tasks.append(task)
            if not placement.fits(instance):  # a task changes its own instance alone
                fitting.remove(instance)
        if len(tasks) == count:
            return tasks, []
        # One failure an instance, however many tasks found no place: never count failures, count tasks.
        # What others took a moment ago leaves no trace in the resources that we see [ECS-FAILURE-REASONS].
        return tasks, [{"arn": i.arn, "reason": placement.refusal(i) or "RESOURCE:MEMORY"} for i in active]

    def _new_task(
        self,
        instance: ContainerInstance,
        placement: Placement,
        definition: TaskDefinition,
        request: dict[str, Any],
    ) -> Task:
        state, ids = self._state, self._context.ids
        task_id = ids.hex(32)
        return Task(
            arn=state.arn(f"task/{instance.cluster.name}/{task_id}"),
            task_id=task_id,
            cluster=instance.cluster,
            definition=definition,
            instance=instance,
            group=placement.group,
            started_by=request.get("startedBy"),
            overrides=request.get("overrides", {}),
            cpu=placement.cpu,
            memory=placement.memory,
            gpus=placement.pinned_gpus(instance),
            container_arns={
                c["name"]: state.arn(f"container/{instance.cluster.name}/{task_id}/{ids.uuid()}")
                for c in definition.containers
            },
            attachments=_attachments(definition, ids),
            tags=request.get("tags", []),
            created_at=self._context.now(),
            history=state.history(),
        )

    def _recall(self, cluster: Cluster, token: str, request: dict[str, Any]) -> tuple[Task, ...] | None:
        remembered = self._remembered.get((cluster.name, token))
        if remembered is None or remembered.expires_at <= self._context.now():
            return None
        if remembered.parameters != _fingerprint(request):
            arns = [task.arn for task in remembered.tasks]
            raise AwsFault(
                "ConflictException",
                "The clientToken was used with other parameters.",
                extra={"resourceIds": arns},
            )
        return remembered.tasks

    def _remember(self, cluster: Cluster, token: str, request: dict[str, Any], tasks: list[Task]) -> None:
        expires_at = self._context.now() + TOKEN_LIFETIME_SECONDS
        key = (cluster.name, token)
        self._remembered[key] = _Remembered(_fingerprint(request), tuple(tasks), expires_at)
        self._context.clock.schedule(TOKEN_LIFETIME_SECONDS, lambda: self._forget(key))

    def _forget(self, key: tuple[str, str]) -> None:
        remembered = self._remembered.get(key)
        if remembered is not None and remembered.expires_at <= self._context.now():
            del self._remembered[key]


def _fingerprint(request: dict[str, Any]) -> str:
    return _SORTED.encode({k: v for k, v in request.items() if k != "clientToken"})


def _checked_count(request: dict[str, Any]) -> int:
    count = int(request.get("count", 1))
    if not 1 <= count <= 10:
        raise AwsFault("InvalidParameterException", f"count must be between 1 and 10, got {count}.")
    started_by = request.get("startedBy", "")
    if not _STARTED_BY.fullmatch(started_by):
        raise AwsFault(
            "InvalidParameterException",
            "startedBy must be at most 128 letters, numbers, hyphens, slashes and underscores.",
        )
    token = request.get("clientToken")
    if token is not None and not _TOKEN.fullmatch(token):
        raise AwsFault(
            "InvalidParameterException", "clientToken must be 1 to 64 characters of ASCII 33 to 126."
        )
    if len(_COMPACT.encode(request.get("overrides", {}))) > 8192:
        raise AwsFault("InvalidParameterException", "Container Overrides length must be at most 8192")
    return count


def _check_network(definition: TaskDefinition, request: dict[str, Any]) -> None:
    """Refuse a network configuration that is missing or not wanted [ECS-AWSVPC]."""
    wants_interface = definition.request.get("networkMode") == "awsvpc"
    if wants_interface and "networkConfiguration" not in request:
        raise AwsFault(
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        )
    if not wants_interface and "networkConfiguration" in request:
        raise AwsFault(
            "InvalidParameterException",
            "Network Configuration is not valid for the given networkMode of this task definition.",
        )
    configuration = request.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    for key, most in (("subnets", 16), ("securityGroups", 5)):
        if len(configuration.get(key, [])) > most:
            raise AwsFault("InvalidParameterException", f"{key} can have at most {most} items.")


def _attachments(definition: TaskDefinition, ids: Identifiers) -> list[dict[str, Any]]:
    if definition.request.get("networkMode") != "awsvpc":
        return []
    return [{"id": ids.uuid(), "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": []}]


def _reservation(definition: TaskDefinition, overrides: dict[str, Any]) -> tuple[int, int]:
    """CPU units and MiB: a task-level figure wins over the sum of the containers'."""
    cpu = overrides.get("cpu") or definition.request.get("cpu")
    memory = overrides.get("memory") or definition.request.get("memory")
    containers = definition.containers
    return (
        _amount(cpu) if cpu else sum(int(c.get("cpu", 0)) for c in containers),
        _amount(memory)
        if memory
        else sum(int(c.get("memoryReservation", c.get("memory", 0))) for c in containers),
    )


def _gpus(definition: TaskDefinition, overrides: dict[str, Any]) -> dict[str, int]:
    """How many whole GPUs each container needs [ECS-GPU]; an override's requirements replace all others."""
    overriding = {o.get("name"): o for o in overrides.get("containerOverrides", [])}
    needed = {}
    for container in definition.containers:
        override = overriding.get(container["name"], {})
        requirements = override.get("resourceRequirements", container.get("resourceRequirements", []))
        values = [str(r.get("value")) for r in requirements if r["type"] == "GPU"]
        if not all(value.isdecimal() for value in values):
            raise AwsFault("InvalidParameterException", "The twin models whole numbers of GPUs only.")
        if values:
            needed[container["name"]] = sum(map(int, values))
    return needed


def _amount(text: str) -> int:
    """`1024`, `1 vCPU` and `2 GB` in units or MiB."""
    match = _AMOUNT.fullmatch(str(text).strip())
    if match is None:
        raise AwsFault("InvalidParameterException", f"Invalid cpu or memory: {text!r}")
    return int(float(match[1]) * (1024 if match[2] else 1))
