"""Fibers: work that waits in the middle, and whoever else runs meanwhile."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator.fibers import Died, Fiber, Fibers
from local.twin.clock import VirtualClock

START = 1_000.0


class Stage:
    """Fibers on a clock, and what was noted by whom at which second."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START)
        self.fibers = Fibers(self.clock)
        self.notes: list[tuple[float, str]] = []

    def note(self, what: str) -> None:
        self.notes.append((self.clock.now() - START, what))

    def wait(self, seconds: float) -> None:
        assert self.fibers.running is not None
        self.fibers.running.wait(seconds)

    def waiting(self, name: str, *waits: float) -> Callable[[], str]:
        """Return work that notes its name after each of its waits."""

        def work() -> str:
            for seconds in waits:
                self.wait(seconds)
                self.note(name)
            return name

        return work

    def start(self, name: str, *waits: float) -> Fiber:
        return self.fibers.start(self.waiting(name, *waits), lambda: self.note(f"{name} ended"))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_fibers_run_in_the_order_of_their_times(stage: Stage) -> None:
    stage.start("slow", 3.0, 3.0)
    stage.start("fast", 1.0, 1.0, 2.5)
    stage.clock.advance(10.0)
    assert stage.notes == [
        (1.0, "fast"),
        (2.0, "fast"),
        (3.0, "slow"),
        (4.5, "fast"),
        (4.5, "fast ended"),
        (6.0, "slow"),
        (6.0, "slow ended"),
    ]


def test_at_one_moment_fibers_run_in_the_order_in_which_they_were_scheduled(stage: Stage) -> None:
    for name in ("one", "two", "three"):
        stage.start(name, 1.0, 0.0)
    stage.clock.advance(1.0)
    names = [name for _, name in stage.notes if not name.endswith("ended")]
    assert names == ["one", "two", "three"] * 2


def test_a_fiber_begins_after_what_is_already_due(stage: Stage) -> None:
    stage.clock.schedule(0.0, lambda: stage.note("due"))
    stage.fibers.start(lambda: stage.note("begun"))
    assert stage.notes == []
    stage.clock.advance(0.0)
    assert stage.notes == [(0.0, "due"), (0.0, "begun")]


def test_running_is_the_fiber_whose_code_runs_and_none_outside_of_all(stage: Stage) -> None:
    seen: list[Fiber | None] = []

    def look() -> None:
        seen.append(stage.fibers.running)
        stage.wait(1.0)
        seen.append(stage.fibers.running)

    first, second = stage.fibers.start(look), stage.fibers.start(look)
    stage.clock.schedule(0.5, lambda: seen.append(stage.fibers.running))
    stage.clock.advance(2.0)
    assert seen == [first, second, None, first, second]
    assert stage.fibers.running is None


def test_together_takes_as_long_as_the_longest_step_and_keeps_the_order_of_results(stage: Stage) -> None:
    def whole() -> None:
        steps = [stage.waiting("a", 3.0), stage.waiting("b", 1.0, 4.0), stage.waiting("c", 2.0)]
        stage.note(" ".join(stage.fibers.together(steps)))

    stage.fibers.start(whole)
    stage.clock.advance(20.0)
    assert stage.notes == [(1.0, "b"), (2.0, "c"), (3.0, "a"), (5.0, "b"), (5.0, "a b c")]


def test_steps_can_have_steps(stage: Stage) -> None:
    def pair(name: str) -> list[str]:
        return stage.fibers.together([stage.waiting(f"{name}1", 1.0), stage.waiting(f"{name}2", 2.0)])

    results: list[list[str]] = []
    stage.fibers.start(lambda: results.extend(stage.fibers.together([lambda: pair("a"), lambda: pair("b")])))
    stage.clock.advance(2.0)
    assert results == [["a1", "a2"], ["b1", "b2"]]


def test_one_step_or_none_needs_no_fiber_of_its_own(stage: Stage) -> None:
    seen: list[Any] = []

    def work() -> None:
        seen.append(stage.fibers.together([]))
        seen.append(stage.fibers.together([lambda: stage.fibers.running]))

    fiber = stage.fibers.start(work)
    stage.clock.advance(0.0)
    assert seen == [[], [fiber]]


def test_a_step_that_raises_lets_the_others_end_and_then_raises_where_they_are_waited_for(
    stage: Stage,
) -> None:
    def broken() -> str:
        stage.wait(1.0)
        raise LookupError("broken")

    def whole() -> None:
        with pytest.raises(LookupError, match="broken"):
            stage.fibers.together([stage.waiting("a", 2.0), broken])
        stage.note("caught")

    stage.fibers.start(whole)
    stage.clock.advance(10.0)
    assert stage.notes == [(2.0, "a"), (2.0, "caught")]


def test_steps_outside_of_fibers_are_done_in_turn_and_at_once(stage: Stage) -> None:
    done = iter(range(3))
    assert stage.fibers.together([lambda: next(done)] * 3) == [0, 1, 2]
    assert stage.clock.next_due() is None


