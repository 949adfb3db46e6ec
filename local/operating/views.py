"""Pools, jobs, runners and instances as rows: plain values, the same for a terminal and for a program. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from local.operating.sight import PoolSight
from local.words import iso, told
from slipway.domain.gauges import fill_of, held_by_instance, share_of
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.jobs import JobState
from slipway.domain.resources import NOTHING
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Control, Snapshot

Row = dict[str, Any]


def pool_row(sight: PoolSight) -> Row:
    """Return how a pool is: its order, jobs by reason, runners and instances by state, how full it is, what is wrong.

    Waits are in seconds; ``fill`` is from 0 to 1, as the metric has it in percent, None where no instance is up.
    """
    snapshot, fill = sight.snapshot, fill_of(sight.snapshot)
    waits = [max(0.0, snapshot.now - job.queued_at) for job in snapshot.jobs]
    reasons = Counter(reason.code.value for reason in sight.decided.reasons.values())
    return {
        "pool": snapshot.pool,
        "at": iso(snapshot.now),
        "order": snapshot.control.value,
        "waiting": len(snapshot.jobs),
        "longest_wait_seconds": round(max(waits, default=0.0), 1),
        "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        "runners": _counted(RunnerState, (runner.state for runner in snapshot.runners)),
        "instances": _counted(InstanceState, (instance.state for instance in snapshot.instances)),
        "max_instances": sight.policy.pool.max_instances,
        "fill": None if fill is None else round(fill, 3),
        "troubles": list(_troubles(sight)),
    }


def job_rows(sight: PoolSight) -> list[Row]:
    """Return the jobs of a pool, the longest waiting first, then those that run, the longest running first."""
    snapshot = sight.snapshot
    waiting = sorted(snapshot.jobs, key=lambda job: (job.queued_at, job.key))
    running = [runner for runner in snapshot.runners if runner.state is RunnerState.BUSY]
    rows = []
    for job in waiting:
        reason = sight.decided.reasons.get(job.key)
        rows.append(
            {
                "job": str(job.key),
                "state": JobState.QUEUED.value,
                "repository": job.repository,
                "profile": job.shape.profile,
                "pool": snapshot.pool,
                "since": iso(job.queued_at),
                "seconds": round(max(0.0, snapshot.now - job.queued_at), 1),
                "reason": reason.code.value if reason else None,
                "why": told(reason) if reason else "",
            }
        )
    for runner in sorted(running, key=lambda runner: (runner.busy_at or 0.0, runner.task_id)):
        since = runner.busy_at or runner.started_at
        rows.append(
            {
                "job": str(runner.job) if runner.job else None,
                "state": JobState.IN_PROGRESS.value,
                "repository": runner.repository,
                "profile": runner.shape.profile,
                "pool": snapshot.pool,
                "since": iso(since),
                "seconds": round(max(0.0, snapshot.now - since), 1),
                "reason": None,
                "why": f"runs in task {runner.task_id[:8]}",
            }
        )
    return rows


def runner_rows(sight: PoolSight) -> list[Row]:
    """Return the runners of a pool, by instance, the oldest first."""
    snapshot = sight.snapshot
    names = {instance.arn: instance.instance_id for instance in snapshot.instances}
    runners = sorted(snapshot.runners, key=lambda runner: (runner.started_at, runner.task_id))
    return [
        _runner_row(runner, snapshot, names.get(runner.instance_arn) if runner.instance_arn else None)
        for runner in runners
    ]


def instance_rows(sight: PoolSight) -> list[Row]:
    """Return the instances of a pool, the oldest first, each with what its tasks hold."""
    snapshot = sight.snapshot
    held = held_by_instance(snapshot)
    tasks = Counter(runner.instance_arn for runner in snapshot.runners)
    instances = sorted(snapshot.instances, key=lambda instance: (instance.launched_at, instance.instance_id))
    return [
        {
            "instance": instance.instance_id,
            "state": instance.state.value,
            "pool": snapshot.pool,
            "type": instance.instance_type,
            "market": instance.market.value if instance.market else None,
            "subnet": instance.subnet,
            "since": iso(instance.launched_at),
            "seconds": round(max(0.0, snapshot.now - instance.launched_at), 1),
            "tasks": tasks[instance.arn] if instance.arn else 0,
            "fill": round(share_of(held.get(instance.arn or "", NOTHING), instance.registered), 3),
            "why": _of_instance(instance),
        }
        for instance in instances
    ]


def _runner_row(runner: Runner, snapshot: Snapshot, instance: str | None) -> Row:
    return {
        "task": runner.task_id,
        "state": runner.state.value,
        "profile": runner.shape.profile,
        "pool": snapshot.pool,
        "instance": instance,
        "repository": runner.repository,
        "job": str(runner.job) if runner.job else None,
        "since": iso(runner.started_at),
        "seconds": round(max(0.0, snapshot.now - runner.started_at), 1),
        "why": runner.ended_why or "",
    }


def _troubles(sight: PoolSight) -> Iterator[str]:
    """Say what an operator should know: circuits that are open, and GitHub's pauses."""
    snapshot = sight.snapshot
    if snapshot.control is not Control.RUN:
        yield f"an operator ordered: {snapshot.control.value}"
    for failures, what in (
        (snapshot.launch_failures, "launches"),
        (snapshot.tier_failures, "launches for the stopped tier"),
    ):
        if failures is not None and failures.is_circuit_open:
            yield f"{failures.count} {what} failed one after another: {failures.why}"
    for start in snapshot.start_failures:
        if start.is_circuit_open:
            yield f"{start.count} containers of profile {start.profile} ended before they took a job: {start.why}"
    for pause in snapshot.github_pauses:
        if pause.until > snapshot.now:
            why = f"refuses runners: {pause.why}" if pause.why else "asked to wait"
            yield f"GitHub {why} ({pause.reach}, until {iso(pause.until)})"
    for name, why in sorted(sight.decided.set_aside.items()):
        yield f"instance {name} is left out of account: {why}"


def _of_instance(instance: Instance) -> str:
    if instance.lost_at is not None:
        return "EC2 takes it away"
    if instance.state is InstanceState.READY and not instance.connected:
        return "its agent is not connected"
    if instance.idle_since is not None and instance.state is InstanceState.READY:
        return f"empty since {iso(instance.idle_since)}"
    return ""


def _counted(states: type[RunnerState] | type[InstanceState], found: Iterable[Any]) -> dict[str, int]:
    counts = Counter(found)
    return {state.value: counts[state] for state in states if counts[state]}
