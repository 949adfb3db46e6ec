"""What holds jobs up is remembered after the plan is applied, and nothing of it changes what is done."""

from __future__ import annotations

from slipway.domain.errors import UnavailableError
from slipway.domain.reasons import Why
from slipway.domain.snapshot import Control
from tests.builders import NOW, POOL
from tests.contract.ledger_cases import ROUTE, an_event
from tests.support.converging import Stage

AWAY = UnavailableError("the table is away")


def stage(control: Control) -> Stage:
    """A pool with one job that waits for an operator, or else for an instance."""
    found = Stage()
    found.ledger.jobs.record(an_event(), ROUTE)
    found.ledger.notes.order(POOL, control)
    return found


def test_it_is_written_down_after_the_plan_is_applied_and_before_the_pool_is_let_go() -> None:
    """No start waits for it, and no other holder reads the pool without it."""
    found = stage(Control.RUN)
    found.converge()
    order = [found.calls.made.index(name) for name in ("ask", "jobs.note_held", "rows.release")]
    assert order == sorted(order)
    [job] = found.ledger.snapshots.read(POOL, NOW).jobs
    [chapter] = job.held
    assert (chapter.why, chapter.since) == (Why.INSTANCE_STARTING, NOW)


def test_what_could_not_be_written_is_told_and_is_no_reason_to_converge_again() -> None:
    found = stage(Control.PAUSE)
    found.calls.faults["jobs.note_held"] = AWAY
    done = found.converge()
    assert done.errors == (AWAY,)
    assert done.plans == stage(Control.PAUSE).converge().plans
    assert found.wakeups.delays == []
    assert "rows.want" not in found.calls.made
