"""The waits of a range's jobs, and what they were made of. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from local.reports.lines import Lines
from slipway.domain.jobs import JobKey
from slipway.domain.phases import Marks, phases
from slipway.domain.runners import task_id_of
from slipway.domain.usage import JobUsage, RunnerUsage

ROBBED = "robbed"  # no reason of a plan's: another job was given the runner that was made for this one


@dataclass(frozen=True, slots=True)
class Wait:
    """One job's wait in seconds, and its parts by phase; none where a container of its own is not known.

    ``held_by`` are the seconds for which each of the plan's reasons held it up, and those that it waited again because
    it was ``robbed``; what nothing held up is in none.
    """

    job: JobUsage
    seconds: float
    phases: Mapping[str, float]
    held_by: Mapping[str, float] = field(default_factory=dict)


def waits(lines: Lines) -> Iterator[Wait]:
    """Return the wait of each job that started."""
    containers = {runner.task_id: runner for runner in lines.runners}
    taken: dict[JobKey, list[RunnerUsage]] = defaultdict(list)
    for runner in lines.runners:
        if runner.made_for is not None and robber(runner, runner.made_for) is not None:
            taken[runner.made_for].append(runner)
    for job in lines.jobs:
        if job.started_at is None:
            continue
        own = containers.get(task_id_of(job.runner_name or ""))
        seconds = max(0.0, job.started_at - job.queued_at)
        phases = _phases(job, own, job.started_at) if own else {}
        yield Wait(job, seconds, phases, _held_by(job, own, taken.get(job.job, ()), job.started_at))


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


def robber(container: RunnerUsage, job: JobKey) -> JobKey | None:
    """Return the job that was given a container which was made for this one, if another was."""
    return container.job if container.made_for == job and container.job != job else None


def _held_by(
    job: JobUsage, own: RunnerUsage | None, taken: Sequence[RunnerUsage], started_at: float
) -> dict[str, float]:
    """Return the seconds of each reason: a chapter lasts until the next one, or until what it waited for came.

    That is the placement of a container made for the job; where that was before it began (a turn to register, GitHub's
    limits), its claim; else the start of the job. From the placement of the first container that another job was given
    the job waits anew: until its own is placed, it was robbed of what no chapter says.
    """
    containers = [*taken, *([own] if own else [])]
    marks = sorted(
        mark
        for mark in (
            *(container.started_at for container in containers),
            *(container.claimed_at for container in containers),
            started_at,
        )
        if mark is not None
    )
    begun, ended = _robbed(job, own, taken, started_at)
    seconds: dict[str, float] = {ROBBED: ended - begun}
    for (why, since), (_, next_since) in pairwise((*job.held, ("", started_at))):
        came = next((mark for mark in marks if mark > since), started_at)
        start, end = max(since, job.queued_at), min(came, next_since, started_at)
        seconds[why] = seconds.get(why, 0.0) + max(0.0, end - start)
        seconds[ROBBED] -= max(0.0, min(end, ended) - max(start, begun))
    return {why: part for why, part in seconds.items() if part > 0}


def _robbed(
    job: JobUsage, own: RunnerUsage | None, taken: Sequence[RunnerUsage], started_at: float
) -> tuple[float, float]:
    """Return from when until when the job waited again for what another was given."""
    begun = min((container.started_at for container in taken), default=started_at)
    begun = min(max(begun, job.heard_at or job.queued_at), started_at)
    placed = own.started_at if own else started_at
    return begun, max(begun, min(placed, started_at))
