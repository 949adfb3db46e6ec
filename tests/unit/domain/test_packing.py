"""First fit of tasks on the room of instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.matching import Shape
from slipway.domain.packing import Bin, FirstFit, a_bin, fullest_first
from slipway.domain.resources import NOTHING, Resources

SHAPES = tuple(
    Shape(profile, Resources(*size))
    for profile, size in [
        ("small", (1, 1)),
        ("small", (2, 1)),
        ("cpu", (4, 1)),
        ("memory", (1, 5)),
        ("gpu", (1, 1, 1)),
        ("large", (6, 6)),
    ]
)
SMALL, LARGE = SHAPES[0], SHAPES[-1]
FOUR = Resources(4, 4, 1)


@st.composite
def rooms(draw: st.DrawFn) -> list[Bin]:
    sizes = st.builds(Resources, st.integers(-2, 12), st.integers(-2, 12), st.integers(0, 2))
    counts = st.integers(-1, 6)
    bins = [
        a_bin(f"i-{number}", size, tasks)
        for number, (size, tasks) in enumerate(draw(st.lists(st.tuples(sizes, counts), max_size=6)))
    ]
    held_for = st.none() | st.sampled_from(SHAPES)
    return [replace(bin, held_for=draw(held_for)) for bin in bins]


def naive_first_fit(shape: Shape, bins: Sequence[Bin]) -> Bin | None:
    return next((bin for bin in bins if bin.take(shape)), None)


def hold(bins: Sequence[Bin], number: int, shape: Shape) -> None:
    """Hold a room for a shape in the middle of a plan, as a plan at the pool's limit does."""
    if number < len(bins) and bins[number].held_for is None:
        bins[number].held_for = shape


@given(rooms(), st.lists(st.tuples(st.sampled_from(SHAPES), st.none() | st.integers(0, 5)), max_size=60))
def test_each_task_goes_where_trying_every_room_in_turn_would_put_it(
    bins: list[Bin], steps: list[tuple[Shape, int | None]]
) -> None:
    others = deepcopy(bins)
    fit = FirstFit(bins)
    for shape, to_hold in steps:
        found, expected = fit.place(shape), naive_first_fit(shape, others)
        assert (found and found.name) == (expected and expected.name)
        if to_hold is not None:
            hold(bins, to_hold, shape)
            hold(others, to_hold, shape)
    assert bins == others


@given(rooms(), st.lists(st.sampled_from(SHAPES), max_size=60))
def test_no_bin_is_over_committed(bins: list[Bin], shapes: list[Shape]) -> None:
    before = deepcopy(bins)
    fit = FirstFit(bins)
    held, tasks = {bin.name: NOTHING for bin in bins}, Counter[str]()
    for shape in shapes:
        found = fit.place(shape)
        if found:
            held[found.name] += shape.size
            tasks[found.name] += 1
    for old, new in zip(before, bins, strict=True):
        assert new.taken == tasks[new.name]
        assert new.free == old.free - held[new.name]
        if new.taken:
            assert held[new.name].fits(old.free)
            assert new.taken <= old.tasks_left


@given(rooms(), st.lists(st.sampled_from(SHAPES), max_size=60))
def test_a_task_that_found_no_place_would_fit_nowhere(bins: list[Bin], shapes: list[Shape]) -> None:
    fit = FirstFit(bins)
    for shape in shapes:
        if fit.place(shape) is None:
            assert not any(bin.take(shape) for bin in deepcopy(bins))


@dataclass(slots=True)
class AskedRoom:
    """A room that takes so many tasks and counts how often it is asked."""

    takes: int
    asked: int = 0

    def take(self, shape: Shape) -> bool:
        self.asked += 1
        self.takes -= 1
        return self.takes >= 0


def test_no_room_is_asked_twice_for_what_it_refused() -> None:
    full = [AskedRoom(takes=0) for _ in range(100)]
    fit = FirstFit(full)
    for _ in range(50):
        assert fit.place(SMALL) is None
    assert [room.asked for room in full] == [1] * 100


def test_a_room_that_is_added_later_is_found() -> None:
    opened: list[AskedRoom] = []
    fit = FirstFit(opened)
    assert fit.place(SMALL) is None
    opened.append(AskedRoom(takes=1))
    assert fit.place(SMALL) is opened[0]


@pytest.mark.parametrize(
    ("size", "fits"),
    [((4, 4, 1), True), ((5, 1), False), ((1, 5), False), ((1, 1, 2), False)],
    ids=["exactly full", "too much CPU", "too much memory", "too many GPUs"],
)
def test_a_task_needs_room_for_its_cpu_its_memory_and_its_gpus(size: tuple[int, ...], fits: bool) -> None:
    bin = a_bin("only", FOUR, 9)
    assert bin.take(Shape("any", Resources(*size))) is fits
    assert (bin == a_bin("only", FOUR, 9)) is not fits


def test_a_bin_takes_no_more_tasks_than_its_network_does() -> None:
    bin = a_bin("only", FOUR, 2)
    assert [bin.take(SMALL) for _ in range(3)] == [True, True, False]


def test_a_bin_that_is_held_takes_tasks_of_that_shape_alone() -> None:
    bin = replace(a_bin("only", FOUR, 9), held_for=SMALL)
    assert not bin.take(Shape("other", SMALL.size))
    assert bin.take(SMALL)


def test_the_fullest_bin_comes_first_so_that_the_emptiest_can_end() -> None:
    empty, some, more = Resources(8, 8), Resources(6, 8), Resources(2, 8)
    bins = [a_bin("c", empty, 9), a_bin("b", empty, 9), a_bin("a", more, 9), a_bin("d", some, 9)]
    assert [bin.name for bin in fullest_first(bins)] == ["a", "d", "b", "c"]


@given(st.permutations(["i-1", "i-2", "i-3", "i-4"]))
def test_equal_bins_come_in_the_order_of_their_names(names: list[str]) -> None:
    bins = [a_bin(name, FOUR, 9) for name in names]
    assert [bin.name for bin in fullest_first(bins)] == sorted(names)
