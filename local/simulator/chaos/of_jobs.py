"""The recipe's jobs on the clock: queued, some cancelled at any moment of their lives."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.simulator.chaos.recipe import PlannedJob
from local.simulator.chaos.storm import Storm
from local.twin.github.model import JobRequest, Runner, WorkflowJob
from slipway.domain.admission import not_allowed
from slipway.domain.matching import Unserved, route


@dataclass(slots=True)
class QueuedJobs:
    """What has been queued so far: the jobs that a profile serves, and those that we refuse."""

    served: list[WorkflowJob] = field(default_factory=list)
    refused: list[WorkflowJob] = field(default_factory=list)
    served_ids: set[int] = field(default_factory=set)


def queue_jobs(storm: Storm) -> QueuedJobs:
    """Put every job on the clock."""
    queued = QueuedJobs()
    for job in storm.recipe.jobs:
        storm.world.clock.schedule(job.at, lambda job=job: _queue(storm, job, queued))  # type: ignore[misc]
    return queued


def cancel_what_is_assigned(storm: Storm) -> None:
    """Let jobs be cancelled between GitHub's choice of a runner and that runner's taking them."""
    router, github = storm.world.github.router, storm.world.github
    wake = router.assigned

    def assigned(runner: Runner) -> None:
        if runner.job_id is not None and storm.happens("job-cancelled-assigned", str(runner.job_id)):
            job_id = runner.job_id
            storm.world.clock.schedule(0.0, lambda: github.jobs.cancel(job_id))
        wake(runner)

    router.assigned = assigned


def count_stolen(storm: Storm, jobs: QueuedJobs) -> None:
    """Count the jobs that we refuse and that GitHub gave a runner of ours all the same [GH-WJ-13]."""
    deployment = storm.recipe.configuration.deployment
    stolen = [job for job in jobs.refused if job.now.runner and job.now.runner.name.startswith(deployment)]
    storm.counts["runner-stolen"] += len(stolen)


def _queue(storm: Storm, planned: PlannedJob, queued: QueuedJobs) -> None:
    configuration = storm.recipe.configuration
    job = storm.world.github.queue_job(JobRequest(planned.repository, planned.labels, planned.seconds))
    is_public = planned.repository in storm.recipe.public
    organization = planned.repository.partition("/")[0]
    refusal = not_allowed(organization, planned.repository, configuration.github, is_public=is_public)
    way = route(planned.labels, (job.run_id, job.run_attempt), planned.repository, configuration.profiles)
    is_served = refusal is None and not isinstance(way, Unserved)
    (queued.served if is_served else queued.refused).append(job)
    if is_served:
        queued.served_ids.add(job.id)
    storm.log.tell(
        "github", f"job {job.id} of {planned.repository} is queued{'' if is_served else ', not for us'}"
    )
    if planned.cancelled_after is not None:
        storm.world.clock.schedule(planned.cancelled_after, lambda: _cancel(storm, job, planned))


def _cancel(storm: Storm, job: WorkflowJob, planned: PlannedJob) -> None:
    if job.status == "completed":
        return
    where = "running" if job.status == "in_progress" else "queued"
    storm.fired(f"job-cancelled-{where}", str(job.id))
    if where != "running" and not planned.is_announced:
        storm.fired("job-cancelled-unannounced", str(job.id))
    storm.world.github.jobs.cancel(job.id, announced=planned.is_announced)
