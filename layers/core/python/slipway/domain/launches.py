"""Launches that fail: back-off for what does not come up, and a circuit breaker for what never does."""

from __future__ import annotations

from dataclasses import dataclass

REGISTERS_WITHIN_SECONDS = (
    240  # from the launch; half of all take 28 s, one in a hundred 50 s [ECS-TIMING-START]
)
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
    def next_try_at(self) -> float:
        """Return when the next launch may be tried: at once until the circuit opens, then later and later."""
        return self.last_at + (back_off_seconds(self.count - FAILURES_TO_OPEN) if self.is_circuit_open else 0)


def back_off_seconds(failures: int) -> int:
    """Return how long to wait after so many failures before the last: three minutes, doubled up to an hour."""
    return min(BACK_OFF_AT_MOST_SECONDS, BACK_OFF_SECONDS << min(max(0, failures), 10))


def one_more(known: LaunchFailures | None, at: float, why: str) -> LaunchFailures:
    """Return the failures with another one."""
    return LaunchFailures((known.count if known else 0) + 1, at, why)
