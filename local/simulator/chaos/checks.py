"""The promises looked at when all is calm: every job served, nothing leaked, cost back to what was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from local.deployment import QUEUES
from local.simulator.chaos.of_jobs import QueuedJobs
from local.simulator.chaos.secrets import secrets_in
from local.simulator.chaos.storm import Storm
from local.simulator.functions import FunctionDiedError
from local.simulator.leftovers import beyond_tiers
from local.twin.github.deliveries import Delivery
from local.twin.github.model import WorkflowJob
from slipway.domain.configuration import Registration
from slipway.domain.errors import SlipwayError
from slipway.domain.runners import parse_runner_name


@dataclass(slots=True)
class Deliveries:
    """Every webhook, so that it is known of which jobs we have learned."""

    by_job: dict[int, list[Delivery]] = field(default_factory=dict)
    """Those of queued jobs."""
    by_guid: dict[str, list[Delivery]] = field(default_factory=dict)

    def watch(self, storm: Storm) -> None:
        """Note every delivery on its way to us."""
        deliver = storm.world.github.deliveries.deliver

        def delivered(delivery: Delivery) -> int | None:
            job_id = delivery.job_id or 0
            storm.log.tell("github", f"tells that job {job_id} is {delivery.action}")
            self.by_guid.setdefault(delivery.guid, []).append(delivery)
            if delivery.action == "queued":
                self.by_job.setdefault(job_id, []).append(delivery)
            return deliver(delivery)

        storm.world.github.deliveries.deliver = delivered

    def were_heard(self, job: WorkflowJob) -> bool:
        """Say whether one of a job's webhooks got a yes from us."""
        return _arrived(self.by_job.get(job.id, ()))

    def resend(self, storm: Storm) -> None:
        """Send again what failed, as the operator does by hand where no program can [GH-HOOK-NO-DELIVERIES]."""
        for sent in list(self.by_guid.values()):
            if not _arrived(sent):
                storm.world.github.deliveries.redeliver(sent[0])


def _arrived(deliveries: Iterable[Delivery]) -> bool:
    return any(200 <= (one.status_code or 0) < 300 for one in deliveries)


def unserved(storm: Storm, jobs: QueuedJobs, deliveries: Deliveries) -> list[WorkflowJob]:
    """Return the jobs that we know of, that a profile serves, and that have not ended."""
    return [
        job
        for job in jobs.served
        if job.status != "completed" and (storm.recipe.sweeps or deliveries.were_heard(job))
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
    yield from _broken_jobs(storm, jobs)
    yield from _reach(storm, jobs)
    yield from _errors(storm)
    yield from secrets_in_sight(storm)


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
        widened_at = storm.wide_groups.get(runner.group_name)
        if widened_at is not None and (job.now.started_at or 0.0) >= widened_at:
            continue
        group = f"{configuration.deployment}-{job.repository.organization.login.lower()}"
        if level is Registration.ENTERPRISE and runner.group_name != group:
            yield f"reach/{job.id}", f"promise 5: job {job.id} ran in runner group {runner.group_name}"
        if job.repository.full_name in storm.recipe.public and level is not Registration.REPOSITORY:
            yield f"reach/{job.id}", f"promise 4: job {job.id} of a public repository got {runner.name}"


def _errors(storm: Storm) -> Iterator[tuple[str, str]]:
    for fault in storm.world.loop.errors:
        if not isinstance(fault, SlipwayError | FunctionDiedError):
            yield f"error/{fault!r}", f"an unexpected exception: {type(fault).__name__}: {fault}"


def secrets_in_sight(storm: Storm) -> Iterator[tuple[str, str]]:
    """Promise 4: no secret in the ledger or on a queue."""
    world = storm.world
    places = {"ledger": repr(list(world.store.items()))}
    places |= {f"queue {name}": " ".join(world.loop.aws.sqs.bodies(name)) for name in QUEUES}
    for place, text in places.items():
        for name in secrets_in(text):
            yield f"secret/{place}/{name}", f"promise 4: a {name} stands in the {place}"
