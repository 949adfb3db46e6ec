"""A place that is on offer to another job is free once that offer is withdrawn: the pool is planned again at once."""

from __future__ import annotations

from slipway.domain.errors import UnavailableError
from slipway.domain.plan import Plan
from slipway.domain.runners import RunnerState
from tests.builders import NOW, POOL, SHAPE, a_configuration, a_profile, a_runner, an_instance
from tests.contract.ledger_cases import ROUTE, an_event
from tests.support.converging import Stage

AWAY = UnavailableError("it is away")


def stage() -> Stage:
    """A pool in which the idle runner covers the job on offer, and another waits for the place; one host is idle."""
    found = Stage(a_configuration([a_profile(max_runners_per_repository=2)]))
    ledger = found.ledger
    ledger.jobs.record(an_event(number=1), ROUTE)
    ledger.offers.read(POOL).replace({SHAPE: ledger.snapshots.read(POOL, NOW).jobs})
    ledger.jobs.record(an_event(number=2, created_at=NOW - 4), ROUTE)
    ledger.runners.add([a_runner(1, RunnerState.REGISTERED), a_runner(2)])
    ledger.instances.add([an_instance(idle_since=NOW - 3_600)])
    return found


def offered(plans: tuple[Plan, ...]) -> list[list[int]]:
    return [[job.key.job_id for job in plan.offers.get(SHAPE, ())] for plan in plans]


def test_the_next_round_offers_what_the_last_one_withheld() -> None:
    assert offered(stage().converge().plans) == [[], [2]]


def test_so_it_does_where_something_else_than_the_withdrawal_failed() -> None:
    found = stage()
    found.calls.faults["drain"] = AWAY
    done = found.converge()
    assert set(done.errors) == {AWAY}
    assert offered(done.plans) == [[], [2]]


def test_where_the_offers_could_not_be_withdrawn_the_retry_is_no_sooner_than_of_any_fault() -> None:
    found = stage()
    found.calls.faults["published.replace"] = AWAY
    done = found.converge()
    assert done.errors == (AWAY,)
    assert offered(done.plans) == [[]]
    assert found.wakeups.delays == [1]
