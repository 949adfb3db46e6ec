"""A convergence lets its pool rest only when everything that it did went well."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from slipway.domain.plan import Plan
from slipway.domain.snapshot import Snapshot
from slipway.ports.offers import Published
from slipway.services.applied import Applied
from tests.builders import POOL, a_launch_intent
from tests.support.converging import Stage

DISTURBED = {
    "an error": Applied(errors=(RuntimeError("it broke"),)),
    "something to try again": Applied(should_retry=True),
    "a plan cut short": Applied(is_cut_short=True),
}


@dataclass
class Outcome:
    """In place of ``Apply``: what came of carrying a plan out, and of settling intents."""

    applied: Applied
    settled: Applied

    def __call__(self, _plan: Plan, _snapshot: Snapshot, _published: Published) -> Applied:
        return self.applied

    def settle(self, _intents: object) -> Applied:
        return self.settled

    def remember(self, _plan: Plan, _snapshot: Snapshot) -> tuple[Exception, ...]:
        return ()


def rested(applied: Applied, *, settled: Applied | None = None) -> bool:
    """Converge a pool without work, or with an intent to settle; say whether it was let go to rest."""
    stage = Stage(apply=Outcome(applied, settled or Applied()))
    if settled is not None:
        stage.ledger.intents.write(a_launch_intent())
    stage.converge()
    return stage.ledger.rows.want(POOL)


@pytest.mark.parametrize("settled", [None, Applied()], ids=["nothing to settle", "an intent settled"])
def test_a_pool_without_work_rests_when_all_went_well(settled: Applied | None) -> None:
    assert rested(Applied(), settled=settled)


@pytest.mark.parametrize("applied", DISTURBED.values(), ids=DISTURBED)
def test_a_pool_does_not_rest_when_its_plan_was_not_carried_out(applied: Applied) -> None:
    """What is still to be done shows in no plan's reasons, and calm news would leave it to the next tick."""
    assert not rested(applied)


@pytest.mark.parametrize("settled", DISTURBED.values(), ids=DISTURBED)
def test_nor_when_an_intent_could_not_be_settled(settled: Applied) -> None:
    assert not rested(Applied(), settled=settled)
