"""Messages of the ``events`` queue: AWS's own events, our ticks and wake-ups, read into our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.domain import strict_json
from slipway.domain.configuration import Configuration, Pool
from slipway.domain.errors import MalformedError
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from slipway.domain.runners import task_family


@dataclass(frozen=True, slots=True)
class Tick:
    """Once a minute: converge every pool."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Converge one pool; ``attempt`` counts the retries behind it."""

    pool: str
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class TaskChange:
    """ECS started or stopped the container of one of our tasks.

    ``lost_host`` says that a task stopped because its instance is gone, not by itself and not because it was asked to.
    ``exit_code`` is that of its container, None where it has not ended or never began.
    """

    pool: str
    task_id: str
    shape: Shape
    intent: str
    status: str
    instance_arn: str | None
    created_at: float
    at: float
    why: str
    lost_host: bool = False
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class InstanceChange:
    """ECS reports one of our container instances."""

    instance: Instance


@dataclass(frozen=True, slots=True)
class InstanceLoss:
    """An instance is about to go (``is_gone`` False: EC2 warns or advises) or has gone. The pool is not known yet."""

    instance_id: str
    at: float
    is_gone: bool


@dataclass(frozen=True, slots=True)
class InstanceStop:
    """An instance has stopped. The pool is not known yet."""

    instance_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something that is none of our business; ``why`` says how that was seen."""

    why: str


_HOST_TAKEN = ("SpotInterruption", "TerminationNotice")
_HOST_GONE = re.compile(r"Host EC2 \(instance \S{1,40}\) (terminated|stopped)", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)

Event = Tick | Wake | TaskChange | InstanceChange | InstanceLoss | InstanceStop | Foreign


def read_event(text: str, configuration: Configuration) -> Event:
    """Read one message of the ``events`` queue.

    Raises:
        MalformedError: not JSON, or an event of ours whose fields are not as AWS documents them.
    """
    body = strict_json.loads(text)
    if not isinstance(body, dict):
        raise MalformedError("a message of the events queue is not an object")
    try:
        if "slipway" in body:
            return _own(body, configuration)
        reader = _READERS.get(str(body.get("detail-type")))
        if reader is None:
            return Foreign("detail-type")
        return reader(body["detail"], _seconds(body["time"]), configuration)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as fault:
        raise MalformedError(f"an event lacks or garbles a field: {fault!r}") from fault


def _own(body: Mapping[str, Any], configuration: Configuration) -> Event:
    if body["slipway"] == "tick":
        return Tick()
    if body["slipway"] == "wake" and body["pool"] in configuration.pools:
        return Wake(body["pool"], _whole(body.get("attempt", 0)))
    return Foreign("unknown wake-up")


def _task(detail: Mapping[str, Any], at: float, configuration: Configuration) -> Event:
    pool = configuration.pool_of_cluster(_last_part(detail["clusterArn"]))
    if pool is None:
        return Foreign("cluster")
    read = read_task(detail, pool, configuration)
    if read is None:
        return Foreign("task")
    shape, intent = read
    host = detail.get("containerInstanceArn")  # none before it is placed
    return TaskChange(
        pool=pool.name,
        task_id=_last_part(detail["taskArn"]),
        shape=shape,
        intent=intent,
        status=_text(detail["lastStatus"]),
        instance_arn=None if host is None else _text(host),
        created_at=_seconds(detail["createdAt"]) if "createdAt" in detail else at,
        at=at,
        why=_why_stopped(detail),
        lost_host=_lost_host(detail),
        exit_code=_exit_code(detail),
    )


def _why_stopped(detail: Mapping[str, Any]) -> str:
    """Return ECS's code and words, and the exit code: the entrypoint's own says more than both."""
    words = [str(detail[name]) for name in ("stopCode", "stoppedReason") if detail.get(name)]
    code = _exit_code(detail)
    return "; ".join([*words, *([] if code is None else [f"exit code {code}"])])


def _exit_code(detail: Mapping[str, Any]) -> int | None:
    codes = [one["exitCode"] for one in detail.get("containers") or () if one.get("exitCode") is not None]
    return _whole(codes[0]) if codes else None


def _lost_host(detail: Mapping[str, Any]) -> bool:
    """Say whether a task ended with its host [ECS-HOST-LOST]."""
    return detail.get("stopCode") in _HOST_TAKEN or bool(_HOST_GONE.match(str(detail.get("stoppedReason"))))


def read_task(
    detail: Mapping[str, Any], pool: Pool, configuration: Configuration
) -> tuple[Shape, str] | None:
    """Return shape and intent of a task in a pool's cluster, or None when it is not one that we started.

    ``startedBy`` is ``slipway/POOL/INTENT``, the family ``DEPLOYMENT-PROFILE``; the size is the task's own, so
    that a task stays known, and safe, when its profile is changed or removed while it runs. GPUs alone are the
    profile's: a task tells of them only once it is placed.
    """
    prefix = f"slipway/{pool.name}/"
    started_by = str(detail.get("startedBy", ""))
    family = _last_part(str(detail["taskDefinitionArn"])).partition(":")[0]
    families = task_family(configuration.deployment, "")
    if not started_by.startswith(prefix) or not family.startswith(families):
        return None
    overrides = detail.get("overrides") or {}
    name, profiles = family.removeprefix(families), configuration.profiles
    size = Resources(
        _digits(overrides.get("cpu") or detail["cpu"]),
        _digits(overrides.get("memory") or detail["memory"]),
        profiles[name].size.gpus if name in profiles else 0,
    )
    return Shape(name, size), started_by.removeprefix(prefix)


def _instance(detail: Mapping[str, Any], at: float, configuration: Configuration) -> Event:
    pool = configuration.pool_of_cluster(_last_part(detail["clusterArn"]))
    if pool is None:
        return Foreign("cluster")
    if detail["status"] == "INACTIVE":
        return InstanceLoss(_text(detail["ec2InstanceId"]), at, is_gone=True)
    return InstanceChange(read_instance(detail, pool, at))


_STATES = {"DRAINING": InstanceState.DRAINING, "ACTIVE": InstanceState.READY}


def read_instance(detail: Mapping[str, Any], pool: Pool, at: float) -> Instance:
    """Return a container instance as ECS describes it; one that still registers counts as launching."""
    state = _STATES.get(detail["status"], InstanceState.LAUNCHING)
    resources = {item["name"]: item for item in detail["registeredResources"]}
    attributes = {item["name"]: item.get("value", "") for item in detail.get("attributes", [])}
    connected = detail["agentConnected"] is True
    return Instance(
        instance_id=_text(detail["ec2InstanceId"]),
        pool=pool.name,
        state=state,
        registered=Resources(
            _whole(resources["CPU"].get("integerValue", 0)),
            _whole(resources["MEMORY"].get("integerValue", 0)),
            len(resources.get("GPU", {}).get("stringSetValue", [])),
        ),
        launched_at=at,
        instance_type=_text(attributes.get("ecs.instance-type", "")),
        arn=_text(detail["containerInstanceArn"]),
        connected=connected,
        disconnected_at=None if connected else at,
        version=_whole(detail.get("version", 0)),
        ready_at=at if state is InstanceState.READY and connected else None,
        draining_at=at if state is InstanceState.DRAINING else None,
    )


def _leaving(detail: Mapping[str, Any], at: float, _: Configuration) -> Event:
    return InstanceLoss(_text(detail["instance-id"]), at, is_gone=False)


def _instance_state(detail: Mapping[str, Any], at: float, _: Configuration) -> Event:
    if detail["state"] in ("terminated", "shutting-down"):
        return InstanceLoss(_text(detail["instance-id"]), at, is_gone=detail["state"] == "terminated")
    if detail["state"] == "stopped":
        return InstanceStop(_text(detail["instance-id"]), at)
    return Foreign("instance state")


_READERS = {
    "ECS Task State Change": _task,
    "ECS Container Instance State Change": _instance,
    "EC2 Spot Instance Interruption Warning": _leaving,
    "EC2 Instance Rebalance Recommendation": _leaving,
    "EC2 Instance State-change Notification": _instance_state,
}


def _last_part(arn: str) -> str:
    return arn.rpartition("/")[2]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a string is {type(value).__name__}")
    return value


def _whole(value: object) -> int:
    # True is an int to isinstance.
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError("a whole number is none")
    return value


def _digits(value: object) -> int:
    text = _text(value)
    if not _DIGITS.fullmatch(text):
        raise ValueError("a size is not in digits")
    return int(text)


def _seconds(text: str) -> float:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time has no offset")
    return time.timestamp()
