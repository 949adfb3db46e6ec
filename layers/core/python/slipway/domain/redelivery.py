"""Redelivery: which of the deliveries that failed are asked for again."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.jobs import LONGEST_WAIT_SECONDS
from slipway.domain.patience import less_and_less_often

ASK_SECONDS, ASK_AT_LEAST_EVERY_SECONDS = 60, 600  # the latter well within what each look goes over again


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A webhook delivery that never arrived; ``action`` is that of its event."""

    delivery_id: int
    guid: str
    delivered_at: float
    action: str = ""


@dataclass(frozen=True, slots=True)
class Resent:
    """When a delivery was asked for again, first and last, and by which attempt's id."""

    first_at: float
    last_at: float
    delivery_id: int


def is_worth_asking(known: Resent | None, delivery: FailedDelivery, now: float) -> bool:
    """Say whether a delivery was never asked for, or failed anew since and is due again.

    Another failure is another attempt with an id of its own: GitHub's times, in whole seconds, cannot tell it
    from the one before. What goes on failing is asked for less and less often, because only an outage of ours
    cures itself.
    """
    if known is None:
        return True
    tried_for = now - known.first_at
    pause = less_and_less_often(tried_for, ASK_SECONDS, ASK_AT_LEAST_EVERY_SECONDS)
    has_failed_anew = delivery.delivery_id != known.delivery_id
    return has_failed_anew and now - known.last_at >= pause and tried_for < LONGEST_WAIT_SECONDS
