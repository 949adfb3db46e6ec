"""What every way to do a plan's steps must do: in turn, as the simulator does, and at once, as the scaler does."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from slipway.adapters.threads import MAX_THREADS, together
from slipway.services.applied import Applied, Together, attempt, in_turn

WAYS: dict[str, Together] = {"in turn": in_turn, "at once": together}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Together:
    return WAYS[request.param]


@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_each_step_is_done_once_and_its_outcome_stands_in_its_place(way: Together, count: int) -> None:
    done: list[int] = []

    def step(number: int) -> Callable[[], Applied]:
        def do() -> Applied:
            done.append(number)
            return Applied((ValueError(str(number)),))

        return do

    outcomes = way([step(number) for number in range(count)])
    assert [str(outcome.errors[0]) for outcome in outcomes] == [str(number) for number in range(count)]
    assert sorted(done) == list(range(count))


def test_a_step_that_fails_keeps_no_other_from_being_done(way: Together) -> None:
    def broken() -> None:
        raise RuntimeError("broken")

    outcomes = way([lambda: attempt(broken), lambda: attempt(lambda: Applied(is_cut_short=True))])
    assert [type(error) for error in outcomes[0].errors] == [RuntimeError]
    assert outcomes[1].is_cut_short


def test_the_first_fault_is_raised_once_all_steps_are_done(way: Together) -> None:
    """More steps than threads: those that had to wait for one are done too."""
    done: list[int] = []

    def step(number: int) -> Callable[[], None]:
        def do() -> None:
            done.append(number)
            if number in (1, 2):
                raise LookupError(str(number))

        return do

    with pytest.raises(LookupError, match="1"):
        way([step(number) for number in range(4 * MAX_THREADS)])
    assert sorted(done) == list(range(4 * MAX_THREADS))


def test_steps_at_once_wait_for_each_other_s_answers_together_but_never_more_than_eight() -> None:
    lock, met = threading.Lock(), threading.Barrier(MAX_THREADS, timeout=10)
    running, most = 0, 0

    def step() -> Applied:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        met.wait()  # passes only when eight are inside at the same time
        with lock:
            running -= 1
        return Applied()

    assert len(together([step] * (2 * MAX_THREADS))) == 2 * MAX_THREADS
    assert most == MAX_THREADS
