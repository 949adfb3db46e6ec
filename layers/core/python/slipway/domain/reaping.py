"""Reaping: what outlived its use, each with its reason. Nothing is called stale on one reading alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from slipway.domain.configuration import Configuration
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import being_started
from slipway.domain.runners import Registration, Runner, RunnerState, parse_runner_name
from slipway.domain.snapshot import Orphan, Snapshot

READINGS_APART_SECONDS = 60
NEVER_CLAIMED_SECONDS = 600
ENDED_GRACE_SECONDS = 60  # an orphan process may claim again: its container must not outlive its job for long
IDLE_GRACE_SECONDS = 120  # the container releases itself first
TIMEOUT_GRACE_SECONDS = 60
NEVER_RECORDED_SECONDS = 300
QUEUED_LONG_SECONDS = 600
GITHUB_GIVES_UP_SECONDS = 24 * 3600 + 600  # GitHub fails a job that was queued for 24 h [GH-JOB-24H]


class What(StrEnum):
    """What to remove, or to put right in the ledger."""

    REGISTRATION = "registration"  # remove at GitHub
    ORPHAN = "orphan"  # a stopped task's registration: remove at GitHub
    IDLE_RUNNER = "idle runner"  # remove at GitHub, then stop its task
    UNCLAIMED_TASK = "unclaimed task"  # stop, unless it claims at this very moment
    OVERDUE_TASK = "overdue task"  # stop
    # Terminate: a host that was used and shut itself down never goes back.
    STOPPED_INSTANCE = "stopped instance"
    WARM_INSTANCE = "warm instance"  # one of the stopped tier whose stop was never told: note it
    INSTANCE = "instance"  # take in if ECS knows it after all, else terminate
    RUNNER_RECORD = "runner record"  # ECS no longer has the task: forget it
    INSTANCE_NEWS = "instance news"  # ECS knows better than the ledger: fold what it says
    INSTANCE_RECORD = "instance record"  # EC2 no longer has the instance: forget it
    JOB_RECORD = "job record"  # it waits no longer
    UNKNOWN_TASK = "unknown task"  # a task of ours that the ledger does not know: take it in
    WAITING_LONG = "waiting long"  # converge its pool, and say so


@dataclass(frozen=True, slots=True)
class Reap:
    """One thing to reap: what, which one, in which pool (registrations have none), and why."""

    what: What
    id: str
    pool: str
    why: str
    runner: Runner | None = None
    orphan: Orphan | None = None
    registration: Registration | None = None
    instance: Instance | None = None


@dataclass(frozen=True, slots=True)
class Ec2Instance:
    """An instance of ours as EC2 has it; ``intent`` is the launch it belongs to."""

    launched_at: float
    intent: str = ""
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """One pool as ledger, ECS and EC2 have it.

    ``tasks`` are the ids of those that run, ``instances`` are EC2's and ``registered`` those that ECS
    knows, both by instance id.
    """

    snapshot: Snapshot
    tasks: frozenset[str]
    instances: Mapping[str, Ec2Instance]
    registered: Mapping[str, Instance]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that one run of the reaper compares."""

    now: float
    pools: tuple[PoolFacts, ...]
    registrations: tuple[Registration, ...]


def find_stale(
    facts: Facts, configuration: Configuration, suspects: Mapping[str, float]
) -> tuple[list[Reap], dict[str, float]]:
    """Return what to reap now, and what to look at again, with the time of its first reading.

    What a timer of ours proves stale is reaped at once. What rests on comparing listings, which lag and
    are read one after another, must look the same twice, ``READINGS_APART_SECONDS`` apart.
    """
    certain: list[Reap] = []
    doubtful: list[Reap] = []
    for pool in facts.pools:
        certain += _stale_runners(pool, configuration)
        certain += _instance_news(pool)
        certain += _stale_jobs(pool)
        certain += _orphans(pool)
        doubtful += _mismatches(pool)
        doubtful += _stray_instances(pool)
    doubtful += _ghosts(facts)
    seen = {f"{reap.what}/{reap.id}": reap for reap in doubtful}
    since = {key: suspects.get(key, facts.now) for key in seen}
    ripe = [seen[key] for key, first in since.items() if facts.now - first >= READINGS_APART_SECONDS]
    return certain + ripe, since


def _stale_runners(pool: PoolFacts, configuration: Configuration) -> Iterator[Reap]:
    """Find runners past a timer, among those whose task ECS still runs: an event of the others is on its way."""
    now, name = pool.snapshot.now, pool.snapshot.pool
    for runner in pool.snapshot.runners:
        if runner.task_id not in pool.tasks:
            continue
        profile = configuration.profiles.get(runner.shape.profile)
        standby = profile.standby if profile else 0
        idle = (profile.idle_timeout_seconds if profile else 0) + IDLE_GRACE_SECONDS
        timeout = (profile.job_timeout_seconds if profile else 0) + TIMEOUT_GRACE_SECONDS
        is_waiting = standby > 0 and runner.running_at is not None
        if runner.state is RunnerState.STARTING and not is_waiting:
            if now - runner.started_at > NEVER_CLAIMED_SECONDS:
                yield Reap(What.UNCLAIMED_TASK, runner.task_id, name, "never claimed", runner)
        elif runner.state is RunnerState.GONE and now - (runner.ended_at or now) >= ENDED_GRACE_SECONDS:
            yield Reap(What.IDLE_RUNNER, runner.task_id, name, "its runner has ended", runner)
        elif runner.is_idle and now - (runner.claimed_at or now) > idle:
            yield Reap(What.IDLE_RUNNER, runner.task_id, name, "idle past its timeout", runner)
        elif runner.state is RunnerState.BUSY and profile and now - (runner.busy_at or now) > timeout:
            yield Reap(What.OVERDUE_TASK, runner.task_id, name, "past the job timeout", runner)


