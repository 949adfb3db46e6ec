"""The only place where the machine's clock is read."""

from __future__ import annotations

import time


class SystemClock:
    """Implements ``ports.clock.Clock`` with the machine's own time."""

    def now(self) -> float:
        """Return the time in epoch seconds."""
        return time.time()


class ScaledClock:
    """A clock that runs ``scale`` times as fast as the machine's from ``origin`` on; the demo's."""

    def __init__(self, origin: float, scale: float) -> None:
        self._origin = origin
        self._scale = scale

    def now(self) -> float:
        """Return the scaled time in epoch seconds."""
        return self._origin + (time.time() - self._origin) * self._scale
