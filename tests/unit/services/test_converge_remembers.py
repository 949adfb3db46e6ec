"""What holds jobs up is remembered after the plan is applied, and nothing of it changes what is done."""

from __future__ import annotations

from unittest.mock import Mock

from slipway.domain.errors import UnavailableError
from slipway.domain.reasons import Why
from slipway.domain.snapshot import Control
from slipway.services.applied import Applied
from slipway.services.apply import Apply
from slipway.services.converge import Converge, Converged
from tests.builders import NOW, POOL, a_configuration, a_job, a_snapshot

AWAY = UnavailableError("the table is away")


def converged(fault: Exception | None = None, *, control: Control = Control.PAUSE) -> tuple[Converged, Mock]:
    """Converge a pool with one job that waits for an operator, or else for an instance."""
    world = Mock()
    world.ledger.rows.acquire.return_value, world.ledger.rows.release.return_value = 1, None
    world.ledger.snapshots.read.return_value = a_snapshot(jobs=(a_job(),), control=control)
    world.ledger.offers.read.return_value.jobs = frozenset()
    world.ledger.jobs.note_held.side_effect = fault
    for write in (
        world.ledger.jobs.note_held,
        world.ledger.instances.mark_idle,
        world.ledger.offers.read().replace,
    ):
        write.return_value = None
    world.act.settle.return_value = world.act.return_value = Applied()
    clock = Mock(now=Mock(return_value=NOW))
    configuration = a_configuration()
    apply = Apply(configuration, world.ledger, world.act, world.end, clock)
    converge = Converge(configuration, world.ledger, apply, world.wakeups, clock, lease_seconds=120)
    return converge(POOL, "holder", has_time=lambda: True), world


def test_it_is_written_down_after_the_plan_is_applied_and_before_the_pool_is_let_go() -> None:
    """No start waits for it, and no other holder reads the pool without it."""
    _, world = converged(control=Control.RUN)
    names = [name for name, *_ in world.mock_calls]
    order = [names.index(name) for name in ("act", "ledger.jobs.note_held", "ledger.rows.release")]
    assert order == sorted(order)
    pool, key, [chapter] = world.ledger.jobs.note_held.call_args.args
    assert (pool, key, chapter.why, chapter.since) == (POOL, a_job().key, Why.INSTANCE_STARTING, NOW)


def test_what_could_not_be_written_is_told_and_is_no_reason_to_converge_again() -> None:
    done, world = converged(AWAY)
    assert done.errors == (AWAY,)
    assert done.plans == converged()[0].plans
    assert not world.wakeups.mock_calls
    assert not world.ledger.rows.want.called
