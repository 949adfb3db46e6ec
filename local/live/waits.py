"""How long jobs waited that started lately. Pure but for what it remembers of earlier looks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from local.live.reading import Reading, Started
from local.reports.accounts import quantile
from slipway.domain.jobs import JobKey

WINDOW_SECONDS = 900
_PARTS = (0.5, 0.9, 0.99)
ALL = ""  # the group of every profile's jobs

Figures = dict[str, list[float]]


@dataclass(slots=True)
class Waits:
    """The waits of jobs that started within the last fifteen minutes, from queued to running by GitHub's clock.

    A job that was never seen running, for it was short, is known from its usage line.
    """

    _started: dict[JobKey, Started] = field(default_factory=dict)

    def see(self, reading: Reading) -> None:
        """Take in one look."""
        for started in reading.started:
            self._started[started.job] = started
        for usage in reading.finished:
            if usage.started_at is not None and usage.runner_name:
                started = Started(usage.job, usage.profile, usage.queued_at, usage.started_at)
                self._started[usage.job] = started
        oldest = reading.at - WINDOW_SECONDS
        self._started = {key: one for key, one in self._started.items() if one.started_at > oldest}

    def figures(self) -> Figures:
        """Return count, p50, p90 and p99 in seconds, of all together and of each profile."""
        groups: dict[str, list[float]] = defaultdict(list)
        for one in self._started.values():
            seconds = max(0.0, one.started_at - one.queued_at)
            groups[ALL].append(seconds)
            groups[one.profile].append(seconds)
        return {
            name: [len(waits), *(round(quantile(waits, part) or 0.0, 1) for part in _PARTS)]
            for name, waits in groups.items()
        }
