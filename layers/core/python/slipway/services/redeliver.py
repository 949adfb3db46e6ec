"""Redeliver: ask GitHub to send again what never arrived. It never does so by itself [GH-HOOK-NO-RETRY]."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.errors import SlipwayError
from slipway.ports.clock import Clock
from slipway.ports.github import Deliveries
from slipway.ports.ledger import Housekeeping

CURSOR = "redelivery"
FIRST_LOOK_SECONDS = 3_600
OVERLAP_SECONDS = 120  # GitHub lists a delivery some time after it was sent


@dataclass(frozen=True, slots=True)
class Redelivered:
    """How many deliveries were sent again, and what failed."""

    resent: int
    errors: tuple[Exception, ...]


class Redeliver:
    """Looks at the deliveries since its last run."""

    def __init__(self, deliveries: Deliveries, housekeeping: Housekeeping, clock: Clock) -> None:
        self._deliveries = deliveries
        self._housekeeping = housekeeping
        self._clock = clock

    def __call__(self) -> Redelivered:
        """Make one run; the cursor moves only when every failed delivery was asked for."""
        now = self._clock.now()
        cursor = self._housekeeping.cursor(CURSOR)
        since = now - FIRST_LOOK_SECONDS if cursor is None else cursor - OVERLAP_SECONDS
        errors: list[Exception] = []
        resent = 0
        for delivery in self._deliveries.failed_since(since):
            try:
                self._deliveries.redeliver(delivery.delivery_id)
                resent += 1
            except SlipwayError as fault:
                errors.append(fault)
        if not errors:
            self._housekeeping.move_cursor(CURSOR, now)
        return Redelivered(resent, tuple(errors))
