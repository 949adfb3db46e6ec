"""What GitHub's listing tells of runners: whose listener is away, whose registration is gone, whom nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from slipway.domain.findings import Facts, PoolFacts, What
from slipway.domain.reach import EVERYONE
from slipway.domain.reaping import MOST_SUSPECTS, find_stale, kind_of, suspicion
from slipway.domain.registrations import LISTED_AGAIN, OF_THE_LISTING, unknown_runners
from slipway.domain.runners import Registration, Runner, RunnerState
from tests.builders import NOW, a_configuration, a_profile, a_runner, a_snapshot, a_task_id, name_of

CONFIGURATION = a_configuration([a_profile(idle_timeout_seconds=7_200, job_timeout_seconds=7_200)])
OLD: dict[str, Any] = {"claimed_at": NOW - 181}


def listed(runner: Runner, **changes: Any) -> Registration:
    """The registration of a runner, online and idle unless it is said to be otherwise."""
    found = Registration(
        runner.runner_id or 0,
        name_of(runner),
        is_online=True,
        is_busy=False,
        reach=EVERYONE,
        task_id=runner.task_id,
    )
    return replace(found, **changes)


def reading(
    runner: Runner, registrations: Iterable[Registration] = (), *, runs: bool = True, **changes: Any
) -> Facts:
    pool = PoolFacts(
        a_snapshot(runners=(runner,)),
        frozenset([runner.task_id] if runs else []),
        instances={},
        registered={},
    )
    read: dict[str, Any] = {"listed": frozenset({EVERYONE}), **changes}
    return Facts(NOW, (pool,), tuple(registrations), **read)


def suspected(facts: Facts) -> list[str]:
    reaps, suspects = find_stale(facts, CONFIGURATION, {})
    assert reaps == []
    return [kind_of(key) for key in suspects]


def ripe(facts: Facts) -> list[tuple[What, str]]:
    """What is reaped at the second of two equal readings, a minute apart."""
    _, suspects = find_stale(facts, CONFIGURATION, {})
    reaps, _ = find_stale(facts, CONFIGURATION, dict.fromkeys(suspects, NOW - 60))
    return [(reap.what, reap.id) for reap in reaps]


def test_an_idle_runner_whose_listener_is_away_is_reaped_when_it_looks_so_twice() -> None:
    runner = a_runner(1, RunnerState.REGISTERED, **OLD)
    facts = reading(runner, [listed(runner, is_online=False)])
    assert suspected(facts) == [What.STUCK_RUNNER]
    assert ripe(facts) == [(What.STUCK_RUNNER, a_task_id(1))]


@pytest.mark.parametrize(
    ("state", "changes", "shown"),
    [
        (RunnerState.REGISTERED, {}, {}),
        (RunnerState.REGISTERED, {}, {"is_online": False, "is_busy": True}),
        (RunnerState.REGISTERED, {"claimed_at": NOW - 180}, {"is_online": False}),
        (RunnerState.BUSY, {}, {"is_online": False}),
    ],
    ids=["online", "busy at GitHub", "claimed a moment ago", "busy in the ledger"],
)
def test_no_other_listener_is_called_stuck(
    state: RunnerState, changes: dict[str, Any], shown: dict[str, Any]
) -> None:
    runner = a_runner(1, state, **{**OLD, **changes})
    assert suspected(reading(runner, [listed(runner, **shown)])) == []


def test_a_listener_whose_task_is_gone_is_not_stuck() -> None:
    runner = a_runner(1, RunnerState.REGISTERED, **OLD)
    facts = reading(runner, [listed(runner, is_online=False)], runs=False)
    assert suspected(facts) == [What.RUNNER_RECORD]


@pytest.mark.parametrize("state", [RunnerState.REGISTERED, RunnerState.BUSY])
def test_a_runner_that_github_no_longer_has_is_asked_after_when_it_looks_so_twice(state: RunnerState) -> None:
    facts = reading(a_runner(1, state, **OLD))
    assert suspected(facts) == [What.UNREGISTERED_RUNNER]
    assert ripe(facts) == [(What.UNREGISTERED_RUNNER, a_task_id(1))]


@pytest.mark.parametrize(
    ("state", "changes", "places"),
    [
        (RunnerState.BUSY, {"claimed_at": NOW - 180}, {EVERYONE}),
        (RunnerState.BUSY, {"runner_id": None}, {EVERYONE}),
        (RunnerState.STARTING, {}, {EVERYONE}),
        (RunnerState.BUSY, {}, {"globex"}),
        (RunnerState.BUSY, {}, set()),
    ],
    ids=["claimed a moment ago", "never answered", "never claimed", "elsewhere was read", "nothing was read"],
)
def test_only_a_whole_listing_of_its_place_tells_that_a_runner_is_gone(
    state: RunnerState, changes: dict[str, Any], places: set[str]
) -> None:
    runner = a_runner(1, state, **{**OLD, **changes})
    assert suspected(reading(runner, listed=frozenset(places))) == []


def test_the_listing_of_its_own_organization_is_enough() -> None:
    facts = reading(a_runner(1, RunnerState.BUSY, **OLD), listed=frozenset({"acme"}))
    assert suspected(facts) == [What.UNREGISTERED_RUNNER]


def test_a_run_without_a_listing_neither_lifts_nor_confirms_what_rests_on_one() -> None:
    doubts = {suspicion(what, "x"): NOW - 600 for what in (*OF_THE_LISTING, What.UNKNOWN_TASK)}
    silent = Facts(NOW, (PoolFacts(a_snapshot(), frozenset(), {}, {}),))
    reaps, kept = find_stale(silent, CONFIGURATION, doubts)
    assert reaps == []
    assert kept == {suspicion(what, "x"): NOW - 600 for what in OF_THE_LISTING}
    _, lifted = find_stale(replace(silent, listed=frozenset({EVERYONE})), CONFIGURATION, doubts)
    assert lifted == {}


def test_a_listing_of_one_place_says_nothing_of_what_is_doubted_in_another() -> None:
    here, there = (suspicion(What.REGISTRATION, "x", place) for place in ("acme/web", "globex/web"))
    doubts = {here: NOW - 600, there: NOW - 600}
    partial = Facts(NOW, (PoolFacts(a_snapshot(), frozenset(), {}, {}),), listed=frozenset({"acme/web"}))
    assert find_stale(partial, CONFIGURATION, doubts) == ([], {there: NOW - 600})


def test_what_is_doubted_where_nothing_is_listed_any_more_is_forgotten_in_the_end() -> None:
    silent = Facts(NOW, (PoolFacts(a_snapshot(), frozenset(), {}, {}),))
    doubts = {
        suspicion(What.REGISTRATION, name, "acme"): NOW - age for name, age in (("x", 7_199), ("y", 7_200))
    }
    assert list(find_stale(silent, CONFIGURATION, doubts)[1]) == [suspicion(What.REGISTRATION, "x", "acme")]


def test_of_very_many_ghosts_those_that_ripen_are_remembered_and_whatever_else_is_doubtful() -> None:
    runner = a_runner(0, RunnerState.STARTING)
    ghosts = [listed(a_runner(number)) for number in range(1, MOST_SUSPECTS + 100)]
    _, first = find_stale(reading(runner, ghosts), CONFIGURATION, {})
    assert len(first) == MOST_SUSPECTS
    later = replace(reading(runner, ghosts[::-1], runs=False), now=NOW + 60)
    reaps, kept = find_stale(later, CONFIGURATION, first)
    assert {suspicion(reap.what, reap.id, reap.reach) for reap in reaps} == set(first)
    assert suspicion(What.RUNNER_RECORD, runner.task_id) in kept
    assert len(kept) == MOST_SUSPECTS
    assert set(kept) < {*first, suspicion(What.RUNNER_RECORD, runner.task_id)}


def test_what_most_often_is_an_event_on_its_way_costs_no_listing_of_its_own() -> None:
    assert set(LISTED_AGAIN) == {What.REGISTRATION, What.STUCK_RUNNER}


def test_a_runner_past_its_idle_timeout_is_reaped_once_though_its_listener_is_away_too() -> None:
    runner = a_runner(1, RunnerState.REGISTERED, claimed_at=NOW - 9_000)
    assert ripe(reading(runner, [listed(runner, is_online=False)])) == [(What.IDLE_RUNNER, a_task_id(1))]


def test_unknown_are_strangers_in_our_groups_and_names_of_ours_without_a_task() -> None:
    known, unknown = a_runner(1, RunnerState.BUSY), a_runner(2, RunnerState.BUSY)
    stranger = Registration(7, "build-server-1", is_online=True, is_busy=True, reach=EVERYONE, group_id=3)
    facts = reading(known, [listed(known), listed(unknown, is_busy=True)], strangers=(stranger,))
    assert [found.name for found in unknown_runners(facts)] == ["build-server-1", name_of(unknown)]


def test_a_name_is_known_by_a_task_that_ecs_has_though_the_ledger_has_not() -> None:
    runner = a_runner(1, RunnerState.BUSY)
    facts = reading(runner, [listed(runner)])
    (pool,) = facts.pools
    ecs_alone = replace(facts, pools=(replace(pool, snapshot=a_snapshot()),))
    assert unknown_runners(ecs_alone) == []
    assert len(unknown_runners(replace(facts, pools=()))) == 1
