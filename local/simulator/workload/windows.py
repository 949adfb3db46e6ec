"""How much of a scenario is made: jobs a day, and some of its hours alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from local.simulator.bad_input import BadInputError
from local.simulator.workload.enterprise import JOBS_PER_DAY
from local.simulator.workload.jobs import Incident, Workload

_HOUR_SECONDS: Final = 3_600.0
_MOST_JOBS_PER_DAY: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """Some hours of a scenario: from the hour it starts with, counted from the scenario's start."""

    start_hour: float
    hours: float

    @property
    def end_hour(self) -> float:
        """Return the hour it ends with."""
        return self.start_hour + self.hours


@dataclass(frozen=True, slots=True)
class Size:
    """How busy a working day is, and which hours of the scenario are wanted (None: all)."""

    jobs_per_day: int = JOBS_PER_DAY
    window: Window | None = None

    @property
    def factor(self) -> float:
        """Return how many times the usual size this is."""
        return self.jobs_per_day / JOBS_PER_DAY

    def check(self, scenario: str, hours: float) -> None:
        """Raise BadInputError with every fault of this size for a scenario of so many hours."""
        faults = [*self._faults(scenario, hours)]
        if faults:
            raise BadInputError(faults)

    def _faults(self, scenario: str, hours: float) -> Iterator[str]:
        if not 1 <= self.jobs_per_day <= _MOST_JOBS_PER_DAY:
            yield f"{self.jobs_per_day} jobs a day cannot be simulated: wanted 1 to {_MOST_JOBS_PER_DAY}"
        if self.window is None:
            return
        start, length = self.window.start_hour, self.window.hours
        if not (math.isfinite(start) and math.isfinite(length) and start >= 0 and length > 0):
            yield f"hour {start:g} for {length:g} hours is no window: wanted an hour from 0 on, and hours above 0"
        elif self.window.end_hour > hours:
            yield f"the window ends at hour {self.window.end_hour:g}, and {scenario} has {hours:g} hours"


def window_of(name: str, hours: float, starts_at: float | None, lasts: float | None) -> Window | None:
    """Return the window that an operator asked for of jobs that take so many hours; None: all of them.

    Raises BadInputError for one that shows nothing or does not lie within.
    """
    if starts_at is None and lasts is None:
        return None
    start = starts_at or 0.0
    left = hours - start
    if left <= 0:
        raise BadInputError([f"--starts-at {start:g}: {name} has {hours:g} hours; begin before they end"])
    if lasts == 0:
        raise BadInputError(["--lasts 0: nothing would run; write 1 for an hour, or 0.25 for a quarter"])
    if lasts is not None and lasts > left:
        cure = f"write {left:g} or less, or leave it out"
        raise BadInputError(
            [f"--lasts {lasts:g}: {name} has {hours:g} hours, of which {left:g} are left; {cure}"]
        )
    return Window(start, left if lasts is None else lasts)


def cut(workload: Workload, window: Window | None) -> Workload:
    """Return what of a workload lies in a window (None: all of it); times count from the window's start."""
    if window is None:
        return workload
    start, end = window.start_hour * _HOUR_SECONDS, window.end_hour * _HOUR_SECONDS
    jobs = tuple(
        replace(job, queued_at_seconds=round(job.queued_at_seconds - start, 3))
        for job in workload.jobs
        if start <= job.queued_at_seconds < end
    )
    incidents = tuple(
        _clipped(incident, start, end)
        for incident in workload.incidents
        if incident.at_seconds < end and incident.at_seconds + incident.lasts_seconds > start
    )
    return Workload(workload.name, workload.starts_at + start, jobs, incidents)


def _clipped(incident: Incident, start: float, end: float) -> Incident:
    begins = max(incident.at_seconds, start)
    ends = min(incident.at_seconds + incident.lasts_seconds, end)
    return replace(incident, at_seconds=begins - start, lasts_seconds=ends - begins)
