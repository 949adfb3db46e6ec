"""Which deliveries that failed are asked for again, and after what pause."""

from __future__ import annotations

import pytest

from slipway.domain.jobs import LONGEST_WAIT_SECONDS
from slipway.domain.patience import less_and_less_often
from slipway.domain.redelivery import (
    ASK_AT_LEAST_EVERY_SECONDS,
    ASK_SECONDS,
    FailedDelivery,
    Resent,
    is_worth_asking,
)

FAILED = FailedDelivery(7, "guid", delivered_at=0.0)


def asked(first_at: float, last_at: float, delivery_id: int = 6) -> Resent:
    return Resent(first_at, last_at, delivery_id)


@pytest.mark.parametrize(
    ("known", "now", "is_worth_it"),
    [
        (None, 10.0, True),
        (asked(0.0, 0.0, delivery_id=7), 3_600.0, False),
        (asked(0.0, 0.0), ASK_SECONDS - 1.0, False),
        (asked(0.0, 0.0), ASK_SECONDS, True),
        (asked(0.0, 7_200.0), 7_200.0 + ASK_AT_LEAST_EVERY_SECONDS - 1, False),
        (asked(0.0, 7_200.0), 7_200.0 + ASK_AT_LEAST_EVERY_SECONDS, True),
        (asked(0.0, 7_200.0), LONGEST_WAIT_SECONDS - 1.0, True),
        (asked(0.0, 7_200.0), LONGEST_WAIT_SECONDS, False),
    ],
    ids=[
        "never asked for",
        "not failed anew",
        "too soon",
        "a minute later",
        "too soon after hours",
        "ten minutes later",
        "within the day",
        "given up",
    ],
)
def test_a_delivery_is_asked_for_again_when_it_failed_anew_and_is_due(
    known: Resent | None, now: float, is_worth_it: bool
) -> None:
    """[GH-JOB-24H]"""
    assert is_worth_asking(known, FAILED, now) is is_worth_it


@pytest.mark.parametrize(("age", "pause"), [(-5.0, 60), (240.0, 60), (400.0, 100), (1e9, 600)])
def test_a_pause_is_a_quarter_of_the_age_within_bounds(age: float, pause: float) -> None:
    assert less_and_less_often(age, 60, 600) == pause
