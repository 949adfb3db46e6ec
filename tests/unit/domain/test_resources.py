"""Amounts of CPU and memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.resources import NOTHING, Resources

AMOUNTS = st.builds(Resources, st.integers(0, 50), st.integers(0, 50))
SIZES = st.builds(Resources, st.integers(1, 50), st.integers(1, 50))


@given(AMOUNTS, AMOUNTS)
def test_what_is_added_can_be_taken_away(one: Resources, other: Resources) -> None:
    assert one + other - other == one
    assert one + NOTHING == one


@given(SIZES, AMOUNTS)
def test_a_size_fits_as_often_as_it_can_be_taken_away(size: Resources, room: Resources) -> None:
    times = 0
    left = room
    while size.fits(left):
        left -= size
        times += 1
    assert size.times_in(room) == times


def test_room_that_is_overdrawn_holds_nothing() -> None:
    assert Resources(1, 1).times_in(Resources(-3, 5)) == 0


@pytest.mark.parametrize("size", [NOTHING, Resources(0, 1), Resources(1, 0), Resources(-1, 1)], ids=str)
def test_a_size_of_nothing_is_refused(size: Resources) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        size.times_in(Resources(4, 4))
