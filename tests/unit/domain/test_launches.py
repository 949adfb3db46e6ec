"""Launches that fail, and what the instances of a launch are wanted for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import Market
from slipway.domain.instances import Load
from slipway.domain.intents import LaunchInstances, Offering
from slipway.domain.launches import (
    BACK_OFF_AT_MOST_SECONDS,
    FAILURES_TO_OPEN,
    FailedLaunch,
    LaunchFailures,
    back_off_seconds,
    counted,
)
from tests.builders import NOW, ROOM_FOR_FOUR, SHAPE


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 180), (1, 360), (2, 720), (3, 1440), (4, 2880), (5, 3600), (6, 3600), (10_000, 3600), (-1, 180)],
    ids=str,
)
def test_the_wait_starts_at_three_minutes_and_doubles_up_to_an_hour(failures: int, seconds: int) -> None:
    assert back_off_seconds(failures) == seconds


@given(st.integers(0, 100))
def test_no_wait_is_shorter_than_the_one_before(failures: int) -> None:
    assert back_off_seconds(failures) <= back_off_seconds(failures + 1) <= BACK_OFF_AT_MOST_SECONDS


@pytest.mark.parametrize(
    ("count", "is_open", "waits"),
    [(1, False, 0), (2, False, 0), (3, True, 180), (4, True, 360), (99, True, 3600)],
    ids=str,
)
def test_the_circuit_opens_at_the_third_failure_in_a_row_and_the_next_try_waits(
    count: int, is_open: bool, waits: int
) -> None:
    failures = LaunchFailures(count, NOW, "InvalidAMIID.NotFound")
    assert failures.is_circuit_open is is_open
    assert failures.next_try_at == NOW + waits


def refused(at: float, why: str = "why") -> FailedLaunch:
    return FailedLaunch(at, at, why)


def test_each_failure_counts_and_the_last_one_says_when_and_why() -> None:
    first = counted(None, [FailedLaunch(NOW - 240, NOW, "never registered")])
    assert first == LaunchFailures(1, NOW, "never registered")
    second = counted(first, [refused(NOW + 60, "InvalidAMIID.NotFound")])
    assert second == LaunchFailures(2, NOW + 60, "InvalidAMIID.NotFound")
    assert counted(second, []) == second


@given(st.permutations(range(10)))
def test_ten_instances_of_one_launch_that_never_come_up_are_one_failure(order: list[int]) -> None:
    wave = [FailedLaunch(NOW - 240 + number / 10, NOW + number, "never registered") for number in order]
    failures = counted(None, wave)
    assert failures is not None
    assert (failures.count, failures.is_circuit_open) == (1, False)
    assert counted(failures, [FailedLaunch(NOW - 200, NOW + 40, "never registered")]) == failures


def test_two_calls_of_one_plan_that_are_refused_are_one_failure() -> None:
    failures = counted(None, [refused(NOW), refused(NOW)])
    assert failures is not None
    assert failures.count == 1


def test_as_many_failures_as_it_takes_open_the_circuit() -> None:
    failures = None
    for number in range(FAILURES_TO_OPEN):
        assert failures is None or not failures.is_circuit_open
        failures = counted(failures, [refused(NOW + number)])
    assert failures is not None
    assert failures.is_circuit_open


def test_the_stopped_tier_backs_off_from_its_first_failure() -> None:
    waits = [LaunchFailures(count, NOW, "why").tier_next_try_at - NOW for count in (1, 2, 3, 9)]
    assert waits == [180, 360, 720, 3_600]


ONE, TWO = ((SHAPE, 1),), ((SHAPE, 2),)


def a_launch(
    count: int, *loads: tuple[Load, int], types: tuple[str, ...] = ("m7i.2xlarge",)
) -> LaunchInstances:
    offerings = tuple(Offering(name, subnet) for name in types for subnet in ("a", "b"))
    return LaunchInstances(offerings, Market.SPOT, count, ROOM_FOR_FOUR, loads)


def test_each_instance_of_a_launch_gets_one_of_its_loads_as_often_as_that_is_wanted() -> None:
    launch = a_launch(4, (ONE, 2), (TWO, 1))
    assert [launch.load_of(number) for number in range(4)] == [ONE, ONE, TWO, ()]


def test_a_launch_names_each_of_its_types_once_the_preferred_first() -> None:
    assert a_launch(1, types=("z", "a", "m")).types == ("z", "a", "m")
