"""The life of workflow jobs: queued, waiting, in progress, completed, and the oddities in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

from local.twin.github.model import JobRequest, JobState, RunnerIdentity, WorkflowJob
from local.twin.github.state import World

Announce = Callable[[str, WorkflowJob, JobState], None]


@dataclass(slots=True)
class Listeners:
    """Who hears of a job's changes; the parts are wired together once, in ``twin.py``."""

    queued: Callable[[WorkflowJob], None]
    withdrawn: Callable[[WorkflowJob], None]
    cancelled_while_running: Callable[[WorkflowJob], None]


class Jobs:
    """All workflow jobs of the enterprise, and the operations that move them."""

    def __init__(self, world: World, announce: Announce) -> None:
        self._world = world
        self._announce = announce
        self.by_id: dict[int, WorkflowJob] = {}
        self.of_repository: dict[int, list[WorkflowJob]] = defaultdict(list)
        """The same jobs by the id of their repository, and of their run: a week has too many to look through."""
        self.of_run: dict[int, list[WorkflowJob]] = defaultdict(list)
        self.listeners = Listeners(*[lambda _: None] * 3)

    def queue(self, request: JobRequest, *, run_attempt: int = 1) -> WorkflowJob:
        """A new job; with an environment it waits for approval first [GH-WJ-3]."""
        job = self._create(request, run_attempt)
        if request.environment is None:
            self._enqueue(job)
        else:
            self._move(job, JobState(self._now, "waiting"), "waiting")
        return job

    def approve(self, job_id: int) -> None:
        """The environment's reviewer agrees: the job queues for real."""
        self._enqueue(self._expect(job_id, "waiting"))

    def announce_queued_while_waiting(self, job_id: int) -> None:
        """Send the ``queued`` event of a job whose status is ``waiting`` [GH-WJ-2]."""
        job = self._expect(job_id, "waiting")
        self._announce("queued", job, job.now)

    def skip(self, request: JobRequest) -> WorkflowJob:
        """A job whose condition is false: completed without ever being queued [GH-WJ-5]."""
        job = self._create(request, 1)
        self._finish(job, "skipped")
        return job

    def cancel(self, job_id: int, *, announced: bool = True) -> None:
        """Cancel a job; one that runs is asked to stop and forced after five minutes [GH-JOB-CANCEL-5M].

        ``announced=False`` leaves out the webhook, which GitHub sometimes does [GH-WJ-7].
        """
        job = self.by_id[job_id]
        if job.status == "in_progress":
            job.cancel_requested = True
            self.listeners.cancelled_while_running(job)
        elif job.status != "completed":
            self.listeners.withdrawn(job)
            self._finish(job, "cancelled", announced=announced)

    def rerun(self, job_id: int) -> WorkflowJob:
        """Run a completed job again: a new id in the same run, a higher attempt [GH-WJ-14]."""
        return self.new_attempt([self._expect(job_id, "completed")])[0]

    def current_attempt(self, run_id: int) -> list[WorkflowJob]:
        """The jobs of the run's latest attempt, the oldest first."""
        jobs = self.of_run.get(run_id, [])
        latest = max((job.run_attempt for job in jobs), default=0)
        return [job for job in jobs if job.run_attempt == latest]

    def new_attempt(self, again: list[WorkflowJob]) -> list[WorkflowJob]:
        """Run these jobs of one run again.

        The others that are completed are copied into the attempt, and the copies told of [GH-RERUN-COPIES] [GH-WJ-14].
        """
        run_id, attempt = again[0].run_id, again[0].run_attempt + 1
        others = [job for job in self.current_attempt(run_id) if job not in again]
        started = [self.queue(replace(job.request, run_id=run_id), run_attempt=attempt) for job in again]
        for other in others:
            if other.status == "completed":
                copy = replace(other, id=self._world.new_id(), run_attempt=attempt, history=[other.now])
                self._add(copy)
                self._announce("completed", copy, copy.now)
        return started

    def repeat_completed_like_a_check_run(self, job_id: int) -> None:
        """Send a ``completed`` event without a runner, as check runs on a job do [GH-WJ-6]."""
        job = self.by_id[job_id]
        now = self._now
        noise = JobState(now, "completed", "success", started_at=job.created_at, completed_at=now)
        self._announce("completed", job, noise)

    def start(self, job: WorkflowJob, runner: RunnerIdentity) -> None:
        """A runner has taken the job."""
        now = self._now
        self._move(job, JobState(now, "in_progress", runner=runner, started_at=now), "in_progress")

    def complete(self, job: WorkflowJob, conclusion: str) -> None:
        """End a running job; a job which has ended already stays as it is."""
        if job.status == "in_progress":
            self._finish(job, conclusion)

    def _create(self, request: JobRequest, run_attempt: int) -> WorkflowJob:
        repository = self._world.repositories.get(request.repository.lower())
        if repository is None:
            raise ValueError(f"no repository {request.repository!r} in the twin: add it before queueing jobs")
        job = WorkflowJob(
            id=self._world.new_id(),
            run_id=request.run_id or self._world.new_id(),
            run_attempt=run_attempt,
            request=request,
            repository=repository,
            head_sha=f"{self._world.rng.getrandbits(160):040x}",
            created_at=self._now,
        )
        self._add(job)
        if request.event == "push" and run_attempt == 1:
            self._world.pushed_at[repository.id] = self._now
        return job

    def _add(self, job: WorkflowJob) -> None:
        self.by_id[job.id] = job
        self.of_repository[job.repository.id].append(job)
        self.of_run[job.run_id].append(job)

    def _enqueue(self, job: WorkflowJob) -> None:
        job.queued_at = self._now
        self._move(job, JobState(self._now, "queued"), "queued")
        self._world.clock.schedule(self._world.timers.queue_timeout, lambda: self._time_out(job))
        if job.is_hosted:
            self._world.clock.schedule(self._world.timers.hosted_start, lambda: self._run_hosted(job))
        else:
            self.listeners.queued(job)

    def _time_out(self, job: WorkflowJob) -> None:
        if job.status == "queued":
            self.listeners.withdrawn(job)
            self._finish(job, "failure")

    def _run_hosted(self, job: WorkflowJob) -> None:
        if job.status != "queued":
            return
        number = self._world.new_id()
        self.start(job, RunnerIdentity(number, f"GitHub Actions {number}", 0, "GitHub Actions"))
        self._world.clock.schedule(
            job.request.duration_seconds,
            lambda: self.complete(job, "cancelled" if job.cancel_requested else job.request.conclusion),
        )

    def _finish(self, job: WorkflowJob, conclusion: str, *, announced: bool = True) -> None:
        before = job.history[-1] if job.history else None
        state = JobState(
            at=self._now,
            status="completed",
            conclusion=conclusion,
            runner=before.runner if before else None,
            started_at=before.started_at if before else None,
            completed_at=self._now,
        )
        self._move(job, state, "completed" if announced else None)

    def _move(self, job: WorkflowJob, state: JobState, action: str | None) -> None:
        job.history.append(state)
        if action is not None:
            self._announce(action, job, state)

    def _expect(self, job_id: int, status: str) -> WorkflowJob:
        job = self.by_id[job_id]
        if job.status != status:
            raise ValueError(f"job {job_id} is {job.status}, not {status}")
        return job

    @property
    def _now(self) -> float:
        return self._world.clock.now()
