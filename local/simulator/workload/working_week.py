"""An enterprise's working week as jobs: pushes by day and area, matrix bursts, nightly crons.

Hours count from Monday 00:00 UTC. Each hour of pushes and each day of bursts has a random source of its own, so that
any part of the week can be made alone and is the same as in the whole.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from local.simulator.workload import enterprise
from local.simulator.workload.enterprise import Area, Kind, Organization
from local.simulator.workload.jobs import SimulatedJob

HOURS: Final = 7 * 24
_HOUR_SECONDS: Final = 3_600.0
#: The latest that a push's last jobs are queued after it: what lies longer back reaches into no hour.
_LATEST_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Week:
    """One week, by its seed and how busy a working day is."""

    seed: int
    jobs_per_day: int = enterprise.JOBS_PER_DAY

    def source(self, stream: str) -> random.Random:
        """Return the random source of one stream: the same in every process."""
        return random.Random(f"{self.seed}/working-week/{stream}")


def jobs_between(week: Week, start_hour: float, end_hour: float) -> tuple[SimulatedJob, ...]:
    """Return the jobs that are queued from one hour to another, by time; their times count from ``start_hour``."""
    start, end = start_hour * _HOUR_SECONDS, end_hour * _HOUR_SECONDS
    # An hour before too: its pushes' later jobs are queued in this one.
    first, last = max(0, int(start_hour) - 1), min(HOURS, math.ceil(end_hour))
    found = [
        SimulatedJob(
            round(job.queued_at_seconds - start, 3),
            job.organization,
            job.repository,
            job.labels,
            job.duration_seconds,
        )
        for job in _all_jobs(week, first, last)
        if start <= job.queued_at_seconds < end
    ]
    return tuple(sorted(found, key=lambda job: (job.queued_at_seconds, job.organization, job.repository)))


def _all_jobs(week: Week, first: int, last: int) -> Iterator[SimulatedJob]:
    for hour in range(first, last):
        for organization in enterprise.ORGANIZATIONS:
            yield from _pushes(week, organization, hour)
            yield from _crons(week, organization, hour)
    for day in range(first // 24, math.ceil(last / 24)):
        yield from _bursts(week, day, first, last)


def _pushes(week: Week, organization: Organization, hour: int) -> Iterator[SimulatedJob]:
    """Yield an hour's pushes: as many jobs as the hour has, the last push cut to fit."""
    rng = week.source(f"push/{organization.login}/{hour}")
    share = organization.share * (1 - enterprise.MATRIX_SHARE - enterprise.CRON_SHARE)
    left = _whole(week.jobs_per_day * share, _pushed_before(organization.area), hour)
    while left > 0:
        at = (hour + rng.random()) * _HOUR_SECONDS
        (fan_out,) = rng.choices(enterprise.FAN_OUTS, enterprise.FAN_OUT_WEIGHTS)
        jobs = min(left, fan_out)
        left -= jobs
        kinds = rng.choices(enterprise.PUSH_KINDS, enterprise.PUSH_KIND_WEIGHTS, k=jobs)
        yield from _push(week, organization, at, kinds, rng)


def _push(
    week: Week, organization: Organization, at: float, kinds: list[Kind], rng: random.Random
) -> Iterator[SimulatedJob]:
    """Yield one push's jobs: the early ones at once, the late ones when the longest of those would have ended."""
    repository = enterprise.repository_of(organization, week.jobs_per_day, rng)
    early_ends = 0.0
    for kind in sorted(kinds, key=lambda kind: kind.is_late):
        duration = kind.duration_seconds(rng)
        if not kind.is_late:
            early_ends = max(early_ends, duration)
        delay = rng.uniform(0, enterprise.PUSH_SPREAD_SECONDS) + (early_ends if kind.is_late else 0.0)
        queued_at = round(at + min(delay, _LATEST_SECONDS), 3)
        yield SimulatedJob(queued_at, organization.login, repository, kind.labels, duration)


def _crons(week: Week, organization: Organization, hour: int) -> Iterator[SimulatedJob]:
    """Yield a round hour's crons: they run on all days, from many repositories at once."""
    local_hour = (hour + organization.area.hours_ahead) % 24
    share = enterprise.CRON_HOURS.get(local_hour, 0.0) * organization.share * enterprise.CRON_SHARE
    rng = week.source(f"cron/{organization.login}/{hour}")
    for _ in range(round(week.jobs_per_day * share)):
        at = round(hour * _HOUR_SECONDS + rng.uniform(0, enterprise.CRON_SPREAD_SECONDS), 3)
        repository = enterprise.repository_of(organization, week.jobs_per_day, rng)
        yield SimulatedJob(
            at,
            organization.login,
            repository,
            enterprise.NIGHTLY.labels,
            enterprise.NIGHTLY.duration_seconds(rng),
        )


def _bursts(week: Week, day: int, first: int, last: int) -> Iterator[SimulatedJob]:
    """Yield a day's matrix bursts that begin in the hours asked for.

    A working day's first burst is as large as GitHub allows, or as the day: whoever waits for it is the case to show.
    """
    rng = week.source(f"matrix/{day}")
    left = round(week.jobs_per_day * enterprise.MATRIX_SHARE * _share_of_day(day))
    size = enterprise.LARGEST_MATRIX if _share_of_day(day) == 1 else enterprise.matrix_size(rng)
    shares = [organization.share for organization in enterprise.ORGANIZATIONS]
    burst = 0
    while left > 0:
        (organization,) = rng.choices(enterprise.ORGANIZATIONS, shares)
        (local_hour,) = rng.choices(range(24), organization.area.day)
        hour = day * 24 + (local_hour - organization.area.hours_ahead) % 24
        at = (hour + rng.random()) * _HOUR_SECONDS
        jobs = min(left, size)
        left -= jobs
        if first <= hour < last:
            yield from _burst(week, organization, at, jobs, week.source(f"matrix/{day}/{burst}"))
        size = enterprise.matrix_size(rng)
        burst += 1


def _burst(
    week: Week, organization: Organization, at: float, jobs: int, rng: random.Random
) -> Iterator[SimulatedJob]:
    repository = enterprise.repository_of(organization, week.jobs_per_day, rng)
    kind = enterprise.MATRIX_CELL
    for _ in range(jobs):
        queued_at = round(at + rng.uniform(0, enterprise.MATRIX_SPREAD_SECONDS), 3)
        yield SimulatedJob(queued_at, organization.login, repository, kind.labels, kind.duration_seconds(rng))


def _share_of_day(day: int) -> float:
    return 1.0 if day % 7 < 5 else enterprise.WEEKEND_SHARE


def _whole(jobs_per_day: float, before: tuple[float, ...], hour: int) -> int:
    """Return an hour's whole number of jobs, so that no fraction is lost from one hour to the next."""
    return int(jobs_per_day * before[hour + 1]) - int(jobs_per_day * before[hour])


@cache
def _pushed_before(area: Area) -> tuple[float, ...]:
    """Return for each hour of the week how many days' pushes an area has made before it."""
    before = [0.0]
    for hour in range(HOURS):
        local = hour + area.hours_ahead
        before.append(before[-1] + area.day[local % 24] / sum(area.day) * _share_of_day(local // 24))
    return tuple(before)
