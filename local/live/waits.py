"""How long jobs waited that started lately. Pure but for what it remembers of earlier looks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from local.live.reading import Reading
from local.reports.accounts import quantile
from slipway.domain.jobs import JobKey
from slipway.domain.runners import RunnerState
from slipway.domain.usage import JobUsage

WINDOW_SECONDS = 900
_PARTS = (0.5, 0.9, 0.99)
ALL = ""  # the group of every profile's jobs

Figures = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class _Started:
    at: float
    seconds: float
    profile: str


@dataclass(slots=True)
class Waits:
    """The waits of jobs that started within the last fifteen minutes.

    A job's wait is known once it runs, if it was seen waiting; of one that was not, when its usage line comes.
    """

    _queued_at: dict[JobKey, float] = field(default_factory=dict)
    _started: dict[JobKey, _Started] = field(default_factory=dict)

    def see(self, reading: Reading) -> None:
        """Take in one look."""
        here: set[JobKey] = set()
        for snapshot in reading.pools:
            for job in snapshot.jobs:
                here.add(job.key)
                self._queued_at[job.key] = job.queued_at
            for runner in snapshot.runners:
                if runner.job is None:
                    continue
                here.add(runner.job)
                if runner.state is RunnerState.BUSY and runner.busy_at is not None:
                    self._start(runner.job, runner.busy_at, runner.shape.profile)
        for usage in reading.finished:
            self._finish(usage)
        self._forget(here, reading.at)

    def figures(self) -> Figures:
        """Return count, p50, p90 and p99 in seconds, of all together and of each profile."""
        groups: dict[str, list[float]] = defaultdict(list)
        for started in self._started.values():
            groups[ALL].append(started.seconds)
            groups[started.profile].append(started.seconds)
        return {
            name: [len(waits), *(round(quantile(waits, part) or 0.0, 1) for part in _PARTS)]
            for name, waits in groups.items()
        }

    def _start(self, key: JobKey, at: float, profile: str) -> None:
        queued_at = self._queued_at.get(key)
        if queued_at is not None and key not in self._started:
            self._started[key] = _Started(at, max(0.0, at - queued_at), profile)

    def _finish(self, usage: JobUsage) -> None:
        if usage.started_at is not None and usage.runner_name:
            seconds = max(0.0, usage.started_at - usage.queued_at)
            self._started[usage.job] = _Started(usage.started_at, seconds, usage.profile)

    def _forget(self, here: set[JobKey], now: float) -> None:
        self._queued_at = {key: at for key, at in self._queued_at.items() if key in here}
        oldest = now - WINDOW_SECONDS
        self._started = {key: one for key, one in self._started.items() if one.at > oldest}
