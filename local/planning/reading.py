"""From the form of a snapshot file to the snapshot that the planner takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from local.configuration.faults import nearest
from local.planning import model
from local.planning.references import References
from slipway.domain.configuration import Configuration, Market, Profile
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import Offering
from slipway.domain.jobs import JobKey
from slipway.domain.labels import UnreadableLabelsError, label_set_key
from slipway.domain.launches import LaunchFailures
from slipway.domain.matching import Route, Shape, Unserved, nearest_profile, route
from slipway.domain.reach import reach_of
from slipway.domain.reasons import Why
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Snapshot, UnavailableOffering, WaitingJob
from slipway.domain.text import inert

_NO_INTENT = "settled"
_CONNECTED = ("ready", "draining")


@dataclass(frozen=True, slots=True)
class NotServed:
    """Why a job has no place in this pool: a code and its parameters, as a reason of the plan has them."""

    code: str
    parameters: dict[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is planned: the snapshot, the configuration, the jobs that no profile of the pool serves.

    ``queued`` has every job with its place in the queue, for the screen; ``zone`` is the offset that the file's own
    ``now`` has.
    """

    snapshot: Snapshot
    configuration: Configuration
    not_served: dict[JobKey, NotServed]
    queued: dict[JobKey, tuple[float, str]]
    zone: tzinfo | None


def key_of(job: model.Job) -> JobKey:
    """Return what tells a job from every other."""
    return JobKey(job.organization.lower(), job.id, job.attempt)


def read_jobs(
    jobs: Iterable[model.Job], pool: str, configuration: Configuration
) -> tuple[tuple[WaitingJob, ...], dict[JobKey, NotServed]]:
    """Return the jobs of a pool, and those that it does not serve."""
    waiting: list[WaitingJob] = []
    not_served: dict[JobKey, NotServed] = {}
    for job in jobs:
        found = route(job.labels, (job.run_id, job.attempt), job.repository, configuration.profiles)
        if isinstance(found, Route) and found.pool == pool:
            waiting.append(_waiting(job, found))
        else:
            not_served[key_of(job)] = _not_served(job, found, pool, configuration)
    return tuple(sorted(waiting, key=lambda job: job.key)), not_served


def _waiting(job: model.Job, found: Route) -> WaitingJob:
    return WaitingJob(
        key=key_of(job),
        pool=found.pool,
        shape=found.shape,
        label_key=found.label_key,
        labels=tuple(job.labels),
        organization=job.organization,
        organization_id=0,  # only a registration needs it
        repository=job.repository,
        run_id=job.run_id,
        queued_at=job.queued_at.timestamp(),
        offered_to=job.offered_to,
        untaken=job.untaken,
        retry_at=_seconds(job.retry_at),
    )


def _not_served(
    job: model.Job, found: Route | Unserved, pool: str, configuration: Configuration
) -> NotServed:
    if isinstance(found, Route):
        own = [profile for profile in configuration.profiles.values() if profile.pool == pool]
        near = nearest_profile(job.labels, own)
        parameters = {"profile": found.shape.profile, "pool": found.pool}
        return NotServed(Why.NO_PROFILE, {**parameters, **({"nearest": near} if near else {})})
    is_unknown = found.code == Why.NO_PROFILE
    near = _nearest(job.labels, configuration.profiles.values()) if is_unknown else None
    return NotServed(found.code, {"detail": found.detail, **({"nearest": near} if near else {})})


def _nearest(labels: Sequence[str], profiles: Iterable[Profile]) -> str | None:
    """Return the profile which shares the most labels; for the one-label form the one with the nearest name."""
    known = {profile.name: profile for profile in profiles}
    prefix, _, rest = labels[0].partition("/") if labels else ("", "", "")
    if prefix.lower() == "slipway" and rest:
        return nearest(rest.partition("/")[0], known)
    return nearest_profile(labels, known.values())


def read_runner(place: int, runner: model.Runner, now: float, references: References) -> Runner:
    """Return a runner; what it lacks is a fault of ``references``."""
    path = ("runners", place)
    configuration = references.configuration
    profile = configuration.profiles.get(runner.profile)
    size = references.size_of_profile(path, runner.profile, runner.cpu, runner.memory)
    state = RunnerState(runner.state)
    labels = runner.labels if runner.labels is not None else sorted(profile.labels) if profile else None
    try:
        label_key = label_set_key(labels) if labels is not None else None
    except UnreadableLabelsError as fault:
        references.fault((*path, "labels"), str(fault))
        label_key = None
    organization, repository = runner.organization, runner.repository
    is_gone = state is RunnerState.GONE
    return Runner(
        task_id=runner.task,
        pool=references.pool.name if references.pool else "",
        shape=Shape(runner.profile, size),
        state=state,
        started_at=now if runner.started_at is None else runner.started_at.timestamp(),
        intent=runner.intent or _NO_INTENT,
        instance_arn=references.instance((*path, "instance"), runner.instance) if runner.instance else None,
        running_at=_seconds(runner.running_at),
        claimed_at=_seconds(runner.claimed_at),
        reach=reach_of(configuration.github, organization, repository or "") if organization else None,
        label_key=label_key,
        organization=organization,
        repository=repository,
        busy_at=_seconds(runner.busy_at),
        ended_at=_seconds(runner.ended_at, now if is_gone else None),
    )


def read_instance(place: int, instance: model.Instance, references: References, pool: str) -> Instance:
    """Return an instance; what it lacks is a fault of ``references``."""
    path = ("instances", place)
    is_stopped = instance.state == "stopped"
    market = Market(instance.market) if instance.market else references.market
    return Instance(
        instance_id=instance.id,
        pool=instance.pool or pool,
        state=InstanceState(instance.state),
        registered=references.size_of_type((*path, "type"), instance.type, instance.registered),
        launched_at=instance.launched_at.timestamp(),
        instance_type=instance.type,
        subnet=instance.subnet,
        market=Market.ON_DEMAND if is_stopped and not instance.market else market,
        template_version=instance.template_version,
        for_stopped_tier=instance.for_stopped_tier,
        load=references.load((*path, "for"), instance.for_),
        arn=instance.id,  # the planner asks of it only that a runner names the same
        connected=instance.state in _CONNECTED if instance.connected is None else instance.connected,
        disconnected_at=_seconds(instance.disconnected_at),
        stopped_at=_seconds(instance.stopped_at),
        ready_at=_seconds(instance.ready_at),
        idle_since=_seconds(instance.idle_since),
        full_until=_seconds(instance.full_until),
        lost_at=_seconds(instance.lost_at),
    )


def read_unavailable(place: int, refused: model.Unavailable, references: References) -> UnavailableOffering:
    """Return what EC2 refused."""
    references.check_refused(("unavailable", place), Offering(refused.type, refused.subnet))
    return UnavailableOffering(
        refused.type, refused.subnet, Market(refused.market), refused.until.timestamp()
    )


def read_failures(failures: model.LaunchFailures | None) -> LaunchFailures | None:
    """Return the launches that failed."""
    if failures is None:
        return None
    return LaunchFailures(failures.count, failures.last_at.timestamp(), inert(failures.why))


def _seconds(time: datetime | None, default: float | None = None) -> float | None:
    return time.timestamp() if time is not None else default
