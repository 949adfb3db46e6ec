"""Inquiries: which waiting jobs GitHub is asked about, and what its answer means."""

from __future__ import annotations

from collections.abc import Container, Iterable

from slipway.domain.configuration import GitHubTarget
from slipway.domain.demand import covered_jobs
from slipway.domain.findings import What
from slipway.domain.reaping import suspicion
from slipway.domain.snapshot import Snapshot, WaitingJob

# A younger job is never doubted: asked too early, GitHub does not know it yet [GH-WJ-12].
REST_LAGS_SECONDS = 60
PATIENT_SECONDS = 1_800  # how long a job waits before it is asked after without any other cause
MOST_A_RUN, MOST_PATIENT_A_RUN = 20, 2


def to_ask(snapshots: Iterable[Snapshot], github: GitHubTarget, suspects: Container[str]) -> list[WaitingJob]:
    """Return the jobs to ask GitHub about now.

    First those that GitHub has called over once: they need its second word. Then those of whose runners one was not
    taken, as GitHub does with a job that is not there; then, few at a time, those that wait long for whatever reason,
    or a long queue would cost a call a job. None for which an idle runner is registered, and none before its age has
    doubled since it was last asked after: about ten times until GitHub gives it up [GH-JOB-48H].
    """
    doubted: list[WaitingJob] = []
    untaken: list[WaitingJob] = []
    patient: list[WaitingJob] = []
    for snapshot in snapshots:
        covered = covered_jobs(snapshot.jobs, snapshot.runners, github)
        for job in snapshot.jobs:
            if suspicion(What.JOB_RECORD, str(job.key)) in suspects:
                doubted.append(job)
            elif job.key not in covered and _is_due(job, snapshot.now):
                (untaken if job.untaken else patient).append(job)
    few = _oldest_first(patient)[:MOST_PATIENT_A_RUN]
    return [*_oldest_first(doubted), *_oldest_first(untaken), *few][:MOST_A_RUN]


def why_over(status: str | None, conclusion: str | None) -> str | None:
    """Return why a job wants no runner any more by GitHub's word for its status, None if it may still want one.

    No status: GitHub has no such job. ``waiting``, ``pending`` and ``requested`` come before ``queued``, or are what
    the REST API says of a queued job too early [GH-WJ-12].
    """
    if status is None:
        return "GitHub has no such job"
    if status == "completed":
        return f"GitHub says that it has completed ({conclusion})"
    return "GitHub says that it runs already" if status == "in_progress" else None


def _is_due(job: WaitingJob, now: float) -> bool:
    age = now - job.queued_at
    asked_at_age = 0.0 if job.asked_at is None else job.asked_at - job.queued_at
    return age > (REST_LAGS_SECONDS if job.untaken else PATIENT_SECONDS) and age >= 2 * asked_at_age


def _oldest_first(jobs: Iterable[WaitingJob]) -> list[WaitingJob]:
    return sorted(jobs, key=lambda job: (job.queued_at, job.key))
