"""A place that is on offer to another job is free once that offer is withdrawn: the pool is planned again at once."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from slipway.domain.plan import Plan
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Snapshot
from slipway.ports.offers import Published
from slipway.services.applied import Applied
from slipway.services.converge import Converge
from tests.builders import NOW, SHAPE, a_configuration, a_profile, a_runner, a_snapshot, several_jobs

POOL = "general"


def converged(failure: tuple[Exception, ...] = ()) -> list[list[int]]:
    """Converge a pool in which the idle runner covers the job on offer; return which jobs each plan offered."""
    covered, other = several_jobs(2)
    on_offer = {(covered.key, None)}
    ledger = Mock()
    ledger.rows.acquire.return_value = wanted = 1
    ledger.offers.read.side_effect = lambda _pool: Mock(jobs=frozenset(on_offer))
    ledger.snapshots.read.return_value = a_snapshot(
        jobs=(covered, other), runners=(a_runner(1, RunnerState.REGISTERED), a_runner(2))
    )
    ledger.rows.release.side_effect = lambda *_, seen, **__: (
        wanted + ledger.rows.want.call_count if ledger.rows.want.call_count >= seen else None
    )
    offered: list[list[int]] = []

    def apply(decided: Plan, _snapshot: Snapshot, _published: Published) -> Applied:
        offered.append([job.key.job_id for job in decided.offers.get(SHAPE, ())])
        if not failure:
            on_offer.clear()
        return Applied(errors=failure)

    carry_out = Mock(side_effect=apply)
    carry_out.settle.return_value, carry_out.remember.return_value = Applied(), ()
    configuration = a_configuration([a_profile(max_runners_per_repository=2)])
    clock = Mock(now=Mock(return_value=NOW))
    converge = Converge(configuration, ledger, carry_out, Mock(), clock, lease_seconds=120)
    converge(POOL, "holder", has_time=lambda: True)
    return offered


def test_the_next_round_offers_what_the_last_one_withheld() -> None:
    assert converged() == [[], [2]]


@pytest.mark.parametrize("fault", [RuntimeError("the offers could not be withdrawn")])
def test_where_the_offers_could_not_be_withdrawn_the_retry_is_no_sooner_than_of_any_fault(
    fault: Exception,
) -> None:
    assert converged((fault,)) == [[]]
