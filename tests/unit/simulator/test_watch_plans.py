"""What chaos sees in plans: who holds less and is passed over, unless GitHub refuses its runners."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from local.memory_ledger import MemoryStore
from local.simulator.chaos.watch_plans import PASSED_OVER, WatchedPlans
from local.twin.clock import VirtualClock
from slipway.adapters.ledger.items import keyed, pool_key, runner_key, shape_to, waiting_key
from slipway.adapters.ledger.notes import GITHUB
from slipway.domain.jobs import JobKey
from slipway.domain.plan import Plan
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import runner_name
from slipway.services.claim import REFUSED_NOTE_SECONDS
from slipway.services.converge import Converged
from tests.builders import NOW, POOL, SHAPE, a_configuration, a_task_id

JOB = JobKey("modest", 1, 1)


def passed_over(noted_seconds_ago: float | None) -> list[str]:
    """Return what is told when greedy gets runner after runner, and modest none, which GitHub refused some time ago."""
    store, configuration = MemoryStore(), a_configuration()
    waiting, shape = waiting_key(POOL, JOB), shape_to(SHAPE)
    facts = {"key": str(JOB), "organization": "modest", "repository": "modest/one", "shape": shape}
    store.put(waiting, keyed(waiting, facts))
    if noted_seconds_ago is not None:
        note, until = pool_key(POOL, f"{GITHUB}#modest"), NOW - noted_seconds_ago + REFUSED_NOTE_SECONDS
        store.put(note, keyed(note, {"until": until, "why": "the group is gone"}))
    registered: dict[int, Any] = {}
    world = SimpleNamespace(
        store=store,
        clock=VirtualClock(NOW),
        github=SimpleNamespace(registry=SimpleNamespace(by_id=registered)),
        loop=SimpleNamespace(),
    )
    storm = SimpleNamespace(world=world, recipe=SimpleNamespace(configuration=configuration), is_over=False)
    told: list[str] = []
    watched = WatchedPlans(cast("Any", storm), lambda _key, what: told.append(what), lambda _plan: None)
    watched.begin()
    world.loop.converged(Converged(POOL, (Plan(reasons={JOB: Reason(Why.POOL_LIMIT)}),)))
    for number in range(1, PASSED_OVER + 4):
        task_id = a_task_id(number)
        store.put(runner_key(POOL, task_id), {"organization": "greedy", "shape": shape})
        registered[number] = SimpleNamespace(name=runner_name("slipway", SHAPE.profile, task_id))
        watched.registered(registered[number])
    return told


@pytest.mark.parametrize("noted_seconds_ago", [None, REFUSED_NOTE_SECONDS + 1.0, 3_600.0])
def test_who_holds_nothing_is_not_passed_over_again_and_again(noted_seconds_ago: float | None) -> None:
    assert passed_over(noted_seconds_ago)


def test_whom_github_refuses_is_passed_over_by_nobody() -> None:
    assert passed_over(REFUSED_NOTE_SECONDS / 2) == []
