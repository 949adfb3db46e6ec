"""Slipway itself: the real services and adapters on the twins, on the virtual clock."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from local.memory_ledger import memory_ledger
from local.reports.source import usage_of
from local.simulator.incidents import plan_incidents
from local.simulator.leftovers import beyond_tiers
from local.simulator.outcome import JobOutcome, Outcome
from local.simulator.policies.policy import Task
from local.simulator.policies.served import run_of, served_jobs
from local.simulator.stopwatch import Stopwatch
from local.simulator.workload.jobs import SimulatedJob
from local.simulator.world import World, build_world
from local.twin.github.model import JobRequest, WorkflowJob
from slipway.domain.configuration import Configuration

PATIENCE_SECONDS = 6 * 3600.0  # how long after the last job's end a run goes on
RERUN_WITHIN_SECONDS = 900.0  # what died with its host is run again by then, or never
_STEP_SECONDS = 60.0
CALLS_MADE_UP_SECONDS = 0.1
CLEAN_WITHIN_SECONDS = 3600.0


# A run makes much and throws little away in cycles: collecting as often as usual took a tenth of its time.
GARBAGE_THRESHOLDS = (100_000, 50, 1_000)


def run_slipway(
    task: Task, name: str = "slipway", look: Callable[[World], None] = lambda _world: None
) -> Outcome:
    """Run the workload on Slipway as it is configured; ``look`` is shown the world before anything happens."""
    usual = gc.get_threshold()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        return _outcome(task, name, look)
    finally:
        gc.set_threshold(*usual)


def _outcome(task: Task, name: str, look: Callable[[World], None]) -> Outcome:
    served = sorted(served_jobs(task.workload, task.configuration), key=lambda one: one.job.queued_at_seconds)
    world = build_world(
        task.configuration,
        [one.job.full_name for one in served],
        starts_at=task.workload.starts_at,
        seed=task.seed,
        latency=task.latency,
        patience_seconds=CALLS_MADE_UP_SECONDS,
    )
    look(world)
    watch = Stopwatch(world)
    plan_incidents(world, task.workload.incidents)
    queued = _queue(world, [one.job for one in served])
    violations = _run(world, task, queued, len(served))
    jobs = tuple(
        JobOutcome(
            job=one.job,
            queued_at=workflow_job.queued_at or 0.0,
            started_at=_moment(workflow_job, "in_progress"),
            completed_at=_done_at(world, workflow_job),
            own_seconds=watch.own_seconds(workflow_job),
        )
        for one, workflow_job in zip(served, queued, strict=True)
    )
    return Outcome(
        policy=name,
        seed=task.seed,
        jobs=jobs,
        instances=watch.lives(world.clock.now()),
        sizes=tuple(one.size for one in served),
        github_calls=sum(world.github.calls.values()),
        aws_calls=_aws_calls(world),
        violations=violations,
        usage=tuple(
            usage_of(
                memory_ledger(world.store), task.configuration, task.workload.starts_at, world.clock.now()
            )
        ),
    )


def without_headroom(configuration: Configuration) -> Configuration:
    """Return the configuration with no free slots kept."""
    pools = {name: replace(pool, headroom=None) for name, pool in configuration.pools.items()}
    return replace(configuration, pools=pools)


def without_standby(configuration: Configuration) -> Configuration:
    """Return the configuration with no containers that wait."""
    profiles = {name: replace(one, standby=0) for name, one in configuration.profiles.items()}
    return replace(configuration, profiles=profiles)


def without_stopped(configuration: Configuration) -> Configuration:
    """Return the configuration with no stopped instances."""
    pools = {name: replace(pool, stopped_instances=0) for name, pool in configuration.pools.items()}
    return replace(configuration, pools=pools)


VARIANTS: Final[Mapping[str, Callable[[Configuration], Configuration]]] = {
    "slipway-without-headroom": without_headroom,
    "slipway-without-standby": without_standby,
    "slipway-without-stopped": without_stopped,
}


def run_without_headroom(task: Task) -> Outcome:
    """Run it with no free slots kept."""
    return _run_variant("slipway-without-headroom", task)


def run_without_standby(task: Task) -> Outcome:
    """Run it with no containers that wait."""
    return _run_variant("slipway-without-standby", task)


def run_without_stopped(task: Task) -> Outcome:
    """Run it with no stopped instances."""
    return _run_variant("slipway-without-stopped", task)


def leaves_out_nothing(name: str, configuration: Configuration) -> bool:
    """Say whether a variant is the same as ``slipway``: the tier that it leaves out is not configured."""
    return name in VARIANTS and VARIANTS[name](configuration) == configuration


def _run_variant(name: str, task: Task) -> Outcome:
    return run_slipway(replace(task, configuration=VARIANTS[name](task.configuration)), name)


def _aws_calls(world: World) -> dict[str, int]:
    """Return the calls of our functions and of the mappings that poll for them; the table is not the twin's."""
    calls = Counter(world.loop.aws.calls)
    calls.update({name: n for name, n in world.loop.calls.counts.items() if name.startswith("dynamodb.")})
    return dict(sorted(calls.items()))


