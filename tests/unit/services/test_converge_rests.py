"""A convergence lets its pool rest only when everything that it did went well."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from slipway.services.applied import Applied
from slipway.services.converge import Converge
from tests.builders import NOW, a_configuration, a_launch_intent, a_snapshot

POOL = "general"
DISTURBED = {
    "an error": Applied(errors=(RuntimeError("it broke"),)),
    "something to try again": Applied(should_retry=True),
    "a plan cut short": Applied(is_cut_short=True),
}


def rested(applied: Applied, *, settled: Applied | None = None) -> Any:
    """Converge a pool without work; return whether it was let go to rest."""
    ledger, apply = Mock(), Mock(return_value=applied)
    ledger.rows.acquire.return_value, ledger.rows.release.return_value = 1, None
    ledger.snapshots.read.return_value = a_snapshot(intents=() if settled is None else (a_launch_intent(),))
    apply.settle.return_value, apply.remember.return_value = settled or Applied(), ()
    ledger.offers.read.return_value.jobs = frozenset()
    clock = Mock(now=Mock(return_value=NOW))
    converge = Converge(a_configuration(), ledger, apply, Mock(), clock, lease_seconds=120)
    converge(POOL, "holder", has_time=lambda: True)
    return ledger.rows.release.call_args.kwargs["rests"]


def test_a_pool_without_work_rests_when_all_went_well() -> None:
    assert rested(Applied()) is True


@pytest.mark.parametrize("applied", DISTURBED.values(), ids=DISTURBED)
def test_a_pool_does_not_rest_when_its_plan_was_not_carried_out(applied: Applied) -> None:
    """What is still to be done shows in no plan's reasons, and calm news would leave it to the next tick."""
    assert rested(applied) is False


@pytest.mark.parametrize("settled", DISTURBED.values(), ids=DISTURBED)
def test_nor_when_an_intent_could_not_be_settled(settled: Applied) -> None:
    assert rested(Applied(), settled=settled) is False