def _instance_news(pool: PoolFacts) -> Iterator[Reap]:
    """Find instances whose event was lost: folding what ECS says is right however late the event still comes."""
    for instance in pool.snapshot.instances:
        seen = pool.registered.get(instance.instance_id)
        if seen is None or seen.version <= instance.version:
            continue
        if seen.connected != instance.connected or seen.state.rank > instance.state.rank:
            yield Reap(What.INSTANCE_NEWS, seen.instance_id, seen.pool, "its event was lost", instance=seen)


def _stale_jobs(pool: PoolFacts) -> Iterator[Reap]:
    for job in pool.snapshot.jobs:
        age = pool.snapshot.now - job.queued_at
        if age > GITHUB_GIVES_UP_SECONDS:
            yield Reap(What.JOB_RECORD, str(job.key), job.pool, "queued for more than a day")
        elif age > QUEUED_LONG_SECONDS and job.offered_to is None:
            yield Reap(What.WAITING_LONG, str(job.key), job.pool, "queued long without an offer")


def _orphans(pool: PoolFacts) -> Iterator[Reap]:
    """Find registrations whose task stopped a while ago without word of their job: DELETE tells which are idle."""
    for orphan in pool.snapshot.orphans:
        if pool.snapshot.now - orphan.at >= READINGS_APART_SECONDS:
            name = pool.snapshot.pool
            yield Reap(What.ORPHAN, orphan.task_id, name, "its task stopped first", orphan=orphan)


def _mismatches(pool: PoolFacts) -> Iterator[Reap]:
    name = pool.snapshot.pool
    known = {runner.task_id for runner in pool.snapshot.runners}
    for runner in pool.snapshot.runners:
        if runner.task_id not in pool.tasks:
            yield Reap(What.RUNNER_RECORD, runner.task_id, name, "ECS has no such task", runner)
    for task_id in sorted(pool.tasks - known):
        yield Reap(What.UNKNOWN_TASK, task_id, name, "the ledger does not know it")
    recorded = {instance.instance_id for instance in pool.snapshot.instances}
    for instance_id in sorted(recorded - set(pool.instances)):
        yield Reap(What.INSTANCE_RECORD, instance_id, name, "EC2 has no such instance")
    held = {runner.instance_arn for runner in pool.snapshot.runners}
    for instance in pool.snapshot.instances:
        is_unknown = instance.arn is not None and instance.instance_id not in pool.registered
        if is_unknown and instance.arn not in held:
            yield Reap(What.INSTANCE, instance.instance_id, name, "ECS no longer knows it")


def _stray_instances(pool: PoolFacts) -> Iterator[Reap]:
    """Find instances that run or stand still against what the ledger says, and those that it does not know.

    One whose own launch or start has no answer yet is none of them.
    """
    name = pool.snapshot.pool
    states = {instance.instance_id: instance.state for instance in pool.snapshot.instances}
    asked_for = {intent.token for intent in pool.snapshot.intents}
    starting = being_started(pool.snapshot.intents)
    for instance_id, seen in sorted(pool.instances.items()):
        state = states.get(instance_id)
        if instance_id in starting or (state is None and seen.intent in asked_for):
            continue
        if seen.is_stopped and state is InstanceState.WARMING:
            yield Reap(What.WARM_INSTANCE, instance_id, name, "its event was lost")
        elif seen.is_stopped and state is not InstanceState.STOPPED:
            yield Reap(What.STOPPED_INSTANCE, instance_id, name, "stopped")
        elif state is InstanceState.STOPPED and not seen.is_stopped:
            yield Reap(What.INSTANCE, instance_id, name, "it runs and should be stopped")
        elif state is None and pool.snapshot.now - seen.launched_at > NEVER_RECORDED_SECONDS:
            yield Reap(What.INSTANCE, instance_id, name, "the ledger does not know it")


def _ghosts(facts: Facts) -> Iterator[Reap]:
    """Find registrations of ours whose task is gone. A busy one is never among them."""
    alive = {runner.task_id for pool in facts.pools for runner in pool.snapshot.runners}
    alive |= {task_id for pool in facts.pools for task_id in pool.tasks}
    for registration in facts.registrations:
        named = parse_runner_name(registration.name)
        if named and named[1] not in alive and not registration.is_busy:
            gone = "its task is gone"
            yield Reap(What.REGISTRATION, registration.name, "", gone, registration=registration)
