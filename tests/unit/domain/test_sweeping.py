"""Whose turn it is in a sweep, and how many calls an hour sees."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from slipway.domain.sweeping import LAP_SECONDS, SweepState, earn, next_turn
from tests.builders import NOW

HOUR, DAY = 3_600.0, 86_400.0


def turns(
    pushed_at: dict[int, float], count: int, state: SweepState, now: float = NOW
) -> tuple[list[int], SweepState]:
    """The next turns, all at one moment; fewer where nobody is left."""
    found: list[int] = []
    while len(found) < count and (turn := next_turn(pushed_at, state, now)):
        number, state = turn
        found.append(number)
    return found, state


def test_repositories_pushed_to_within_the_hour_the_day_and_ever_take_turns() -> None:
    fresh = {number: NOW - number for number in (9, 4)}
    active = {number: NOW - 2 * HOUR - number for number in (3, 8, 1)}
    quiet = {number: NOW - DAY * number for number in (17, 12, 15, 19)}
    assert turns(fresh | active | quiet, 99, SweepState(NOW))[0] == [4, 1, 12, 9, 3, 15, 8, 17, 19]


def test_a_place_goes_on_where_it_was_also_in_another_process() -> None:
    pushed_at = {number: NOW - number for number in range(1, 7)}
    first, state = turns(pushed_at, 2, SweepState(NOW))
    rest, _ = turns(dict(pushed_at), 9, replace(state))
    assert first + rest == [1, 2, 3, 4, 5, 6]


def test_no_repository_is_asked_more_often_than_a_lap_takes() -> None:
    pushed_at = {1: NOW - 1, 2: NOW - 9 * DAY}
    first, state = turns(pushed_at, 9, SweepState(NOW))
    assert first == [1, 2]
    assert turns(pushed_at, 9, state, NOW + LAP_SECONDS - 1)[0] == []
    assert turns(pushed_at, 9, state, NOW + LAP_SECONDS)[0] == [1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_every_repository_has_its_turn_however_often_others_are_pushed_to(seed: int) -> None:
    rng = random.Random(seed)
    pushed_at = {number: NOW - rng.uniform(0, 30 * DAY) for number in range(200)}
    seen: set[int] = set()
    state, now = SweepState(NOW), NOW
    for _ in range(1_000):
        now += 15.0
        for busy in rng.sample(range(20), 5):
            pushed_at[busy] = now
        turn = next_turn(pushed_at, state, now)
        if turn:
            number, state = turn
            seen.add(number)
    assert seen == set(pushed_at)


def test_the_few_active_ones_are_seen_far_more_often_than_the_many_quiet_ones() -> None:
    pushed_at = dict.fromkeys(range(5), NOW) | dict.fromkeys(range(100, 500), NOW - 9 * DAY)
    state, now, count = SweepState(NOW), NOW, dict.fromkeys(pushed_at, 0)
    for _ in range(1_000):
        now += 10.0
        turn = next_turn(pushed_at, state, now)
        assert turn is not None
        number, state = turn
        count[number] += 1
    assert min(count[number] for number in range(5)) > 60
    assert min(count.values()) >= 1


@pytest.mark.parametrize(("age", "lap"), [(HOUR, 0), (HOUR + 1, 1), (DAY, 1), (DAY + 1, 2), (-60.0, 0)])
def test_a_repository_is_in_the_lap_of_its_last_push(age: float, lap: int) -> None:
    _, state = next_turn({7: NOW - age}, SweepState(NOW), NOW) or (0, SweepState(NOW))
    assert [found.last for found in state.laps] == [7 if number == lap else None for number in range(3)]


def test_nobody_there_is_nobody_s_turn() -> None:
    assert next_turn({}, SweepState(NOW), NOW) is None


@pytest.mark.parametrize("calls_per_hour", [60, 1_000, 5_000])
@pytest.mark.parametrize("seed", range(3))
def test_no_hour_sees_more_calls_than_it_may(calls_per_hour: int, seed: int) -> None:
    rng = random.Random(seed)
    state, now = SweepState(NOW), NOW
    made: list[tuple[float, int]] = []
    for _ in range(600):
        now += rng.choice([20.0, 60.0, 60.0, 60.0, 60.0, 400.0])
        state = earn(state, calls_per_hour, now)
        spent = int(state.calls) if rng.random() < 0.8 else rng.randint(0, max(0, int(state.calls)))
        state = replace(state, calls=state.calls - spent)
        made.append((now, spent))
    hours = [sum(spent for at, spent in made if end - 3_600 < at <= end) for end, _ in made]
    assert max(hours) <= calls_per_hour
    assert max(hours) > 0.75 * calls_per_hour


def test_calls_that_were_overdrawn_are_earned_again_first() -> None:
    state = earn(SweepState(NOW, calls=-2.0), 3_900, NOW + 1)
    assert state.calls == -1.0
    assert earn(state, 3_900, NOW - 60).calls == -1.0, "a clock that is set back earns nothing"


def test_calls_grow_with_time_and_are_saved_for_five_minutes_at_most() -> None:
    states = [earn(SweepState(NOW), 3_900, NOW + seconds) for seconds in (0, 60, 300, 3_000)]
    assert [state.calls for state in states] == [0, 60, 300, 300]
    assert all(earlier.at < later.at for earlier, later in pairwise(states))
