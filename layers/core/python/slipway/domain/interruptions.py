"""Interruptions: jobs that were running when EC2 took their instance away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.domain.jobs import JobKey
from slipway.domain.patience import less_and_less_often
from slipway.domain.readings import JobReading
from slipway.domain.runners import Runner, task_id_of

LOOK_SECONDS, LOOK_AT_LEAST_EVERY_SECONDS = 60, 1_800
# A runner whose host shuts down can tell GitHub of its job's end; ECS tells of the host's some minutes after.
ENDED_WITH_ITS_HOST_SECONDS = 300
_TAKEN_ALONG = ("failure", "cancelled", "timed_out")  # by GitHub, when a run's failed jobs are run again


@dataclass(frozen=True, slots=True)
class Interruption:
    """A job whose runner's instance is gone. Times are epoch seconds; ``due_at`` is when to look at it next."""

    task_id: str
    job: JobKey
    run_id: int
    repository: str
    at: float
    due_at: float


def interruption_of(runner: Runner, at: float) -> Interruption | None:
    """Return what the loss of its instance interrupted, if the runner is known to have taken a job.

    A runner that had ended long before had ended by itself: its job is not to run again because its host goes.
    """
    if runner.job is None or runner.run_id is None or runner.repository is None:
        return None
    if runner.ended_at is not None and at - runner.ended_at > ENDED_WITH_ITS_HOST_SECONDS:
        return None
    return Interruption(
        task_id=runner.task_id,
        job=runner.job,
        run_id=runner.run_id,
        repository=runner.repository,
        at=at,
        due_at=at + LOOK_SECONDS,
    )


def next_look(interruption: Interruption, now: float) -> float:
    """Return when to look again: less and less often, for a run can go on for days."""
    return now + less_and_less_often(now - interruption.at, LOOK_SECONDS, LOOK_AT_LEAST_EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about the interrupted jobs of one run; those in neither list wait.

    ``again`` come with their job ids in the latest attempt; they are all that failed there, or one. ``over`` come with
    the reason.
    """

    again: tuple[tuple[Interruption, int], ...] = ()
    over: tuple[tuple[Interruption, str], ...] = ()


def decide(interrupted: Sequence[Interruption], attempt: Sequence[JobReading]) -> Decision:
    """Decide about the interrupted jobs of one run by the jobs of its latest attempt.

    GitHub makes one new attempt at a time, of one job or of all that failed [GH-RERUN]: of all where all of them were
    interrupted, else of one. The names of our runners tell which jobs were theirs, also where GitHub copied them into
    a later attempt [GH-RERUN-COPIES].
    """
    if any(job.status != "completed" for job in attempt):
        return Decision()
    by_task = {task_id_of(job.runner_name): job for job in attempt if job.runner_name is not None}
    over: list[tuple[Interruption, str]] = []
    failed: list[tuple[Interruption, int]] = []
    for item in interrupted:
        job = by_task.get(item.task_id)
        if job is None:
            over.append((item, "the latest attempt of its run has it no more"))
        elif job.conclusion != "failure":
            over.append((item, f"it ended with {job.conclusion}"))
        else:
            failed.append((item, job.job_id))
    failed.sort(key=lambda pair: pair[1])
    is_all = {job_id for _, job_id in failed} == {j.job_id for j in attempt if j.conclusion in _TAKEN_ALONG}
    return Decision(tuple(failed if is_all else failed[:1]), tuple(over))
