"""Sizes, durations and schedules as an operator writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.configuration import quantities
from slipway.domain.configuration import Schedule


@pytest.mark.parametrize(("text", "mib"), [("7GiB", 7168), ("512MiB", 512), ("1MiB", 1), ("0512MiB", 512)])
def test_memory_is_read_as_mib(text: str, mib: int) -> None:
    assert quantities.memory_mib(text) == mib


@pytest.mark.parametrize(("text", "gib"), [("50GiB", 50), ("1GiB", 1), ("010GiB", 10), ("99999GiB", 99_999)])
def test_disk_is_read_as_whole_gib(text: str, gib: int) -> None:
    assert quantities.disk_gib(text) == gib


@pytest.mark.parametrize("value", ["0GiB", "50", "50G", "512MiB", "1.5GiB", "100000GiB", "50GiB\n", 50, None])
def test_disk_in_any_other_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="50GiB"):
        quantities.disk_gib(value)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("2m", 120), ("6h", 21_600), ("1d", 86_400)])
def test_a_duration_is_read_as_seconds(text: str, seconds: int) -> None:
    assert quantities.duration_seconds(text) == seconds


@pytest.mark.parametrize(("number", "units"), [(2, 2048), (0.5, 512), (0.125, 128), (192, 196_608)])
def test_cpu_is_read_as_units(number: float, units: int) -> None:
    """[ECS-TASK-SIZE]"""
    assert quantities.cpu_units(number) == units


@pytest.mark.parametrize("number", [0.1, 193, 1.0001, float("inf"), float("nan"), True, "2", None, 10**400])
def test_cpu_that_ecs_cannot_run_is_refused(number: object) -> None:
    with pytest.raises(ValueError, match="vCPU"):
        quantities.cpu_units(number)


@pytest.mark.parametrize(
    ("text", "weekdays", "minutes"),
    [
        ("Mon-Fri 09:00-19:00 Asia/Tokyo", (0, 1, 2, 3, 4), (540, 1140)),
        ("Sat,Sun 00:00-24:00 Asia/Tokyo", (5, 6), (0, 1440)),
        ("Fri-Mon 10:30-10:31 Asia/Tokyo", (0, 4, 5, 6), (630, 631)),
        ("Wed 09:00-10:00 Asia/Tokyo", (2,), (540, 600)),
    ],
)
def test_a_schedule_is_days_minutes_and_zone(
    text: str, weekdays: tuple[int, ...], minutes: tuple[int, int]
) -> None:
    assert quantities.schedule(text) == Schedule(weekdays, *minutes, "Asia/Tokyo")


@given(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.integers()))
def test_anything_else_is_refused_with_a_sentence_on_one_line(value: object) -> None:
    for read in (quantities.memory_mib, quantities.duration_seconds, quantities.schedule):
        try:
            read(value)
        except ValueError as fault:
            assert str(fault).isprintable()
