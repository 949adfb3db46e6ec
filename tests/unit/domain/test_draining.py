"""Which instances take no new work, and which may end."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.domain.configuration import Pool
from slipway.domain.draining import idle_marks, to_drain, to_end
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control, Snapshot
from tests.builders import (
    NOW,
    a_booting_instance,
    a_launch_intent,
    a_pool,
    a_run_intent,
    a_runner,
    a_snapshot,
    an_arn,
    an_instance,
)

IDLE_LONG = NOW - 300
ON_I_1: dict[str, Any] = {"instance_arn": an_arn("i-1")}


def drained(snapshot: Snapshot, pool: Pool | None = None, *, starts_tasks: bool = False) -> tuple[str, ...]:
    return to_drain(snapshot, pool or a_pool(), starts_tasks=starts_tasks)


def a_draining_instance(name: str = "i-1", **changes: object) -> Instance:
    return an_instance(name, state=InstanceState.DRAINING, draining_at=NOW - 60, **changes)


@pytest.mark.parametrize(("seconds", "drains"), [(299, False), (300, True), (9_999, True)])
def test_an_instance_drains_when_it_was_idle_for_the_pools_timeout(seconds: int, drains: bool) -> None:
    snapshot = a_snapshot(instances=(an_instance(idle_since=NOW - seconds),))
    assert drained(snapshot) == (("i-1",) if drains else ())


def test_an_instance_that_was_not_seen_idle_before_does_not_drain() -> None:
    assert drained(a_snapshot(instances=(an_instance(launched_at=0.0),))) == ()


@pytest.mark.parametrize("state", RunnerState, ids=str)
def test_an_instance_with_a_task_does_not_drain_though_its_mark_says_idle(state: RunnerState) -> None:
    snapshot = a_snapshot(
        instances=(an_instance(idle_since=IDLE_LONG),), runners=(a_runner(1, state, **ON_I_1),)
    )
    assert drained(snapshot) == ()


def test_no_idle_instance_drains_while_tasks_are_started() -> None:
    assert drained(a_snapshot(instances=(an_instance(idle_since=IDLE_LONG),)), starts_tasks=True) == ()


def test_no_idle_instance_drains_while_a_run_has_no_answer() -> None:
    idle = an_instance(idle_since=IDLE_LONG)
    assert drained(a_snapshot(instances=(idle,), intents=(a_run_intent(),))) == ()
    assert drained(a_snapshot(instances=(idle,), intents=(a_launch_intent(),))) == ("i-1",)


def test_an_idle_instance_that_lost_its_agent_drains_too() -> None:
    snapshot = a_snapshot(instances=(an_instance(connected=False, idle_since=IDLE_LONG),))
    assert drained(snapshot) == ("i-1",)


def test_an_exclusive_instance_drains_as_soon_as_it_holds_a_task_whatever_is_under_way() -> None:
    """Else another task could land there between the task's end and the instance's [ECS-DRAIN-RACE]."""
    snapshot = a_snapshot(
        instances=(an_instance("i-1"), an_instance("i-2")),
        runners=(a_runner(**ON_I_1),),
        intents=(a_run_intent(),),
    )
    assert drained(snapshot, a_pool(exclusive=True), starts_tasks=True) == ("i-1",)


def test_a_drain_order_drains_every_instance_that_takes_tasks() -> None:
    snapshot = a_snapshot(
        instances=(
            an_instance("i-3"),
            an_instance("i-1"),
            a_booting_instance("i-2"),
            a_draining_instance("i-4"),
        ),
        runners=(a_runner(1, RunnerState.BUSY, **ON_I_1),),
        control=Control.DRAIN,
    )
    assert drained(snapshot) == ("i-1", "i-3")


def test_a_pause_drains_idle_instances_only() -> None:
    snapshot = a_snapshot(
        instances=(an_instance("i-1"), an_instance("i-2", idle_since=IDLE_LONG)), control=Control.PAUSE
    )
    assert drained(snapshot) == ("i-2",)


def test_a_draining_instance_without_tasks_ends() -> None:
    assert to_end(a_snapshot(instances=(a_draining_instance(),))) == ("i-1",)


def test_an_instance_that_did_not_drain_never_ends() -> None:
    others = (an_instance("i-1", idle_since=0.0), a_booting_instance("i-2"))
    assert to_end(a_snapshot(instances=others)) == ()


@pytest.mark.parametrize("state", RunnerState, ids=str)
def test_no_instance_ends_under_a_task(state: RunnerState) -> None:
    snapshot = a_snapshot(instances=(a_draining_instance(),), runners=(a_runner(1, state, **ON_I_1),))
    assert to_end(snapshot) == ()


def test_no_instance_ends_while_a_run_has_no_answer() -> None:
    draining = (a_draining_instance(),)
    assert to_end(a_snapshot(instances=draining, intents=(a_run_intent(),))) == ()
    assert to_end(a_snapshot(instances=draining, intents=(a_launch_intent(),))) == ("i-1",)


def test_tasks_of_another_instance_keep_none_alive() -> None:
    snapshot = a_snapshot(instances=(a_draining_instance(),), runners=(a_runner(instance_arn=an_arn("i-9")),))
    assert to_end(snapshot) == ("i-1",)


def test_an_instance_is_marked_idle_when_it_holds_no_task_and_again_when_it_does() -> None:
    instances = (an_instance("i-1", idle_since=IDLE_LONG), an_instance("i-2"), an_instance("i-3"))
    runners = (a_runner(1, **ON_I_1), a_runner(2, instance_arn=an_arn("i-3")))
    assert idle_marks(a_snapshot(instances=instances, runners=runners)) == {"i-1": None, "i-2": NOW}


def test_a_mark_that_still_holds_is_not_written_again() -> None:
    assert idle_marks(a_snapshot(instances=(an_instance(idle_since=IDLE_LONG),))) == {}


def test_instances_that_boot_or_drain_are_not_idle() -> None:
    others = (a_booting_instance("i-1"), a_draining_instance("i-2"))
    assert idle_marks(a_snapshot(instances=others)) == {}
