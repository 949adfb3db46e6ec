"""Redeliver: ask GitHub to send again what never arrived. It never does so by itself [GH-HOOK-NO-RETRY]."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.errors import SlipwayError
from slipway.ports.clock import Clock
from slipway.ports.github import Deliveries, FailedDelivery
from slipway.ports.ledger import Housekeeping, Resent

CURSOR = "redelivery"
LOOK_BACK_SECONDS = 3_600
MOST_A_RUN = 100  # so that what an outage left comes back as a stream, oldest first, and not as a flood
GIVE_UP_SECONDS = 24 * 3_600  # GitHub itself gives up a job that was queued for so long [GH-JOB-24H]
ASK_SECONDS, ASK_AT_LEAST_EVERY_SECONDS = 60, 1_800  # the latter well within LOOK_BACK_SECONDS


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
        since = min(now - LOOK_BACK_SECONDS, self._housekeeping.cursor(CURSOR) or now)
        resent = self._housekeeping.resent()
        errors: list[Exception] = []
        count = 0
        failed = sorted(self._deliveries.failed_since(since), key=lambda item: item.delivered_at)
        worth = [item for item in failed if _is_worth_asking(resent.get(item.guid), item, now)]
        for delivery in worth[:MOST_A_RUN]:
            known = resent.get(delivery.guid)
            try:
                self._deliveries.redeliver(delivery.delivery_id)
            except SlipwayError as fault:
                errors.append(fault)
                continue
            resent[delivery.guid] = Resent(known.first_at if known else now, now, delivery.delivery_id)
            count += 1
        self._housekeeping.keep_resent({g: known for g, known in resent.items() if known.last_at >= since})
        if not errors and len(worth) <= MOST_A_RUN:
            self._housekeeping.move_cursor(CURSOR, now)
        return Redelivered(count, tuple(errors))


def _is_worth_asking(known: Resent | None, delivery: FailedDelivery, now: float) -> bool:
    """Say whether a delivery was never asked for, or failed anew since and is due again.

    Another failure is another attempt with an id of its own: GitHub's times, in whole seconds, cannot tell it
    from the one before. What goes on failing is asked for less and less often, because only an outage of ours
    cures itself.
    """
    if known is None:
        return True
    tried_for = now - known.first_at
    pause = min(ASK_AT_LEAST_EVERY_SECONDS, max(ASK_SECONDS, tried_for / 4))
    has_failed_anew = delivery.delivery_id != known.delivery_id
    return has_failed_anew and now - known.last_at >= pause and tried_for < GIVE_UP_SECONDS
