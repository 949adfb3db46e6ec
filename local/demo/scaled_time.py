"""Time that runs faster than the wall: what the twins, the functions and the containers agree on."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

from local.twin.clock import VirtualClock

Lock = Any
_LONGEST_NAP_SECONDS = 0.02


class ScaledTime:
    """Model time: ``origin + (wall − origin) × scale``, the same formula as the functions' clock."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self.origin = time.time()

    def now(self) -> float:
        """Return model time in epoch seconds."""
        return self.origin + (time.time() - self.origin) * self.scale

    def wall_seconds(self, model_seconds: float) -> float:
        """Return how long model seconds take on the wall."""
        return model_seconds / self.scale


class Pump:
    """Advances the twins' clock to model time, under the lock that everybody holds who touches a twin."""

    def __init__(self, clock: VirtualClock, scaled: ScaledTime, lock: Lock) -> None:
        self._clock = clock
        self._scaled = scaled
        self._lock = lock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)
        self.failure: BaseException | None = None

    def advance(self) -> None:
        """Bring the clock up to date; the caller holds the lock."""
        self._clock.advance_to(self._scaled.now())

    def __enter__(self) -> Pump:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._lock:
                    self.advance()
                    due = self._clock.next_due()
            except BaseException as failure:  # noqa: BLE001 - shown by whoever watches: a twin is broken
                self.failure = failure
                return
            wait = self._scaled.wall_seconds(due - self._scaled.now()) if due is not None else 1.0
            self._stopping.wait(min(max(wait, 0.001), _LONGEST_NAP_SECONDS))
