"""Token buckets for calls to AWS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.pacing import Bucket, CallBudget
from tests.builders import NOW

# Half of what AWS documents [ECS-THROTTLE] [EC2-THROTTLE]: whole calls at once, calls a second.
LIMITS = [
    (Bucket.ECS_CHANGES, 50, 20),
    (Bucket.CREATE_FLEET, 25, 2.5),
    (Bucket.START_INSTANCES, 2, 1),
    (Bucket.TERMINATE_INSTANCES, 50, 2.5),
]
BUCKETS = pytest.mark.parametrize(
    ("bucket", "burst", "per_second"), LIMITS, ids=[bucket.value for bucket, *_ in LIMITS]
)


def admitted(budget: CallBudget, bucket: Bucket, now: float, tries: int = 1_000) -> int:
    """Count how many of so many calls are admitted at a moment."""
    return sum(budget.admits(bucket, now) for _ in range(tries))


def test_every_bucket_has_a_limit() -> None:
    assert {bucket for bucket, *_ in LIMITS} == set(Bucket)


@BUCKETS
def test_a_burst_is_admitted_at_once_and_no_call_more(bucket: Bucket, burst: int, per_second: float) -> None:
    assert admitted(CallBudget(), bucket, NOW) == burst


@pytest.mark.parametrize(
    ("bucket", "seconds", "calls"),
    [
        (Bucket.ECS_CHANGES, 2, 40),
        (Bucket.CREATE_FLEET, 8, 20),
        (Bucket.START_INSTANCES, 0.5, 1),  # the half that the burst left, and another
        (Bucket.TERMINATE_INSTANCES, 16, 40),
    ],
    ids=[bucket.value for bucket, *_ in LIMITS],
)
def test_an_empty_bucket_fills_at_its_rate(bucket: Bucket, seconds: float, calls: int) -> None:
    budget = CallBudget()
    admitted(budget, bucket, NOW)
    assert admitted(budget, bucket, NOW + seconds + 1e-3) == calls


@BUCKETS
def test_a_bucket_never_fills_beyond_its_burst(bucket: Bucket, burst: int, per_second: float) -> None:
    budget = CallBudget()
    assert budget.admits(bucket, NOW)
    assert admitted(budget, bucket, NOW + 86_400) == burst


def test_a_call_that_is_not_admitted_uses_up_nothing() -> None:
    budget = CallBudget()
    admitted(budget, Bucket.ECS_CHANGES, NOW)
    for step in range(100):
        budget.admits(Bucket.ECS_CHANGES, NOW + step / 10_000)
    assert budget.admits(Bucket.ECS_CHANGES, NOW + 0.05 + 1e-3)


def test_each_bucket_fills_and_empties_by_itself() -> None:
    budget = CallBudget()
    admitted(budget, Bucket.ECS_CHANGES, NOW)
    assert admitted(budget, Bucket.CREATE_FLEET, NOW) == 25


@pytest.mark.parametrize("back", [1.0, 3_600.0, NOW], ids=["a second", "an hour", "to the epoch"])
def test_a_clock_that_goes_back_neither_fills_nor_stops_a_bucket(back: float) -> None:
    budget = CallBudget()
    admitted(budget, Bucket.ECS_CHANGES, NOW)
    assert admitted(budget, Bucket.ECS_CHANGES, NOW - back) == 0
    assert admitted(budget, Bucket.ECS_CHANGES, NOW - back + 1) == 20


@BUCKETS
@given(st.lists(st.floats(0, 2), max_size=200))
def test_no_stretch_of_time_admits_more_than_burst_and_rate(
    bucket: Bucket, burst: int, per_second: float, pauses: list[float]
) -> None:
    budget, now, calls = CallBudget(), NOW, 0
    for pause in pauses:
        now += pause
        calls += admitted(budget, bucket, now, tries=3)
        assert calls <= burst + 0.51 + (now - NOW) * per_second  # some bursts have half a call
