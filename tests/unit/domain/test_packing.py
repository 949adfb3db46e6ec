"""Room on instances, and which task takes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.instances import InstanceState
from slipway.domain.packing import Bin, booting_bins, empty_bin, place, usable_bins
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.runners import RunnerState
from tests.builders import (
    ROOM_FOR_FOUR,
    SIZE,
    a_booting_instance,
    a_launch_intent,
    a_run_intent,
    a_runner,
    an_arn,
    an_instance,
)

SIZES = st.builds(Resources, st.integers(1, 20), st.integers(1, 20))


def a_bin(name: str, cpu_units: int = 4, memory_mib: int = 4, slots_left: int = 9) -> Bin:
    return Bin(name, Resources(cpu_units, memory_mib), slots_left)


@given(st.lists(SIZES, max_size=30), st.lists(SIZES, max_size=6))
def test_no_bin_is_over_committed(tasks: list[Resources], rooms: list[Resources]) -> None:
    bins = [Bin(str(number), room, 1_000) for number, room in enumerate(rooms)]
    held = {bin.name: NOTHING for bin in bins}
    for task in tasks:
        found = place(task, bins)
        if found:
            held[found.name] += task
    assert all(held[str(number)].fits(room) for number, room in enumerate(rooms))


@given(st.lists(SIZES, max_size=30), st.lists(SIZES, max_size=6))
def test_a_task_that_found_no_place_would_fit_nowhere(tasks: list[Resources], rooms: list[Resources]) -> None:
    bins = [Bin(str(number), room, 1_000) for number, room in enumerate(rooms)]
    for task in tasks:
        if place(task, bins) is None:
            assert not any(task.fits(bin.free) for bin in bins)


@pytest.mark.parametrize(
    ("size", "fits"),
    [((4, 4), True), ((5, 1), False), ((1, 5), False)],
    ids=["exactly full", "too much CPU", "too much memory"],
)
def test_a_task_needs_room_for_its_cpu_and_its_memory(size: tuple[int, int], fits: bool) -> None:
    assert a_bin("only").take(Resources(*size)) is fits


def test_a_task_that_does_not_fit_takes_nothing() -> None:
    bin = a_bin("only")
    bin.take(Resources(5, 1))
    assert bin == a_bin("only")


def test_the_first_bin_with_room_is_taken() -> None:
    bins = [a_bin("full", 1), a_bin("first"), a_bin("second")]
    found = place(Resources(2, 2), bins)
    assert found is bins[1]
    assert found.free == Resources(2, 2)


def test_an_exclusive_bin_takes_one_task_whatever_room_is_left() -> None:
    bin = empty_bin("i-1", ROOM_FOR_FOUR, exclusive=True)
    assert [bin.take(SIZE), bin.take(SIZE)] == [True, False]


def test_a_shared_bin_takes_as_many_as_fit() -> None:
    bin = empty_bin("i-1", ROOM_FOR_FOUR, exclusive=False)
    assert [bin.take(SIZE) for _ in range(5)] == [True] * 4 + [False]


@pytest.mark.parametrize("state", RunnerState, ids=str)
def test_a_task_holds_its_room_until_it_has_stopped_whatever_its_runner_does(state: RunnerState) -> None:
    runner = a_runner(1, state, instance_arn=an_arn("i-1"))
    [bin] = usable_bins([an_instance()], [runner], exclusive=False)
    assert bin.free == ROOM_FOR_FOUR - SIZE


def test_tasks_of_another_instance_take_nothing_here() -> None:
    [bin] = usable_bins([an_instance()], [a_runner(instance_arn=an_arn("i-2"))], exclusive=False)
    assert bin.free == ROOM_FOR_FOUR


@pytest.mark.parametrize(
    ("changes", "usable", "booting"),
    [
        ({}, True, False),
        ({"connected": False}, False, True),
        ({"state": InstanceState.LAUNCHING}, False, True),
        ({"state": InstanceState.DRAINING}, False, False),
        ({"state": InstanceState.GONE}, False, False),
    ],
    ids=["ready", "disconnected", "launching", "draining", "gone"],
)
def test_an_instance_has_room_now_or_later_or_not_at_all(
    changes: dict[str, Any], usable: bool, booting: bool
) -> None:
    instances = [an_instance(**changes)]
    assert bool(usable_bins(instances, [], exclusive=False)) is usable
    assert bool(booting_bins(instances, [], [], exclusive=False)) is booting


def test_the_fullest_instance_comes_first_so_that_the_emptiest_can_drain() -> None:
    instances = [an_instance("i-1"), an_instance("i-2"), an_instance("i-3")]
    runners = [a_runner(1, instance_arn=an_arn("i-3"))]
    names = [bin.name for bin in usable_bins(instances, runners, exclusive=False)]
    assert names == ["i-3", "i-1", "i-2"]


def test_an_exclusive_instance_with_a_task_has_no_slot() -> None:
    runner = a_runner(instance_arn=an_arn("i-1"))
    [bin] = usable_bins([an_instance()], [runner], exclusive=True)
    assert not bin.take(SIZE)
    [later] = booting_bins([an_instance(connected=False)], [runner], [], exclusive=True)
    assert not later.take(SIZE)


def test_a_disconnected_instance_offers_what_its_tasks_leave() -> None:
    runner = a_runner(instance_arn=an_arn("i-1"))
    [bin] = booting_bins([an_instance(connected=False)], [runner], [], exclusive=False)
    assert bin.free == ROOM_FOR_FOUR - SIZE


def test_tasks_without_an_instance_take_no_room_from_one_that_has_no_arn_yet() -> None:
    [bin] = booting_bins([a_booting_instance()], [a_runner(instance_arn=None)], [], exclusive=False)
    assert bin.free == ROOM_FOR_FOUR


def test_a_launch_without_an_answer_counts_as_so_many_booting_instances() -> None:
    bins = booting_bins([a_booting_instance()], [], [a_launch_intent(2), a_run_intent(5)], exclusive=True)
    assert len(bins) == 3
    assert all(bin.slots_left == 1 for bin in bins)
    assert len({bin.name for bin in bins}) == 3


def test_the_smallest_booting_instance_comes_first_so_that_large_ones_are_left_to_large_tasks() -> None:
    large = ROOM_FOR_FOUR + ROOM_FOR_FOUR
    bins = booting_bins(
        [a_booting_instance("i-1", registered=large), a_booting_instance("i-2")], [], [], exclusive=False
    )
    assert [bin.name for bin in bins] == ["i-2", "i-1"]
