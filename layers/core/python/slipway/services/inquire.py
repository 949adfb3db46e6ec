"""Inquire: ask GitHub about jobs that wait long. It may have cancelled one without a word [GH-WJ-7]."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from functools import partial

from slipway.domain.configuration import GitHubTarget
from slipway.domain.errors import ThrottledError
from slipway.domain.inquiries import to_ask, why_over
from slipway.domain.jobs import JobKey
from slipway.domain.notices import Look, Notice, NoticeCode
from slipway.domain.snapshot import Snapshot, WaitingJob
from slipway.ports.clock import Clock
from slipway.ports.github import WorkflowJobs
from slipway.ports.ledger import Jobs
from slipway.services.applied import Together, in_turn

CODES = frozenset({NoticeCode.JOBS_UNCHECKED})
UNCHECKED = Notice(
    NoticeCode.JOBS_UNCHECKED,
    "jobs",
    "jobs that wait long are not checked with GitHub: that needs an App (github.secrets.app)",
)


@dataclass(frozen=True, slots=True)
class Answers:
    """The jobs that want no runner by GitHub's word of now, with its words; what is to be told; what failed."""

    over: Mapping[JobKey, str] = field(default_factory=dict)
    look: Look = field(default_factory=Look)
    errors: tuple[Exception, ...] = ()


class Inquire:
    """Asks about a few jobs a run, by the App; ``workflow_jobs`` is None where there is none: then it says so."""

    def __init__(
        self,
        github: GitHubTarget,
        jobs: Jobs,
        workflow_jobs: WorkflowJobs | None,
        clock: Clock,
        *,
        together: Together = in_turn,
    ) -> None:
        self._github = github
        self._jobs = jobs
        self._workflow_jobs = workflow_jobs
        self._clock = clock
        self._together = together

    def __call__(
        self, snapshots: Collection[Snapshot], suspects: Container[str], *, is_dry_run: bool = False
    ) -> Answers:
        """Ask, and note that it was asked, except in a dry run; who gets no answer is asked again later."""
        if self._workflow_jobs is None:
            return Answers(look=Look((UNCHECKED,), CODES))
        answers = _Answers(self._workflow_jobs, set(), {}, [])
        noted = None if is_dry_run else self._jobs
        jobs, now = to_ask(snapshots, self._github, suspects), self._clock.now()
        self._together([partial(answers.ask, job, noted, now) for job in jobs])
        return Answers(answers.over, Look(codes=CODES), tuple(answers.errors))


@dataclass(slots=True)
class _Answers:
    """What came in so far; an organization whose limit was met is asked no more in this run."""

    workflow_jobs: WorkflowJobs
    throttled: set[str]
    over: dict[JobKey, str]
    errors: list[Exception]

    def ask(self, job: WaitingJob, noted: Jobs | None, at: float) -> None:
        if job.key.organization in self.throttled:
            return
        try:
            if noted is not None:  # first: a question that always fails must not be asked each minute
                noted.note_asked(job.pool, job.key, at=at)
            found = self.workflow_jobs.find(job.repository, job.key.job_id)
            why = why_over(found.status, found.conclusion) if found else why_over(None, None)
            if why is not None:
                self.over[job.key] = why
        except ThrottledError as fault:
            self.throttled.add(job.key.organization)
            self.errors.append(fault)
        except Exception as fault:  # noqa: BLE001 - the service loop: one failure leaves no other job unasked
            self.errors.append(fault)
