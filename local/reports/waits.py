"""The waits of a range's jobs, and what they were made of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from local.reports.lines import Lines
from slipway.domain.phases import Marks, phases
from slipway.domain.runners import task_id_of
from slipway.domain.usage import JobUsage, RunnerUsage


@dataclass(frozen=True, slots=True)
class Wait:
    """One job's wait in seconds, and its parts by phase; none where a container of its own is not known.

    ``held_by`` are the seconds for which each of the plan's reasons held it up; what nothing held up is in none.
    """

    job: JobUsage
    seconds: float
    phases: Mapping[str, float]
    held_by: Mapping[str, float] = field(default_factory=dict)


def waits(lines: Lines) -> Iterator[Wait]:
    """Return the wait of each job that started."""
    containers = {runner.task_id: runner for runner in lines.runners}
    for job in lines.jobs:
        if job.started_at is None:
            continue
        own = containers.get(task_id_of(job.runner_name or ""))
        seconds = max(0.0, job.started_at - job.queued_at)
        phases = _phases(job, own, job.started_at) if own else {}
        yield Wait(job, seconds, phases, _held_by(job, own, job.started_at))


def _phases(job: JobUsage, runner: RunnerUsage, started_at: float) -> dict[str, float]:
    return phases(
        Marks(
            job.queued_at,
            job.heard_at,
            runner.started_at,
            runner.running_at,
            runner.claimed_at,
            started_at,
        )
    )


def _held_by(job: JobUsage, runner: RunnerUsage | None, started_at: float) -> dict[str, float]:
    """Return the seconds of each reason: a chapter lasts until the next one, or until what it waited for came.

    That is its container's placement; where that was before it began (a turn to register, GitHub's limits), the claim;
    else the start of the job.
    """
    marks = (runner.started_at, runner.claimed_at, started_at) if runner else (started_at,)
    seconds: dict[str, float] = {}
    for (why, since), (_, next_since) in pairwise((*job.held, ("", started_at))):
        came = next((mark for mark in marks if mark is not None and mark > since), started_at)
        part = min(came, next_since, started_at) - max(since, job.queued_at)
        if part > 0:
            seconds[why] = seconds.get(why, 0.0) + part
    return seconds
