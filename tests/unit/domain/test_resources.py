"""Amounts of CPU, memory and GPUs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.resources import NOTHING, Resources, largest, smallest

AMOUNTS = st.builds(Resources, st.integers(0, 50), st.integers(0, 50), st.integers(0, 4))
AXES = ("cpu_units", "memory_mib", "gpus")


@given(AMOUNTS, AMOUNTS)
def test_what_is_added_can_be_taken_away(one: Resources, other: Resources) -> None:
    assert one + other - other == one
    assert one + NOTHING == one


@given(AMOUNTS, AMOUNTS)
def test_whatever_fits_leaves_nothing_below_zero(amount: Resources, room: Resources) -> None:
    left = room - amount
    assert amount.fits(room) is all(getattr(left, axis) >= 0 for axis in AXES)


@pytest.mark.parametrize(
    ("amount", "fits"),
    [
        (Resources(4, 4, 1), True),
        (Resources(5, 1), False),
        (Resources(1, 5), False),
        (Resources(1, 1, 2), False),
    ],
    ids=["exactly full", "too much CPU", "too much memory", "too many GPUs"],
)
def test_an_amount_fits_when_no_part_of_it_is_too_much(amount: Resources, fits: bool) -> None:
    assert amount.fits(Resources(4, 4, 1)) is fits


@pytest.mark.parametrize(
    ("amount", "is_a_size"),
    [
        (Resources(1, 1), True),
        (Resources(1, 1, 1), True),
        (NOTHING, False),
        (Resources(0, 1), False),
        (Resources(1, 0), False),
        (Resources(-1, 1), False),
        (Resources(1, 1, -1), False),
    ],
    ids=str,
)
def test_nothing_is_of_a_size_without_cpu_and_memory(amount: Resources, is_a_size: bool) -> None:
    assert amount.is_a_size is is_a_size


@given(st.lists(AMOUNTS, min_size=1, max_size=6))
def test_the_largest_holds_each_and_no_less_would(sizes: list[Resources]) -> None:
    found = largest(sizes)
    assert all(size.fits(found) for size in sizes)
    assert all(getattr(found, axis) in {getattr(size, axis) for size in sizes} for axis in AXES)


@given(st.lists(AMOUNTS, min_size=1, max_size=6))
def test_the_smallest_fits_into_each_and_no_more_would(sizes: list[Resources]) -> None:
    found = smallest(sizes)
    assert all(found.fits(size) for size in sizes)
    assert all(getattr(found, axis) in {getattr(size, axis) for size in sizes} for axis in AXES)


def test_the_largest_of_no_size_is_nothing() -> None:
    assert largest([]) == NOTHING


@pytest.mark.parametrize(
    ("amount", "parameters"),
    [
        (Resources(1024, 2048), {"cpu_units": 1024, "memory_mib": 2048}),
        (Resources(1024, 2048, 1), {"cpu_units": 1024, "memory_mib": 2048, "gpus": 1}),
    ],
    ids=["without GPUs", "with a GPU"],
)
def test_a_reason_speaks_of_gpus_only_where_there_are_any(
    amount: Resources, parameters: dict[str, int]
) -> None:
    assert amount.as_parameters() == parameters
