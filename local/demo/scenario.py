"""What happens in the demo's enterprise: who queues which jobs when, and what goes wrong on purpose."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from local.twin.clock import VirtualClock
from local.twin.github.model import JobRequest, WorkflowJob
from local.twin.github.twin import GitHubTwin

ORGANIZATIONS = ("acme-platform", "acme-web", "acme-mobile", "acme-data", "acme-games", "acme-labs")
NAMES = ("api", "app", "infra", "tools")
REPOSITORIES = tuple(f"{login}/{name}" for login in ORGANIZATIONS for name in NAMES)
FORBIDDEN = "acme-labs/crawler"  # its organization is allowed, the repository is not: its jobs can steal
VICTIM = "acme-labs/api"
BASE = ("self-hosted", "linux", "x64")
PROFILES = ("small", "medium", "docker")
PROFILE_WEIGHTS = (12, 7, 1)
WITHOUT_DOCKER = PROFILES[:2]
BURSTS = ((5.0, 0.5), (110.0, 1.0))  # start in model seconds, share of the jobs queued by its end
BURST_SECONDS = 20.0
HOSTED_SHARE, CANCELLED_SHARE = 0.08, 0.03
RERUN_AT = 150.0


@dataclass(slots=True)
class Scenario:
    """The jobs of one run, made as time passes; equal seeds make equal plans."""

    github: GitHubTwin
    clock: VirtualClock
    jobs_wanted: int
    seed: int
    profiles: tuple[str, ...] = PROFILES
    served: list[WorkflowJob] = field(default_factory=list)
    hosted: list[WorkflowJob] = field(default_factory=list)
    cancelled: set[int] = field(default_factory=set)
    thieves: list[WorkflowJob] = field(default_factory=list)
    _planned: int = 0
    _is_first_burst: bool = True

    def start(self) -> None:
        """Put everything on the clock; the caller holds the lock."""
        rng = random.Random(self.seed)
        reruns = 1 if self.jobs_wanted > 1 else 0
        first_total = self.jobs_wanted - reruns
        begun = 0
        for at, share in BURSTS:
            until = round(first_total * share)
            for delay, request, is_cancelled in self._burst(rng, until - begun):
                self.clock.schedule(at + delay, lambda r=request, c=is_cancelled: self._queue(r, c))  # type: ignore[misc]
            begun = until
        self._schedule_thief(rng)
        self._schedule_hosted(rng, first_total)
        if reruns:
            self.clock.schedule(RERUN_AT, self._rerun)
        self._planned = self.jobs_wanted

    def is_over(self) -> bool:
        """Say whether every job was queued and every one that we serve has ended; the caller holds the lock."""
        return len(self.served) >= self._planned and all(job.status == "completed" for job in self.served)

    def _burst(self, rng: random.Random, count: int) -> Iterator[tuple[float, JobRequest, bool]]:
        if self._is_first_burst:  # whom the thief robs
            self._is_first_burst = False
            yield 0.0, JobRequest(VICTIM, (*BASE, "small"), 20.0), False
            count -= 1
        for _ in range(count):
            (profile,) = rng.choices(self.profiles, PROFILE_WEIGHTS[: len(self.profiles)])
            labels: tuple[str, ...] = (*BASE, profile)
            duration = min(90.0, max(5.0, rng.lognormvariate(3.3, 0.6)))
            if profile == "medium" and rng.random() < 0.2:
                labels = ("slipway/medium/cpu=4/memory=14GiB",)
            request = JobRequest(rng.choice(REPOSITORIES), labels, round(duration, 1))
            yield rng.uniform(0, BURST_SECONDS), request, rng.random() < CANCELLED_SHARE

    def _queue(self, request: JobRequest, is_cancelled: bool) -> None:
        job = self.github.queue_job(request)
        self.served.append(job)
        if is_cancelled:
            self.clock.schedule(8.0, lambda: self._cancel(job))

    def _cancel(self, job: WorkflowJob) -> None:
        if job.status == "queued":
            self.cancelled.add(job.id)
            self.github.jobs.cancel(job.id)

    def _schedule_thief(self, rng: random.Random) -> None:
        """Queue a job that we refuse a moment before one that we serve, with its labels and organization.

        GitHub gives the runner which is started for the second to the first, which is older [GH-WJ-13].
        """
        request = JobRequest(FORBIDDEN, (*BASE, "small"), rng.uniform(20, 40))
        self.clock.schedule(BURSTS[0][0] - 1.0, lambda: self.thieves.append(self.github.queue_job(request)))

    def _schedule_hosted(self, rng: random.Random, count: int) -> None:
        for _ in range(max(1, round(count * HOSTED_SHARE))):
            at = rng.choice(BURSTS)[0] + rng.uniform(0, BURST_SECONDS)
            request = JobRequest(rng.choice(REPOSITORIES), ("ubuntu-latest",), rng.uniform(10, 40))
            self.clock.schedule(at, lambda r=request: self.hosted.append(self.github.queue_job(r)))  # type: ignore[misc]

    def _rerun(self) -> None:
        """Someone runs a finished job again; while none has finished, they try again later."""
        finished = [job for job in self.served if job.status == "completed" and job.id not in self.cancelled]
        if finished:
            self.served.append(self.github.jobs.rerun(finished[0].id))
        else:
            self.clock.schedule(5.0, self._rerun)
