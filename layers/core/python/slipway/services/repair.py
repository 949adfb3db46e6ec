"""Repair: all that makes good what webhooks and instances lost, in one run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from slipway.domain.jobs import JobEvent
from slipway.services.redeliver import Redeliver
from slipway.services.rerun import Rerun, Settled
from slipway.services.sweep import Sweep


@dataclass(slots=True)
class Repaired:
    """What one run did: interrupted jobs settled, deliveries sent again, jobs found; and all that failed."""

    settled: tuple[Settled, ...] = ()
    resent: int = 0
    found: tuple[JobEvent, ...] = ()
    sweep_calls: int = 0
    errors: list[Exception] = field(default_factory=list)


class Repair:
    """Runs the three parts; none that fails stops another, whatever its fault.

    Each run begins with another part, so that one which uses up the time takes it from each other only now and then.
    """

    def __init__(self, rerun: Rerun, redeliver: Redeliver, sweep: Sweep) -> None:
        self._rerun = rerun
        self._redeliver = redeliver
        self._sweep = sweep
        self._parts = deque((self._run_again, self._send_again, self._look))

    def __call__(self, has_time: Callable[[], bool] = lambda: True) -> Repaired:
        """Make one run of each."""
        done = Repaired()
        for part in self._parts:
            try:
                part(done, has_time)
            except Exception as fault:  # noqa: BLE001 - the service loop: the other parts still run
                done.errors.append(fault)
        self._parts.rotate(-1)
        return done

    def _run_again(self, done: Repaired, has_time: Callable[[], bool]) -> None:
        reran = self._rerun(has_time)
        done.settled = tuple(reran.settled)
        done.errors += reran.errors

    def _send_again(self, done: Repaired, has_time: Callable[[], bool]) -> None:
        redelivered = self._redeliver(has_time)
        done.resent = redelivered.resent
        done.errors += redelivered.errors

    def _look(self, done: Repaired, has_time: Callable[[], bool]) -> None:
        swept = self._sweep(has_time)
        done.found, done.sweep_calls = swept.found, swept.calls
        done.errors += swept.errors
