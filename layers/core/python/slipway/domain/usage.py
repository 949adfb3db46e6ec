"""Usage records: one line for each job, container and instance that has ended, for ever as it was written. Pure.

A job's line has what GitHub says, a container's and an instance's what ECS and EC2 say; the container's joins them. So
each can be written when its own end is learned of, in whatever order the ends come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.domain.held import Story
from slipway.domain.instances import Instance
from slipway.domain.jobs import JobEvent, JobKey
from slipway.domain.matching import Place
from slipway.domain.resources import Resources
from slipway.domain.runners import Runner

KEPT_SECONDS = 13 * 31 * 86_400  # thirteen months: the same month of last year can be compared whole


@dataclass(frozen=True, slots=True)
class JobUsage:
    """A job that completed, by GitHub's clock.

    ``heard_at`` is when its ``queued`` event reached us, ``held`` what held it up and since when, both by our clock.
    """

    job: JobKey
    run_id: int
    repository: str
    workflow: str
    name: str
    pool: str
    profile: str
    queued_at: float
    completed_at: float
    conclusion: str
    started_at: float | None = None
    heard_at: float | None = None
    runner_name: str | None = None
    held: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class RunnerUsage:
    """A container that has ended, by ECS's clock; ``claimed_at`` is the registrar's.

    ``job`` is the one that it ran, or was last meant for; ``busy_at`` tells which of the two, if GitHub's word of it
    came in time. ``made_for`` is the one that it was registered for, ``why`` ECS's word for its end, and
    ``lost_host`` that its instance was gone. ``instance_arn`` is that of its container instance in ECS, None where it
    was placed on none.
    """

    task_id: str
    pool: str
    profile: str
    size: Resources
    started_at: float
    stopped_at: float
    instance_arn: str | None = None
    running_at: float | None = None
    claimed_at: float | None = None
    busy_at: float | None = None
    job: JobKey | None = None
    repository: str | None = None
    made_for: JobKey | None = None
    why: str | None = None
    lost_host: bool | None = None


@dataclass(frozen=True, slots=True)
class InstanceUsage:
    """An instance from its launch, or its last start, to its end or its stop.

    ``usd_per_hour`` was the list price of its type at its launch; 0 where that is not known, which reports name.
    """

    instance_id: str
    pool: str
    instance_type: str
    market: str
    subnet: str
    registered: Resources
    usd_per_hour: float
    launched_at: float
    ended_at: float
    instance_arn: str | None = None
    ready_at: float | None = None


Usage = JobUsage | RunnerUsage | InstanceUsage


_KINDS: dict[str, type[Usage]] = {"job": JobUsage, "runner": RunnerUsage, "instance": InstanceUsage}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def kind_of(usage: Usage) -> str:
    """Return what a line is about: ``job``, ``runner`` or ``instance``."""
    return _NAMES[type(usage)]


def as_plain(usage: Usage) -> dict[str, Any]:
    """Return a line as text, numbers and lists, without what is not known; ``from_plain`` reads it."""
    body: dict[str, Any] = {one.name: _plain(getattr(usage, one.name)) for one in fields(usage)}
    return {"kind": kind_of(usage), **{name: value for name, value in body.items() if value is not None}}


def from_plain(body: Mapping[str, Any]) -> Usage:
    """Read a line; what the line of a newer version tells besides is passed over.

    Raises:
        KeyError, TypeError, ValueError: it is none of ours.
    """
    kind = _KINDS[body["kind"]]
    known = {one.name: body[one.name] for one in fields(kind) if one.name in body}
    for name in ("size", "registered"):
        if name in known:
            known[name] = Resources(*known[name])
    for name in ("job", "made_for"):
        if name in known:
            known[name] = JobKey.parse(known[name])
    if "held" in known:
        known["held"] = tuple((code, since) for code, since in known["held"])
    return kind(**known)


def _plain(value: Any) -> Any:
    if isinstance(value, JobKey):
        return str(value)
    if isinstance(value, tuple):
        return [list(one) for one in value] or None
    return [value.cpu_units, value.memory_mib, value.gpus] if isinstance(value, Resources) else value


def ended_at(usage: Usage) -> float:
    """Return when that which a line is about ended, epoch seconds."""
    match usage:
        case JobUsage():
            return usage.completed_at
        case RunnerUsage():
            return usage.stopped_at
        case InstanceUsage():
            return usage.ended_at


def utc_day(at: float) -> str:
    """Return the day (UTC) of a time, as lines are kept by."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def utc_days(start: float, end: float) -> Iterator[str]:
    """Yield the days (UTC) from that of ``start`` to that of ``end``."""
    day, last = (datetime.fromtimestamp(at, UTC).date() for at in (start, end))
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=1)


def day_of(usage: Usage) -> str:
    """Return the day (UTC) under which a line is kept: that of the end."""
    return utc_day(ended_at(usage))


def usage_of_job(event: JobEvent, place: Place, heard_at: float | None, held: Story = ()) -> JobUsage:
    """Return the line of a job from its ``completed`` event."""
    return JobUsage(
        job=event.key,
        run_id=event.run_id,
        repository=event.repository,
        workflow=event.workflow,
        name=event.name,
        pool=place.pool,
        profile=place.profile,
        queued_at=event.queued_at,
        started_at=event.started_at,
        # GitHub tells it of every completed job; without it the time at which we heard of it is the nearest.
        completed_at=event.completed_at if event.completed_at is not None else event.received_at,
        conclusion=event.conclusion or "",
        heard_at=heard_at,
        runner_name=event.runner_name,
        held=tuple((chapter.why.value, chapter.since) for chapter in held),
    )


def usage_of_runner(
    runner: Runner, stopped_at: float, why: str | None = None, *, lost_host: bool = False
) -> RunnerUsage:
    """Return the line of a container whose task has stopped."""
    return RunnerUsage(
        task_id=runner.task_id,
        pool=runner.pool,
        profile=runner.shape.profile,
        size=runner.shape.size,
        instance_arn=runner.instance_arn,
        started_at=runner.started_at,
        stopped_at=max(stopped_at, runner.started_at),
        running_at=runner.running_at,
        claimed_at=runner.claimed_at,
        busy_at=runner.busy_at,
        job=runner.job,
        repository=runner.repository,
        made_for=runner.made_for,
        why=why,
        lost_host=lost_host or None,
    )


def usage_of_instance(instance: Instance, ended_at: float) -> InstanceUsage:
    """Return the line of an instance that has ended, or was stopped: each time that it ran is a line."""
    return InstanceUsage(
        instance_id=instance.instance_id,
        pool=instance.pool,
        instance_type=instance.instance_type,
        market=instance.market.value if instance.market else "",
        subnet=instance.subnet or "",
        registered=instance.registered,
        usd_per_hour=instance.usd_per_hour,
        instance_arn=instance.arn,
        launched_at=instance.launched_at,
        ended_at=max(ended_at, instance.launched_at),
        ready_at=instance.ready_at,
    )
