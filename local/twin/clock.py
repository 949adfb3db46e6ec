"""The twin's only source of time: a queue of callbacks that somebody else advances."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache


@dataclass(slots=True, eq=False)
class Scheduled:
    """One callback that waits for its time; `cancel()` makes it never run."""

    due: float
    callback: Callable[[], None] | None

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """Epoch seconds that move only when told to; callbacks run in order of time, then of scheduling."""

    def __init__(self, start: float) -> None:
        self._now = start
        self._sequence = itertools.count()
        self._queue: list[tuple[float, int, Scheduled]] = []
        self._advancing_to = -math.inf

    def now(self) -> float:
        """Epoch seconds."""
        return self._now

    def schedule(self, delay_seconds: float, callback: Callable[[], None]) -> Scheduled:
        """Run `callback` once, `delay_seconds` from now; a negative delay is a programming error."""
        if delay_seconds < 0:
            raise ValueError(f"cannot schedule {delay_seconds} s in the past; use 0 for at once")
        handle = Scheduled(self._now + delay_seconds, callback)
        heapq.heappush(self._queue, (handle.due, next(self._sequence), handle))
        return handle

    def next_due(self) -> float | None:
        """Epoch seconds of the next callback, or None when nothing waits."""
        while self._queue and self._queue[0][2].callback is None:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def advance_to(self, moment: float) -> None:
        """Run everything due up to and including `moment`, also what those callbacks schedule.

        A `moment` in the past changes nothing: two threads of a server may pump with clocks read
        in either order.
        """
        before, self._advancing_to = self._advancing_to, moment
        try:
            self._run_until(moment)
        finally:
            self._advancing_to = before
        self._now = max(self._now, moment)

    def pass_quietly(self, seconds: float) -> bool:
        """Let time pass within a callback if nothing is due meanwhile, and the advance goes so far; say whether it did.

        To whoever would schedule its next step and return it is the same, and costs nothing.
        """
        moment, queue = self._now + seconds, self._queue
        if moment > self._advancing_to:
            return False
        while queue and queue[0][0] <= moment:
            if queue[0][2].callback is not None:
                return False
            heapq.heappop(queue)  # it was cancelled
        self._now = moment
        return True

    def _run_until(self, moment: float) -> None:
        queue = self._queue
        while queue:
            due, _, handle = queue[0]
            callback = handle.callback
            if callback is not None and due > moment:
                break
            heapq.heappop(queue)
            if callback is not None:
                handle.callback = None
                self._now = max(self._now, due)
                callback()

    def advance(self, seconds: float) -> None:
        """Advance by `seconds`; `advance(0)` runs what is due now."""
        self.advance_to(self._now + seconds)


@lru_cache(maxsize=10_000)  # one moment is written into every report of what happened then
def aware(epoch_seconds: float) -> datetime:
    """The same moment as an aware UTC datetime, as boto3 would return it."""
    return datetime.fromtimestamp(epoch_seconds, UTC)


@lru_cache(maxsize=10_000)
def iso(epoch_seconds: float) -> str:
    """The same moment as EventBridge writes it, milliseconds and Z."""
    return aware(epoch_seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
