"""The promises looked at when all is calm: every job served, nothing leaked, cost back to what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from local.simulator.chaos.deliveries import Deliveries
from local.simulator.chaos.of_jobs import QueuedJobs
from local.simulator.chaos.storm import Storm
from local.simulator.functions import FunctionDiedError
from local.simulator.leftovers import beyond_tiers
from local.twin.github.model import WorkflowJob
from slipway.domain.configuration import Registration
from slipway.domain.errors import SlipwayError
from slipway.domain.runners import parse_runner_name

_BEGUN: Final = {"in_progress", "completed"}
#: By when a job has a runner, once all is calm. What queued up in a storm is up to forty minutes of work for the
#: smallest pools, one of which no webhook came has to be found by a sweep, and one whose runners nobody took is tried
#: once an hour. In 300 seeds none took more than 81 minutes.
STARTS_WITHIN_SECONDS: Final = 2 * 3_600.0


def unserved(storm: Storm, jobs: QueuedJobs, deliveries: Deliveries) -> list[WorkflowJob]:
    """Return the jobs that we know of, that a profile serves, and that have not ended."""
    return [
        job
        for job in jobs.served
        if job.status != "completed" and (storm.recipe.sweeps or deliveries.heard_at(job) is not None)
    ]


def leaks(storm: Storm) -> dict[str, int]:
    """Count what is there beyond what was asked for."""
    return beyond_tiers(storm.world)


def broken_promises(storm: Storm, jobs: QueuedJobs, deliveries: Deliveries) -> Iterator[tuple[str, str]]:
    """Return what is broken at the end, each with what it is about."""
    for job in unserved(storm, jobs, deliveries):
        yield f"job/{job.id}", f"promise 1: job {job.id} of {job.repository.full_name} is still {job.status}"
    for what, count in leaks(storm).items():
        yield f"left/{what}", f"promises 3 and 6: {count} {what} too many or too few are left"
    for job, told in deliveries.unrecorded(storm, jobs):
        yield (
            f"record/{job.id}",
            f"promise 1: we heard that job {job.id} is {told}, and the ledger does not know",
        )
    yield from _late(storm, jobs, deliveries)
    yield from _broken_jobs(storm, jobs)
    yield from _reach(storm, jobs)
    yield from _errors(storm)


def _late(storm: Storm, jobs: QueuedJobs, deliveries: Deliveries) -> Iterator[tuple[str, str]]:
    """Find jobs that got their runner later than what ailed them explains."""
    for job in jobs.served:
        heard_at = deliveries.heard_at(job)
        if heard_at is None and not storm.recipe.sweeps:
            continue
        began = next((state.at for state in job.history if state.status in _BEGUN), storm.world.clock.now())
        waited = began - max(storm.over_at, heard_at or 0.0)
        if waited > STARTS_WITHIN_SECONDS:
            yield f"late/{job.id}", f"promise 1: job {job.id} waited for {waited:.0f} s of calm"


def _broken_jobs(storm: Storm, jobs: QueuedJobs) -> Iterator[tuple[str, str]]:
    """Find jobs that failed though neither their host nor their container was taken from them."""
    containers = storm.world.loop.containers.by_task
    deployment = storm.recipe.configuration.deployment
    for job in jobs.served:
        named = parse_runner_name(deployment, job.now.runner.name) if job.now.runner else None
        container = containers.get(named[1]) if named else None
        if job.conclusion != "failure" or job.cancel_requested or container is None:
            continue
        task = container.task
        if task.ec2_instance_id not in storm.lost_hosts and task.task_id not in storm.crashed:
            yield (
                f"failed/{job.id}",
                f"promise 2: job {job.id} failed on {task.task_id} for no reason of its own",
            )


def _reach(storm: Storm, jobs: QueuedJobs) -> Iterator[tuple[str, str]]:
    """Find jobs that ran on a runner which was not for them, unless somebody had widened its group meanwhile."""
    configuration = storm.recipe.configuration
    level = configuration.github.registration
    for job in (*jobs.served, *jobs.refused):
        runner = job.now.runner
        if runner is None or parse_runner_name(configuration.deployment, runner.name) is None:
            continue
        if _was_wide(storm, runner.group_name, job.now.started_at or 0.0):
            continue
        group = f"{configuration.deployment}-{job.repository.organization.login.lower()}"
        if level is Registration.ENTERPRISE and runner.group_name != group:
            yield f"reach/{job.id}", f"promise 5: job {job.id} ran in runner group {runner.group_name}"
        if job.repository.full_name in storm.recipe.public and level is not Registration.REPOSITORY:
            yield f"reach/{job.id}", f"promise 4: job {job.id} of a public repository got {runner.name}"


def _was_wide(storm: Storm, group: str, started_at: float) -> bool:
    """Say whether a group was wide when GitHub chose among its runners, which take their job within a minute."""
    took = storm.world.github.world.timers.take_job
    return any(since <= started_at <= until + took for since, until in storm.wide_groups.get(group, ()))


def _errors(storm: Storm) -> Iterator[tuple[str, str]]:
    for fault in storm.world.loop.errors:
        if not isinstance(fault, SlipwayError | FunctionDiedError):
            yield f"error/{fault!r}", f"an unexpected exception: {type(fault).__name__}: {fault}"
