"""The week by weekday and hour: how many jobs are queued then, and how long they wait. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from local.reports.accounts import quantile
from local.reports.waits import Wait

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAYS, HOURS = len(WEEKDAYS), 24
_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the week: jobs queued in it, on average over the weeks recorded, and p90 of their waits, if any."""

    weekday: int  # 0 is Monday
    hour: int
    jobs: float
    wait_p90: float | None

    @property
    def name(self) -> str:
        """Return it as people say it: ``Mon 09:00``."""
        return f"{WEEKDAYS[self.weekday]} {self.hour:02}:00"


def week(waits: Iterable[Wait], zone: ZoneInfo) -> list[Hour]:
    """Return all 168 hours of the week, Monday 00:00 first, as a clock on the wall of a time zone shows them."""
    jobs: dict[tuple[int, int], list[float]] = defaultdict(list)
    days: set[str] = set()
    for wait in waits:
        local = datetime.fromtimestamp(wait.job.queued_at, zone)
        jobs[local.weekday(), local.hour].append(wait.seconds)
        days.add(local.date().isoformat())
    recorded = [datetime.fromisoformat(day).weekday() for day in days]
    return [
        Hour(
            weekday,
            hour,
            # A weekday without any job was not seen: it may have been quiet, or not recorded.
            len(jobs[weekday, hour]) / max(1, recorded.count(weekday)),
            quantile(jobs[weekday, hour], 0.9),
        )
        for weekday in range(DAYS)
        for hour in range(HOURS)
    ]


def quietest(hours: Iterable[Hour]) -> list[Hour]:
    """Return the hours in which something new would wait least, the best first; of equals the one with less to do.

    Only hours in which somebody waited: where nothing ran, no instance would be up, and the wait is not known.
    """
    seen = [
        (hour.wait_p90, hour.jobs, hour.weekday, hour.hour, hour)
        for hour in hours
        if hour.wait_p90 is not None
    ]
    return [hour for *_, hour in sorted(seen, key=lambda item: item[:4])]
