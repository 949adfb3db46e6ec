"""What a drawing shows: figures over time, in steps of equal length."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from local.simulator.outcome import Outcome
from local.simulator.report.summary import quantiles

STEPS = 96


@dataclass(frozen=True, slots=True)
class Timeline:
    """The time that all policies of a drawing share: epoch seconds."""

    starts_at: float
    ends_at: float

    @property
    def moments(self) -> tuple[float, ...]:
        """Return the limits of the steps, one more than there are steps."""
        width = (self.ends_at - self.starts_at) / STEPS
        return tuple(self.starts_at + width * number for number in range(STEPS + 1))

    def step_of(self, moment: float) -> int:
        """Return the step that a moment belongs to, the nearest for one outside."""
        share = (moment - self.starts_at) / (self.ends_at - self.starts_at)
        return min(STEPS - 1, max(0, int(share * STEPS)))


def timeline(outcomes: Sequence[Outcome]) -> Timeline:
    """Return the time from the first job's queueing to the last end of a job or an instance."""
    starts = [job.queued_at for outcome in outcomes for job in outcome.jobs]
    ends = [job.completed_at or job.queued_at for outcome in outcomes for job in outcome.jobs]
    ends += [life.ended_at for outcome in outcomes for life in outcome.instances]
    first = min(starts, default=0.0)
    return Timeline(first, max([*ends, first + 1.0]))


def wait_p90(outcome: Outcome, time: Timeline) -> list[float | None]:
    """Return the 90th percentile of the waits of the jobs queued in each step, in seconds; None for a step without."""
    by_step: list[list[float | None]] = [[] for _ in range(STEPS)]
    for job in outcome.jobs:
        by_step[time.step_of(job.queued_at)].append(job.wait_seconds)
    return [quantiles(waits)["p90"] for waits in by_step]


def instances_at(outcome: Outcome, time: Timeline) -> list[float | None]:
    """Return how many instances are paid for at each moment."""
    changes = sorted(
        itertools.chain.from_iterable(
            ((life.launched_at, 1), (life.ended_at, -1)) for life in outcome.instances
        )
    )
    counts: list[float | None] = []
    running, taken = 0, 0
    for moment in time.moments:
        while taken < len(changes) and changes[taken][0] <= moment:
            running += changes[taken][1]
            taken += 1
        counts.append(float(running))
    return counts


def cost_until(outcome: Outcome, time: Timeline) -> list[float | None]:
    """Return the USD paid until each moment; what was paid besides instances grows with the completed jobs."""
    moments = time.moments
    rates = [0.0] * (
        STEPS + 2
    )  # USD a second that begin (or end) in a step, and what of them came before its end
    paid = [0.0] * (STEPS + 2)
    for life in outcome.instances:
        seconds = max(life.ended_at - life.launched_at, 1e-9)
        rate = life.usd / seconds
        for moment, sign in ((life.launched_at, 1.0), (life.ended_at, -1.0)):
            step = time.step_of(moment) + 1
            rates[step] += sign * rate
            paid[step] += sign * rate * (moments[step] - moment)
    costs: list[float | None] = [0.0]
    total, rate = 0.0, 0.0
    width = moments[1] - moments[0]
    for step in range(1, STEPS + 1):
        total += rate * width + paid[step]
        rate += rates[step]
        costs.append(total)
    return [
        cost + part if cost is not None else None
        for cost, part in zip(costs, _extra(outcome, time), strict=True)
    ]


def _extra(outcome: Outcome, time: Timeline) -> list[float]:
    ends = sorted(job.completed_at for job in outcome.jobs if job.completed_at is not None)
    parts, done = [], 0
    for moment in time.moments:
        while done < len(ends) and ends[done] <= moment:
            done += 1
        parts.append(outcome.extra_usd * done / max(1, len(ends)))
    return parts