def _queue(world: World, jobs: list[SimulatedJob]) -> list[WorkflowJob]:
    """Put every job on the clock; the list fills as they are queued."""
    queued: list[WorkflowJob] = []
    starts_at = world.clock.now()

    def queue(job: SimulatedJob) -> None:
        run_id, attempt = run_of(job)
        request = JobRequest(job.full_name, job.labels, job.duration_seconds, run_id=run_id or None)
        queued.append(world.github.jobs.queue(request, run_attempt=attempt))

    for job in jobs:
        delay = starts_at + job.queued_at_seconds - world.clock.now()
        world.clock.schedule(delay, lambda job=job: queue(job))  # type: ignore[misc]
    return queued


def _run(world: World, task: Task, queued: list[WorkflowJob], wanted: int) -> tuple[str, ...]:
    """Run until every job has ended and everything is given back; return what was broken."""
    ended = 0

    def is_over() -> bool:
        nonlocal ended
        while ended < len(queued) and _has_ended(world, queued[ended]):
            ended += 1
        return ended == wanted

    last = max((job.queued_at_seconds + job.duration_seconds for job in task.workload.jobs), default=0.0)
    deadline = task.workload.starts_at + last + PATIENCE_SECONDS
    while not is_over() and world.clock.now() < deadline:
        world.clock.advance(_STEP_SECONDS)
        task.progress(ended)
    violations = [f"{wanted - ended} jobs have not ended"] if ended < wanted else []
    clean_by = world.clock.now() + CLEAN_WITHIN_SECONDS
    while beyond_tiers(world) and world.clock.now() < clean_by:
        world.clock.advance(_STEP_SECONDS)
    violations += [
        f"{count} {what} too many or too few are left" for what, count in beyond_tiers(world).items()
    ]
    return tuple(violations)


def _has_ended(world: World, job: WorkflowJob) -> bool:
    """Say whether a job is done, or failed and is not run again."""
    if job.status != "completed":
        return False
    latest = _latest_attempt(world, job)
    if latest.status != "completed" or latest.conclusion == "success":
        return latest.status == "completed"
    return world.clock.now() - latest.now.at > RERUN_WITHIN_SECONDS


def _done_at(world: World, job: WorkflowJob) -> float | None:
    """Return when a job succeeded, at whichever attempt: one that died with its host is not done."""
    latest = _latest_attempt(world, job)
    return _moment(latest, "completed") if latest.conclusion == "success" else None


def _latest_attempt(world: World, job: WorkflowJob) -> WorkflowJob:
    """Return the last attempt of a job that is alone in its run."""
    return job if job.conclusion == "success" else world.github.jobs.current_attempt(job.run_id)[0]


def _moment(job: WorkflowJob, status: str) -> float | None:
    return next((state.at for state in job.history if state.status == status), None)
