"""Working hours."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import Schedule
from slipway.domain.schedules import is_within

ZURICH, NEW_YORK, UTC = "Europe/Zurich", "America/New_York", "UTC"
WORKDAYS = (0, 1, 2, 3, 4)


def hours(start: int, end: int, timezone: str = ZURICH, weekdays: tuple[int, ...] = WORKDAYS) -> Schedule:
    return Schedule(weekdays, start * 60, end * 60, timezone)


def at(text: str, zone: str = UTC) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def test_without_a_schedule_it_is_always_time() -> None:
    assert is_within(None, at("2026-11-22T03:00"))


@pytest.mark.parametrize(
    ("time", "is_time"),
    [
        ("07:59:59", False),
        ("08:00:00", True),
        ("08:00:01", True),
        ("17:59:59", True),
        ("18:00:00", False),
        ("18:00:01", False),
    ],
    ids=str,
)
def test_hours_begin_with_their_first_second_and_end_before_their_last(time: str, is_time: bool) -> None:
    assert is_within(hours(8, 18), at(f"2026-11-24T{time}", ZURICH)) is is_time


@pytest.mark.parametrize(
    ("utc", "is_time"),
    [
        ("2026-01-13T06:59", False),
        ("2026-01-13T07:00", True),
        ("2026-01-13T16:59", True),
        ("2026-01-13T17:00", False),
        ("2026-07-14T05:59", False),
        ("2026-07-14T06:00", True),
        ("2026-07-14T15:59", True),
        ("2026-07-14T16:00", False),
    ],
    ids=str,
)
def test_summer_time_moves_the_hours_along_with_the_clock_on_the_wall(utc: str, is_time: bool) -> None:
    """Zurich is an hour ahead of UTC in winter and two in summer."""
    assert is_within(hours(8, 18), at(utc)) is is_time


def minutes_within(schedule: Schedule, day: str) -> int:
    """Count the minutes around a day that lie within: from noon before it to noon after it, in UTC."""
    start = at(f"{day}T00:00") - 12 * 3_600
    return sum(is_within(schedule, start + 60 * minute) for minute in range(48 * 60))


@pytest.mark.parametrize(
    ("sunday", "minutes"),
    [("2026-03-22", 180), ("2026-03-29", 120), ("2026-10-25", 240), ("2026-11-01", 180)],
    ids=["an ordinary day", "the clock leaps", "an hour comes twice", "an ordinary day again"],
)
def test_a_leaping_clock_shortens_the_hours_and_an_hour_that_comes_twice_counts_twice(
    sunday: str, minutes: int
) -> None:
    assert minutes_within(hours(1, 4, weekdays=(6,)), sunday) == minutes


@pytest.mark.parametrize(
    ("local", "is_time"),
    [
        ("2026-11-20T23:59", True),
        ("2026-11-21T00:00", False),
        ("2026-11-22T23:59", False),
        ("2026-11-23T00:00", True),
    ],
    ids=["Friday's end", "Saturday's start", "Sunday's end", "Monday's start"],
)
def test_a_weekday_lasts_from_midnight_to_midnight(local: str, is_time: bool) -> None:
    assert is_within(hours(0, 24), at(local, ZURICH)) is is_time


@pytest.mark.parametrize(
    ("zone", "is_time"), [(UTC, False), (ZURICH, True), (NEW_YORK, False)], ids=["UTC", "Zurich", "New York"]
)
def test_the_weekday_is_the_one_of_the_time_zone(zone: str, is_time: bool) -> None:
    """On Sunday at 23:30 UTC it is Monday in Zurich."""
    assert is_within(hours(0, 24, zone), at("2026-11-22T23:30")) is is_time


def test_a_schedule_without_weekdays_is_never_due() -> None:
    assert minutes_within(hours(0, 24, weekdays=()), "2026-11-24") == 0


MOMENTS = st.integers(int(at("2026-01-01T00:00")), int(at("2028-01-01T00:00")))


@given(MOMENTS, st.sampled_from([ZURICH, NEW_YORK, UTC, "Asia/Kolkata", "Australia/Lord_Howe"]))
def test_two_halves_of_a_day_make_a_whole_one(now: int, zone: str) -> None:
    halves = [is_within(hours(0, 12, zone), now), is_within(hours(12, 24, zone), now)]
    assert sum(halves) == is_within(hours(0, 24, zone), now)


@given(MOMENTS)
def test_each_moment_lies_within_exactly_one_weekday(now: int) -> None:
    days = [day for day in range(7) if is_within(hours(0, 24, UTC, (day,)), now)]
    assert days == [datetime.fromtimestamp(now, ZoneInfo(UTC)).weekday()]
