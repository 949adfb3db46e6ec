"""Which headroom would have kept a target that was missed: the simulator is asked with the recorded jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from local.reports.lines import Lines
from local.reports.targets import Target, targets
from local.reports.waits import waits
from local.simulator.outcome import Outcome
from local.simulator.policies.policy import Progress, Task
from local.simulator.policies.slipway import run_slipway
from local.simulator.report.summary import cost_usd
from local.simulator.workload.jobs import Workload
from local.simulator.workload.usage_records import workload_of
from local.twin.latency import LatencyModel
from slipway.domain.configuration import Configuration, Headroom, Pool, Schedule
from slipway.domain.schedules import is_within
from slipway.domain.usage import JobUsage, utc_day

SLOTS = (0, 2, 4, 8, 16, 32, 64)
MOST_JOBS = 3_000  # of a busier day its busiest stretch
SEED = 1
EVERYBODY = "*"
_MINUTE, _HOURS_A_MONTH, _WEEKS_A_MONTH = 60.0, 730.0, 52 / 12

#: Told what is run and of how many jobs; gives what is told how many of them have ended.
Watch = Callable[[str, int], AbstractContextManager[Progress]]


@dataclass(frozen=True, slots=True)
class Tried:
    """What a headroom of so many slots came to."""

    slots: int
    p90: float
    usd: float


@dataclass(frozen=True, slots=True)
class Advice:
    """What was asked of the simulator, and what it said.

    ``jobs`` of ``recorded`` jobs of the busiest ``day`` in the pool were run; ``configured`` is with the pool's own
    headroom. ``enough`` is the smallest that was found to keep the target, None: not even the largest does.
    """

    profile: str
    pool: str
    target_seconds: int
    recorded_p90: float
    day: str
    jobs: int
    recorded: int
    configured: Tried
    tried: tuple[Tried, ...]
    enough: Tried | None
    usd_more_a_month: float | None

    @property
    def is_kept_as_configured(self) -> bool:
        """Say whether the model keeps the target with what is configured: then it was missed for other reasons."""
        return self.configured.p90 <= self.target_seconds


@dataclass(slots=True)
class Adviser:
    """Asks the simulator; ``watch`` is told how far it is, ``run`` runs a task."""

    lines: Lines
    configuration: Configuration
    watch: Watch
    run: Callable[[Task], Outcome] = run_slipway
    latency: LatencyModel = field(default_factory=LatencyModel.modelled)

    def advise(self, missed: Target) -> Advice | None:
        """Return what would have kept a profile's target; None where no job of the pool can be run again."""
        pool = self.configuration.pools[self.configuration.profiles[missed.profile].pool]
        day, of_day, chosen = self._busiest(pool)
        if not chosen:
            return None
        profiles = self.configuration.profiles
        workload = workload_of(replace(self.lines, jobs=tuple(chosen)), profiles, day)
        known: dict[int, Tried] = {}

        def try_out(slots: int) -> Tried:
            if slots not in known:
                known[slots] = self._try(missed, pool, workload, slots)
            return known[slots]

        now = pool.headroom.slots if pool.headroom else 0
        configured = try_out(now)
        enough = configured
        if configured.p90 > missed.target_seconds:
            more = [slots for slots in SLOTS if slots > now] or [2 * now]
            enough = _smallest(more, missed.target_seconds, try_out)
        is_enough = enough.p90 <= missed.target_seconds
        return Advice(
            profile=missed.profile,
            pool=pool.name,
            target_seconds=missed.target_seconds,
            recorded_p90=missed.p90,
            day=day,
            jobs=len(workload.jobs),
            recorded=of_day,
            configured=configured,
            tried=tuple(known[slots] for slots in sorted(known)),
            enough=enough if is_enough else None,
            usd_more_a_month=self._a_month(missed, pool, workload, enough.usd - configured.usd)
            if is_enough
            else None,
        )

    def _busiest(self, pool: Pool) -> tuple[str, int, Sequence[JobUsage]]:
        """Return the day (UTC) on which most jobs of a pool were queued, how many, and the busiest stretch of them."""
        profiles = self.configuration.profiles
        jobs = [
            job
            for job in self.lines.jobs
            if job.started_at is not None
            and (profile := profiles.get(job.profile)) is not None
            and profile.pool == pool.name
        ]
        days = Counter(utc_day(job.queued_at) for job in jobs)
        if not days:
            return "", 0, ()
        busiest = min(days, key=lambda day: (-days[day], day))
        of_day = sorted(
            (job for job in jobs if utc_day(job.queued_at) == busiest),
            key=lambda job: (job.queued_at, job.job),
        )
        first = min(
            range(max(1, len(of_day) - MOST_JOBS + 1)),
            key=lambda number: (
                of_day[min(number + MOST_JOBS, len(of_day)) - 1].queued_at - of_day[number].queued_at,
                number,
            ),
        )
        return busiest, len(of_day), of_day[first : first + MOST_JOBS]

    def _try(self, missed: Target, pool: Pool, workload: Workload, slots: int) -> Tried:
        headroom = Headroom(slots, self._schedule(missed, pool)) if slots else None
        pools = {**self.configuration.pools, pool.name: replace(pool, headroom=headroom)}
        profiles = self.configuration.profiles
        configuration = replace(self.configuration, pools=pools)
        with self.watch(f"headroom of {slots} slots", len(workload.jobs)) as progress:
            outcome = self.run(Task(workload, configuration, self.latency, SEED, progress=progress))
        judged = targets(waits(Lines.of(outcome.usage)), {missed.profile: profiles[missed.profile]})
        p90 = next((found.p90 for found in judged if found.organization == EVERYBODY), 0.0)
        return Tried(slots, p90, cost_usd(outcome))

    def _schedule(self, missed: Target, pool: Pool) -> Schedule | None:
        """Return when slots are kept: when the pool keeps them, or in the target's hours where it keeps none."""
        if pool.headroom is not None:
            return pool.headroom.schedule
        target = self.configuration.profiles[missed.profile].wait_target
        return target.hours if target else None

    def _a_month(self, missed: Target, pool: Pool, workload: Workload, usd: float) -> float:
        """Scale a difference by the hours in which slots are kept, from those of the run to those of a month."""
        schedule = self._schedule(missed, pool)
        last = max(job.queued_at_seconds + job.duration_seconds for job in workload.jobs)
        minutes = sum(
            is_within(schedule, workload.starts_at + minute * _MINUTE)
            for minute in range(max(1, int(last // _MINUTE)))
        )
        return usd / max(1, minutes) * 60 * _hours_a_month(schedule)


def _smallest(candidates: Sequence[int], target_seconds: int, try_out: Callable[[int], Tried]) -> Tried:
    """Return the smallest that keeps the target, or the largest if none does: a search, for more never waits longer."""
    low, high = 0, len(candidates) - 1
    best = try_out(candidates[high])
    if best.p90 > target_seconds:
        return best
    while low < high:
        middle = (low + high) // 2
        found = try_out(candidates[middle])
        if found.p90 <= target_seconds:
            best, high = found, middle
        else:
            low = middle + 1
    return best


def _hours_a_month(schedule: Schedule | None) -> float:
    if schedule is None:
        return _HOURS_A_MONTH
    return len(schedule.weekdays) * (schedule.end_minute - schedule.start_minute) / 60 * _WEEKS_A_MONTH


def missed_by_all(found: Sequence[Target]) -> list[Target]:
    """Return the targets that were missed for all of a profile's jobs together: what one pool's headroom is about."""
    return [target for target in found if target.organization == EVERYBODY and not target.is_met]


def sentence(advice: Advice) -> str:
    """Put it into words."""
    some = f"{advice.jobs:,}" + ("" if advice.jobs == advice.recorded else f" of {advice.recorded:,}")
    asked = f"{some} jobs of {advice.day} in pool {advice.pool}, simulated"
    name, target, now = advice.profile, advice.target_seconds, advice.configured
    if advice.is_kept_as_configured:
        return (
            f"{name}: the model keeps {target} s with the {now.slots} slots that are configured (p90 {now.p90:,.1f} s, "
            f"recorded {advice.recorded_p90:,.1f} s): look at what held jobs up, not at headroom ({asked})"
        )
    if advice.enough is None:
        most = advice.tried[-1]
        return (
            f"{name}: headroom alone does not keep {target} s: p90 {most.p90:,.1f} s with {most.slots} slots, "
            f"{now.p90:,.1f} s with {now.slots} ({asked})"
        )
    return (
        f"{name}: headroom of {advice.enough.slots} slots would keep {target} s: p90 {advice.enough.p90:,.1f} s, "
        f"{now.p90:,.1f} s with {now.slots}; about {advice.usd_more_a_month or 0.0:,.0f} USD a month more ({asked})"
    )


def as_json(advice: Advice) -> Mapping[str, object]:
    """Return it as JSON."""

    def told(one: Tried) -> dict[str, float]:
        return {"slots": one.slots, "p90_wait_seconds": round(one.p90, 3), "usd": round(one.usd, 2)}

    more = advice.usd_more_a_month
    return {
        "profile": advice.profile,
        "pool": advice.pool,
        "target_seconds": advice.target_seconds,
        "day": advice.day,
        "jobs": advice.jobs,
        "recorded_jobs": advice.recorded,
        "configured": told(advice.configured),
        "tried": [told(one) for one in advice.tried],
        "enough": told(advice.enough) if advice.enough else None,
        "usd_more_a_month": None if more is None else round(more, 2),
    }
