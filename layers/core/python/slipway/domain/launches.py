"""Launches that fail: back-off for what does not come up, and a circuit breaker for what never does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from slipway.domain.configuration import Market
from slipway.domain.intents import Offering

# From the launch; half of all take 28 s, one in a hundred 50 s [ECS-TIMING-START].
REGISTERS_WITHIN_SECONDS = 240
WARMS_WITHIN_SECONDS = 900  # boot, image pulls and power-off of an instance of the stopped tier
BACK_OFF_SECONDS, BACK_OFF_AT_MOST_SECONDS = 180, 3_600
FAILURES_TO_OPEN = 3


@dataclass(frozen=True, slots=True)
class LaunchFailures:
    """Launches of a pool that failed one after another, none of them having come up in between.

    ``why`` is EC2's error code, or that instances never registered. Times are epoch seconds.
    """

    count: int
    last_at: float
    why: str

    @property
    def is_circuit_open(self) -> bool:
        """Say whether the launch template, or what it needs, seems broken: then one instance at a time is tried."""
        return self.count >= FAILURES_TO_OPEN

    @property
    def tier_next_try_at(self) -> float:
        """Return when the stopped tier may launch again: it is in no hurry, so it backs off from the first failure."""
        return self.last_at + back_off_seconds(self.count - 1)

    @property
    def next_try_at(self) -> float:
        """Return when the next launch may be tried: at once until the circuit opens, then later and later."""
        return self.last_at + (back_off_seconds(self.count - FAILURES_TO_OPEN) if self.is_circuit_open else 0)


def back_off_seconds(failures: int) -> int:
    """Return how long to wait after so many failures before the last: three minutes, doubled up to an hour."""
    return min(BACK_OFF_AT_MOST_SECONDS, BACK_OFF_SECONDS << min(max(0, failures), 10))


@dataclass(frozen=True, slots=True)
class Launch:
    """What one call to EC2 brought: instances ``brought`` by offering, and what was ``refused``, with EC2's codes.

    ``is_start``: it was to start instances of the stopped tier.
    """

    market: Market
    brought: tuple[tuple[Offering, int], ...] = ()
    refused: tuple[Offering, ...] = ()
    codes: tuple[str, ...] = ()
    is_start: bool = False

    @property
    def count(self) -> int:
        """Return how many instances it brought."""
        return sum(count for _, count in self.brought)

    @property
    def is_refused(self) -> bool:
        """Say whether EC2 refused any of it."""
        return bool(self.refused or self.codes)


@dataclass(frozen=True, slots=True)
class FailedLaunch:
    """One launch that failed ``at`` a time; ``launched_at`` is when it was made, or asked for where it was refused.

    ``of_tier``: it was made for the stopped tier, whose failures say nothing of the pool's.
    """

    launched_at: float
    at: float
    why: str
    of_tier: bool = False


def counted(known: LaunchFailures | None, failures: Iterable[FailedLaunch]) -> LaunchFailures | None:
    """Return the failures with more of them.

    What was launched before the last failure is of the same wave and counts no more: ten instances of one launch
    that never register are one failure, not ten, and so are three calls under way at once that are refused.
    """
    for failure in sorted(failures, key=lambda failure: (failure.at, failure.launched_at, failure.why)):
        if known is None or failure.launched_at > known.last_at:
            known = LaunchFailures((known.count if known else 0) + 1, failure.at, failure.why)
    return known
