"""The virtual clock is deterministic and moves only when told to."""

from __future__ import annotations

import pytest

from local.twin.clock import VirtualClock, iso


def test_callbacks_run_in_order_of_time_then_of_scheduling() -> None:
    clock, ran = VirtualClock(100.0), list[str]()
    clock.schedule(2, lambda: ran.append("late"))
    clock.schedule(1, lambda: ran.append("first"))
    clock.schedule(1, lambda: ran.append("second"))
    clock.advance(5)
    assert ran == ["first", "second", "late"]
    assert clock.now() == 105.0


def test_a_callback_sees_its_own_time_and_may_schedule_more_within_the_same_advance() -> None:
    clock, seen = VirtualClock(0.0), list[float]()

    def again() -> None:
        seen.append(clock.now())
        if len(seen) < 3:
            clock.schedule(1, again)

    clock.schedule(1, again)
    clock.advance_to(10)
    assert seen == [1.0, 2.0, 3.0]


def test_what_is_not_yet_due_waits_and_next_due_names_it() -> None:
    clock, ran = VirtualClock(0.0), list[str]()
    clock.schedule(5, lambda: ran.append("x"))
    clock.advance(4.999)
    assert ran == []
    assert clock.next_due() == 5.0


def test_a_cancelled_callback_never_runs_and_is_never_next() -> None:
    clock, ran = VirtualClock(0.0), list[str]()
    clock.schedule(5, lambda: ran.append("x")).cancel()
    assert clock.next_due() is None
    clock.advance(10)
    assert ran == []


def test_advancing_to_the_past_keeps_the_time() -> None:
    clock = VirtualClock(50.0)
    clock.advance_to(10.0)
    assert clock.now() == 50.0


def test_scheduling_in_the_past_is_refused() -> None:
    with pytest.raises(ValueError, match="in the past"):
        VirtualClock(0.0).schedule(-1, lambda: None)


def test_moments_are_written_as_eventbridge_writes_them() -> None:
    assert iso(0.25) == "1970-01-01T00:00:00.250Z"


def test_time_passes_within_a_callback_only_where_nothing_is_due_and_the_advance_goes_so_far() -> None:
    clock, passed = VirtualClock(0.0), list[bool]()

    def quiet(seconds: float) -> None:
        passed.append(clock.pass_quietly(seconds))

    clock.schedule(1, lambda: quiet(2))
    clock.schedule(2, lambda: None).cancel()
    clock.schedule(4, lambda: quiet(1))  # the next is due at that very moment, and came first
    clock.schedule(5, lambda: quiet(6))
    clock.advance_to(1)
    assert (passed, clock.now()) == ([False], 1.0)
    clock.advance_to(10)
    assert (passed, clock.now()) == ([False, False, False], 10.0)
    clock.schedule(1, lambda: quiet(2))
    clock.advance_to(14)
    assert (passed[-1], clock.now()) == (True, 14.0)


def test_outside_of_an_advance_no_time_passes_quietly() -> None:
    clock = VirtualClock(0.0)
    assert not clock.pass_quietly(0.0)