def test_a_fiber_killed_while_it_waits_runs_no_further_code_but_its_finally(stage: Stage) -> None:
    def work() -> None:
        try:
            stage.wait(10.0)
            stage.note("went on")
        except Exception:  # noqa: BLE001 - what no function can catch
            stage.note("caught")
        finally:
            stage.note("finally")

    fiber = stage.fibers.start(work, lambda: stage.note("ended"))
    stage.clock.schedule(4.0, fiber.kill)
    stage.clock.advance(60.0)
    assert stage.notes == [(4.0, "finally"), (4.0, "ended")]
    assert fiber.is_dead


def test_a_fiber_killed_before_it_begins_does_nothing_and_ends(stage: Stage) -> None:
    fiber = stage.start("never", 0.0)
    fiber.kill()
    stage.clock.advance(1.0)
    assert stage.notes == [(0.0, "never ended")]


def test_killing_one_that_has_ended_changes_nothing(stage: Stage) -> None:
    fiber = stage.start("done", 1.0)
    stage.clock.advance(1.0)
    before = list(stage.notes)
    fiber.kill()
    stage.clock.advance(1.0)
    assert not fiber.is_dead
    assert stage.notes == before


def test_a_killed_whole_ends_its_steps_with_it(stage: Stage) -> None:
    def whole() -> None:
        stage.fibers.together([stage.waiting("a", 1.0, 8.0), stage.waiting("b", 6.0)])
        stage.note("whole went on")

    fiber = stage.fibers.start(whole, lambda: stage.note("whole ended"))
    stage.clock.schedule(5.0, fiber.kill)
    stage.clock.advance(60.0)
    assert stage.notes == [(1.0, "a"), (5.0, "whole ended")]


def test_a_step_that_is_killed_ends_its_whole_and_the_other_steps(stage: Stage) -> None:
    def suicide() -> None:
        stage.wait(2.0)
        running = stage.fibers.running
        assert running is not None
        running.kill()
        stage.wait(0.0)
        stage.note("killed, and went on")

    def whole() -> None:
        stage.fibers.together([stage.waiting("other", 1.0, 5.0), suicide])
        stage.note("whole went on")

    fiber = stage.fibers.start(whole, lambda: stage.note("whole ended"))
    stage.clock.advance(60.0)
    assert stage.notes == [(1.0, "other"), (2.0, "whole ended")]
    assert fiber.is_dead


def test_work_may_die_by_itself(stage: Stage) -> None:
    def work() -> None:
        raise Died

    fiber = stage.fibers.start(work, lambda: stage.note("ended"))
    stage.clock.advance(0.0)
    assert fiber.is_dead
    assert stage.notes == [(0.0, "ended")]


def test_what_is_owed_passes_before_the_fiber_is_over(stage: Stage) -> None:
    def work() -> None:
        assert stage.fibers.running is not None
        stage.fibers.running.owe(0.015)
        stage.note("went on at once")

    stage.fibers.start(work, lambda: stage.note("ended"))
    stage.clock.advance(1.0)
    assert stage.notes == [(0.0, "went on at once"), (pytest.approx(0.015), "ended")]


@given(
    plans=st.lists(
        st.lists(st.sampled_from((0.0, 0.5, 1.0, 2.0)), min_size=1, max_size=4), min_size=1, max_size=6
    ),
    kills=st.lists(st.tuples(st.integers(0, 5), st.sampled_from((0.0, 0.7, 1.0, 3.0))), max_size=3),
)
def test_same_plan_same_trace_and_time_never_goes_back(
    plans: list[list[float]], kills: list[tuple[int, float]]
) -> None:
    def trace() -> list[tuple[float, str]]:
        stage = Stage()
        fibers = [stage.start(str(number), *plan) for number, plan in enumerate(plans)]
        for number, at in kills:
            stage.clock.schedule(at, fibers[number % len(fibers)].kill)
        stage.clock.advance(100.0)
        return stage.notes

    first = trace()
    assert first == trace()
    assert [at for at, _ in first] == sorted(at for at, _ in first)
    assert sum(what.endswith("ended") for _, what in first) == len(plans)


def test_the_same_seed_gives_the_same_trace() -> None:
    def trace(seed: int) -> list[tuple[float, str]]:
        stage, rng = Stage(), random.Random(seed)
        for name in "abcdef":
            stage.start(name, *(rng.random() for _ in range(5)))
        stage.clock.advance(10.0)
        return stage.notes

    assert trace(1) == trace(1)
    assert trace(1) != trace(2)


def test_a_fiber_that_ended_is_freed_without_the_garbage_collector() -> None:
    stage = Stage()

    def begin() -> weakref.ref[Fiber]:
        fiber = stage.fibers.start(lambda: fiber.wait(1), lambda: stage.note(str(fiber.is_dead)))
        return weakref.ref(fiber)

    gc.disable()
    try:
        freed = begin()
        stage.clock.advance(2)
        assert freed() is None
    finally:
        gc.enable()
    assert stage.notes == [(1, "False")]
