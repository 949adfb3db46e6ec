"""What the ledger's ``PoolRows`` and ``Intents`` must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from slipway.domain.errors import UnknownOutcomeError
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from slipway.ports.ledger import PoolRows
from tests.builders import NOW, POOL, SHAPE, a_launch_intent, a_run_intent, a_start_intent
from tests.contract.ledger_cases import Case

UNTIL = NOW + 120


def take(rows: PoolRows, holder: str = "one", now: float = NOW) -> int | None:
    return rows.acquire(POOL, holder, now=now, until=now + 120)


def test_a_pool_that_nobody_holds_is_taken_and_tells_what_is_wanted(case: Case) -> None:
    rows = case.ledger.rows
    assert take(rows) == 0
    assert rows.release(POOL, "one", seen=0) is None
    for _ in range(3):
        rows.want(POOL)
    assert take(rows) == 3


def test_a_held_pool_is_not_given_to_another(case: Case) -> None:
    assert take(case.ledger.rows) == 0
    assert take(case.another().rows, "two") is None
    assert case.ledger.rows.acquire("another-pool", "two", now=NOW, until=UNTIL) == 0


def test_a_pool_is_taken_again_by_its_holder_who_did_not_hear_that_it_was_taken(twin_case: Case) -> None:
    rows = twin_case.ledger.rows
    rows.want(POOL)
    with twin_case.aws.lock:
        twin_case.aws.account.faults.next_error("dynamodb", "UpdateItem", "LostReply", after_success=True)
    with pytest.raises(UnknownOutcomeError):
        take(rows)
    assert take(rows, now=NOW + 1) == 1
    assert take(rows, "two", now=UNTIL + 1) is None
    assert rows.release(POOL, "one", seen=1) is None
    assert take(rows, "two") == 1


def test_of_twenty_at_once_one_holds_the_pool(shared_case: Case) -> None:
    with ThreadPoolExecutor(20) as holders:
        taken = list(holders.map(lambda number: take(shared_case.ledger.rows, f"holder-{number}"), range(20)))
    assert sorted(taken, key=str) == [0] + [None] * 19


def test_a_lease_that_ran_out_is_taken_over_and_its_old_holder_lets_go_of_nothing(case: Case) -> None:
    rows = case.ledger.rows
    rows.want(POOL)
    assert take(rows, "one") == 1
    assert take(rows, "two", now=UNTIL) is None
    assert take(rows, "two", now=UNTIL + 0.5) == 1
    assert rows.release(POOL, "one", seen=1) is None
    rows.abandon(POOL, "one")
    assert take(rows, "three", now=UNTIL + 1) is None
    assert rows.release(POOL, "two", seen=1) is None
    assert take(rows, "three", now=UNTIL + 1) == 1


def test_what_came_while_the_pool_was_held_keeps_it_held_for_another_round(case: Case) -> None:
    rows = case.ledger.rows
    rows.want(POOL)
    assert take(rows) == 1
    rows.want(POOL)
    rows.want(POOL)
    assert rows.release(POOL, "one", seen=1) == 3
    assert take(rows, "two") is None
    assert rows.release(POOL, "one", seen=3) is None
    assert take(rows, "two") == 3


def test_the_first_want_of_all_is_seen_when_it_comes_while_the_pool_is_held(case: Case) -> None:
    assert take(case.ledger.rows) == 0
    case.ledger.rows.want(POOL)
    assert case.ledger.rows.release(POOL, "one", seen=0) == 1


def test_an_abandoned_pool_is_free_and_what_is_wanted_stays(case: Case) -> None:
    case.ledger.rows.want(POOL)
    take(case.ledger.rows)
    case.ledger.rows.abandon(POOL, "one")
    case.ledger.rows.abandon(POOL, "one")
    assert take(case.ledger.rows, "two") == 1


def test_a_pool_rests_only_after_a_release_that_says_so(case: Case) -> None:
    rows = case.ledger.rows
    assert not rows.want(POOL)
    assert take(rows) == 1
    assert rows.release(POOL, "one", seen=1, rests=True) is None
    assert rows.want(POOL)
    assert case.another().rows.want(POOL)
    assert not rows.want("another-pool")
    assert take(rows) == 3
    assert rows.release(POOL, "one", seen=3) is None
    assert not rows.want(POOL)


def test_a_pool_does_not_rest_while_it_is_held_nor_after_whoever_held_it_gave_up(case: Case) -> None:
    rows = case.ledger.rows
    assert take(rows) == 0
    assert rows.release(POOL, "one", seen=0, rests=True) is None
    assert take(rows, "two") == 0
    assert not rows.want(POOL)
    rows.abandon(POOL, "two")
    assert not rows.want(POOL)


def test_a_pool_that_was_taken_over_does_not_rest_because_its_old_holder_says_so(case: Case) -> None:
    rows = case.ledger.rows
    assert take(rows, "one") == 0
    assert take(rows, "two", now=UNTIL + 1) == 0
    assert rows.release(POOL, "one", seen=0, rests=True) is None
    assert rows.release(POOL, "two", seen=0) is None
    assert not rows.want(POOL)


def test_a_pool_does_not_rest_when_something_came_while_it_was_held(case: Case) -> None:
    rows = case.ledger.rows
    assert take(rows) == 0
    rows.want(POOL)
    assert rows.release(POOL, "one", seen=0, rests=True) == 1
    assert not rows.want(POOL)


def test_no_want_is_ever_forgotten_between_holders_that_race(shared_case: Case) -> None:
    """Every want is seen by a convergence that was acquired, or went round again, after it."""
    rows, seen = shared_case.ledger.rows, []

    def want_and_converge(number: int) -> None:
        rows.want(POOL)
        wanted = take(rows, f"holder-{number}")
        while wanted is not None:
            seen.append(wanted)
            wanted = rows.release(POOL, f"holder-{number}", seen=wanted)

    with ThreadPoolExecutor(12) as invocations:
        list(invocations.map(want_and_converge, range(24)))
    assert max(seen) == 24
    assert take(rows, "last") == 24


def test_intents_come_back_as_they_were_written_until_they_are_settled(case: Case) -> None:
    load = ((SHAPE, 2), (Shape("gpu", Resources(4096, 15_000, 1)), 1))
    run = a_run_intent(10, exclusive=True, avoid=("i-7",))
    launch = a_launch_intent(3, loads=((load, 2), ((), 1)), for_stopped_tier=True)
    start = replace(a_start_intent("i-8", "i-9", load=load), awaited_until=NOW + 20.0)
    for intent in (run, run, launch, start):
        case.ledger.intents.write(intent)
    assert set(case.snapshot().intents) == {run, launch, start}
    case.ledger.intents.settle(run)
    case.ledger.intents.settle(run)
    assert set(case.snapshot().intents) == {launch, start}
    case.ledger.intents.settle(launch)
    case.ledger.intents.settle(start)
    assert case.items() == []
