"""A clock that stands still until it is moved."""

from __future__ import annotations


class ManualClock:
    """Implements ``ports.clock.Clock``."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds
