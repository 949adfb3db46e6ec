"""Sweeping: which repository is asked next for queued jobs, and how many calls that may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from slipway.domain.jobs import LONGEST_WAIT_SECONDS

GRACE_SECONDS = 120  # a webhook may be late [GH-HOOK-LATE]
LAP_SECONDS = 120  # no repository is asked more often
SAVED_SECONDS = 300  # for how long calls that were not made are saved up
_HOUR_SECONDS = 3_600
# How long ago the last push was, at most: within the hour, within the day (a job waits no longer), ever.
_AGES = (3_600, LONGEST_WAIT_SECONDS, float("inf"))


@dataclass(frozen=True, slots=True)
class Lap:
    """One way through repositories in the order of their ids: when it began, and whose turn was last."""

    began_at: float = 0.0
    last: int | None = None


@dataclass(frozen=True, slots=True)
class SweepState:
    """Where the sweep stands: the ``calls`` it had at a time, its laps, and which of them is next.

    A lap goes through repositories of one age, by their last push, and the laps take turns: so the few in
    which a lost job is likely are seen often, and all the others too. The order within a lap is one that no
    push changes: else whoever is pushed to all the time could slip by for ever.
    """

    at: float
    calls: float = 0.0
    laps: tuple[Lap, ...] = (Lap(),) * len(_AGES)
    next_lap: int = 0


def earn(state: SweepState, calls_per_hour: int, now: float) -> SweepState:
    """Return the state with the calls that time has earned since.

    Earned is a little less than the hourly number: with what may be saved up, no hour sees more than that.
    """
    calls_per_second = calls_per_hour / (_HOUR_SECONDS + SAVED_SECONDS)
    calls = state.calls + max(0.0, now - state.at) * calls_per_second
    return replace(state, at=now, calls=min(calls, calls_per_second * SAVED_SECONDS))


def next_turn(pushed_at: Mapping[int, float], state: SweepState, now: float) -> tuple[int, SweepState] | None:
    """Return the repository (by id) whose turn it is and the state after it; None when all were seen just now.

    ``pushed_at`` holds the last push to each repository.
    """
    ages: list[list[int]] = [[] for _ in _AGES]
    for number, pushed in pushed_at.items():
        ages[_age(now - pushed)].append(number)
    for offset in range(len(_AGES)):
        chosen = (state.next_lap + offset) % len(_AGES)
        lap = _step(ages[chosen], state.laps[chosen], now)
        if lap is not None and lap.last is not None:
            laps = (*state.laps[:chosen], lap, *state.laps[chosen + 1 :])
            return lap.last, replace(state, laps=laps, next_lap=(chosen + 1) % len(_AGES))
    return None


def _age(seconds: float) -> int:
    return next(age for age, limit in enumerate(_AGES) if seconds <= limit)


def _step(numbers: list[int], lap: Lap, now: float) -> Lap | None:
    """Return the lap after its next turn; a new one begins when it is through, unless that is too soon."""
    left = [number for number in numbers if lap.last is not None and number > lap.last]
    if left:
        return replace(lap, last=min(left))
    if not numbers or now - lap.began_at < LAP_SECONDS:
        return None
    return Lap(now, min(numbers))
