"""Interruptions: jobs that were running when EC2 took their instance away."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.jobs import JobKey
from slipway.domain.runners import Runner

LOOK_SECONDS, LOOK_AT_LEAST_EVERY_SECONDS = 60, 1_800
GIVE_UP_SECONDS = 24 * 3_600  # a job that comes back days later surprises more than it helps


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
    """Return what the loss of its instance interrupted, if the runner is known to have taken a job."""
    if runner.job is None or runner.run_id is None or runner.repository is None:
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
    pause = min(LOOK_AT_LEAST_EVERY_SECONDS, max(LOOK_SECONDS, (now - interruption.at) / 4))
    return now + pause
