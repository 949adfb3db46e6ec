"""Which instances take no new work, and which may end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from slipway.domain.draining import (
    DISCONNECTED_SECONDS,
    arns_with_tasks,
    idle_marks,
    idle_to_drain,
    is_outdated,
    to_drain_first,
    to_end,
)
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.policy import Policy
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control, Snapshot
from tests.builders import (
    NOW,
    a_booting_instance,
    a_launch_intent,
    a_policy,
    a_run_intent,
    a_runner,
    a_snapshot,
    a_start_intent,
    a_stopped_instance,
    an_arn,
    an_instance,
)
from tests.strategies import Situation, of_pools, situations

IDLE_LONG = NOW - 300
A_DAY = 86_400
ON_I_1: dict[str, Any] = {"instance_arn": an_arn("i-1")}
EVERY = frozenset(f"i-{number}" for number in range(100))


def drained_first(snapshot: Snapshot, policy: Policy | None = None) -> tuple[str, ...]:
    return to_drain_first(snapshot, policy or a_policy(), arns_with_tasks(snapshot))


def drained_idle(
    snapshot: Snapshot, policy: Policy | None = None, untouched: frozenset[str] = EVERY
) -> tuple[str, ...]:
    return idle_to_drain(snapshot, policy or a_policy(), arns_with_tasks(snapshot), untouched)


def ended(snapshot: Snapshot) -> tuple[str, ...]:
    return to_end(snapshot, arns_with_tasks(snapshot))


def marked_idle(snapshot: Snapshot) -> dict[str, float | None]:
    return idle_marks(snapshot, arns_with_tasks(snapshot))


def a_draining_instance(name: str = "i-1", **changes: Any) -> Instance:
    return an_instance(name, **{"state": InstanceState.DRAINING, "draining_at": NOW - 60, **changes})


def cut_off(name: str = "i-1", seconds: float = DISCONNECTED_SECONDS) -> Instance:
    return an_instance(name, connected=False, disconnected_at=NOW - seconds)


@pytest.mark.parametrize(("seconds", "drains"), [(299, False), (300, True), (9_999, True)], ids=str)
def test_an_instance_drains_when_it_was_idle_for_the_pools_timeout(seconds: int, drains: bool) -> None:
    snapshot = a_snapshot(instances=(an_instance(idle_since=NOW - seconds),))
    assert drained_idle(snapshot) == (("i-1",) if drains else ())
    assert drained_idle(snapshot, a_policy(idle_timeout_seconds=10_000)) == ()


def test_an_instance_that_was_not_seen_idle_before_does_not_drain() -> None:
    assert drained_idle(a_snapshot(instances=(an_instance(launched_at=0.0),))) == ()


@pytest.mark.parametrize("state", RunnerState, ids=str)
def test_an_instance_with_a_task_does_not_drain_though_its_mark_says_idle(state: RunnerState) -> None:
    idle = an_instance(idle_since=IDLE_LONG)
    assert drained_idle(a_snapshot(instances=(idle,), runners=(a_runner(1, state, **ON_I_1),))) == ()


def test_an_instance_that_drains_already_is_not_drained_for_idling() -> None:
    assert drained_idle(a_snapshot(instances=(a_draining_instance(idle_since=IDLE_LONG),))) == ()


def test_an_idle_instance_on_which_the_plan_counts_does_not_drain() -> None:
    idle = (an_instance("i-1", idle_since=IDLE_LONG), an_instance("i-2", idle_since=IDLE_LONG))
    assert drained_idle(a_snapshot(instances=idle), untouched=frozenset({"i-2"})) == ("i-2",)


def test_no_idle_instance_drains_while_a_run_has_no_answer() -> None:
    idle = an_instance(idle_since=IDLE_LONG)
    assert drained_idle(a_snapshot(instances=(idle,), intents=(a_run_intent(),))) == ()
    others = (a_launch_intent(), a_start_intent("i-2"))
    assert drained_idle(a_snapshot(instances=(idle,), intents=others)) == ("i-1",)


def test_the_instance_that_was_idle_longest_drains_first() -> None:
    idle = (
        an_instance("i-1", idle_since=IDLE_LONG),
        an_instance("i-2", idle_since=NOW - 999),
        an_instance("i-3", idle_since=IDLE_LONG),
    )
    assert drained_idle(a_snapshot(instances=idle)) == ("i-2", "i-1", "i-3")


@pytest.mark.parametrize("control", Control, ids=str)
def test_only_a_drain_order_drains_every_instance_that_takes_tasks(control: Control) -> None:
    snapshot = a_snapshot(
        instances=(
            an_instance("i-1"),
            an_instance("i-3", idle_since=NOW - 1),
            an_instance("i-5", idle_since=NOW - 99, connected=False),
            a_booting_instance("i-2"),
            a_draining_instance("i-4"),
            a_stopped_instance("i-6"),
        ),
        runners=(a_runner(1, RunnerState.BUSY, **ON_I_1),),
        intents=(a_run_intent(),),
        control=control,
    )
    assert drained_first(snapshot) == (("i-5", "i-3", "i-1") if control is Control.DRAIN else ())


def test_an_instance_that_ec2_takes_away_is_drained_with_its_tasks() -> None:
    hosts = (an_instance("i-1", lost_at=NOW - 5), an_instance("i-2"))
    assert drained_first(a_snapshot(instances=hosts, runners=(a_runner(**ON_I_1),))) == ("i-1",)


def test_an_exclusive_instance_drains_as_soon_as_it_holds_a_task_whatever_is_under_way() -> None:
    """Else another task could land there between the task's end and the instance's [ECS-DRAIN-RACE]."""
    snapshot = a_snapshot(
        instances=(an_instance("i-1"), an_instance("i-2")),
        runners=(a_runner(**ON_I_1),),
        intents=(a_run_intent(),),
    )
    assert drained_first(snapshot, a_policy(exclusive=True)) == ("i-1",)
    assert drained_first(snapshot) == ()


@pytest.mark.parametrize(
    ("instance", "drains"),
    [
        (cut_off(seconds=DISCONNECTED_SECONDS), True),
        (cut_off(seconds=DISCONNECTED_SECONDS - 1), False),
        (an_instance(connected=True, disconnected_at=NOW - 9_999), False),
    ],
    ids=["away too long", "away for a while", "back"],
)
def test_an_empty_instance_whose_agent_stays_away_is_drained(instance: Instance, drains: bool) -> None:
    assert drained_first(a_snapshot(instances=(instance,))) == (("i-1",) if drains else ())


def test_an_instance_with_a_task_is_left_alone_though_its_agent_stays_away() -> None:
    snapshot = a_snapshot(instances=(cut_off(),), runners=(a_runner(1, RunnerState.BUSY, **ON_I_1),))
    assert drained_first(snapshot) == ()


def old(number: int, **changes: Any) -> Instance:
    return an_instance(f"i-{number}", **{"launched_at": NOW - A_DAY - 100 + number, **changes})


@pytest.mark.parametrize(
    ("changes", "version", "drains"),
    [
        ({"launched_at": NOW - A_DAY}, None, True),
        ({"launched_at": NOW - A_DAY + 1}, None, False),
        ({"template_version": 3}, 4, True),
        ({"template_version": 4}, 4, False),
        ({"template_version": 5}, 4, False),
        ({"template_version": None}, 4, False),
        ({"template_version": 3}, None, False),
    ],
    ids=[
        "old",
        "not yet old",
        "older template",
        "same",
        "newer",
        "made of who knows what",
        "nobody knows the newest",
    ],
)
def test_an_instance_is_replaced_for_its_age_or_for_a_newer_launch_template(
    changes: dict[str, Any], version: int | None, drains: bool
) -> None:
    instance = an_instance(**changes)
    snapshot = a_snapshot(instances=(instance,), template_version=version)
    assert drained_first(snapshot) == (("i-1",) if drains else ())
    assert is_outdated(instance, snapshot) is (drains and version is not None)


@pytest.mark.parametrize(("ready", "at_a_time"), [(1, 1), (9, 1), (19, 1), (20, 2), (35, 3)], ids=str)
def test_at_most_a_tenth_of_the_hosts_and_at_least_one_is_drained_for_age_at_a_time(
    ready: int, at_a_time: int
) -> None:
    snapshot = a_snapshot(instances=tuple(old(number) for number in range(ready)))
    assert drained_first(snapshot) == tuple(f"i-{number}" for number in range(at_a_time))


def test_the_next_is_drained_for_age_only_when_the_one_before_is_gone() -> None:
    going = a_draining_instance("i-0", launched_at=NOW - A_DAY)
    assert drained_first(a_snapshot(instances=(going, old(1)))) == ()
    young = a_draining_instance("i-0")  # idle, say
    assert drained_first(a_snapshot(instances=(young, old(1)))) == ("i-1",)


def test_empty_instances_are_replaced_before_those_with_tasks_and_the_oldest_first() -> None:
    snapshot = a_snapshot(
        instances=(old(1), old(3), old(2)), runners=(a_runner(1, RunnerState.BUSY, **ON_I_1),)
    )
    assert drained_first(snapshot) == ("i-2",)
    snapshot = a_snapshot(instances=(old(1),), runners=snapshot.runners)
    assert drained_first(snapshot) == ("i-1",)


def test_what_must_drain_at_once_does_not_wait_for_what_drains_for_its_age() -> None:
    hosts = tuple(cut_off(f"i-{number}") for number in range(5))
    snapshot = a_snapshot(instances=(*hosts, a_draining_instance("i-9", launched_at=0.0), old(8)))
    assert drained_first(snapshot) == ("i-0", "i-1", "i-2", "i-3", "i-4")


def test_an_old_instance_whose_agent_stays_away_is_drained_once() -> None:
    lost = old(1, connected=False, disconnected_at=NOW - 9_999)
    assert drained_first(a_snapshot(instances=(lost,))) == ("i-1",)


def test_a_draining_instance_that_never_registered_ends_whatever_tasks_have_no_host_yet() -> None:
    never = a_draining_instance(arn=None, connected=False)
    assert ended(a_snapshot(instances=(never,), runners=(a_runner(instance_arn=None),))) == ("i-1",)


def test_a_draining_instance_without_tasks_ends() -> None:
    assert ended(a_snapshot(instances=(a_draining_instance(),))) == ("i-1",)


def test_an_instance_that_did_not_drain_never_ends() -> None:
    others = (an_instance("i-1", idle_since=0.0), a_booting_instance("i-2"), a_stopped_instance("i-3"))
    assert ended(a_snapshot(instances=others)) == ()


@pytest.mark.parametrize("state", RunnerState, ids=str)
def test_no_instance_ends_under_a_task(state: RunnerState) -> None:
    snapshot = a_snapshot(instances=(a_draining_instance(),), runners=(a_runner(1, state, **ON_I_1),))
    assert ended(snapshot) == ()


@of_pools
@given(situations())
def test_whatever_ends_drained_before_and_holds_no_task(situation: Situation) -> None:
    snapshot = situation.snapshot
    known = {instance.instance_id: instance for instance in snapshot.instances}
    held = {runner.instance_arn for runner in snapshot.runners}
    for name in ended(snapshot):
        assert known[name].state is InstanceState.DRAINING
        assert known[name].arn not in held


def test_no_instance_ends_while_a_run_has_no_answer() -> None:
    draining = (a_draining_instance(),)
    assert ended(a_snapshot(instances=draining, intents=(a_run_intent(),))) == ()
    assert ended(a_snapshot(instances=draining, intents=(a_launch_intent(),))) == ("i-1",)


def test_tasks_of_another_instance_keep_none_alive() -> None:
    snapshot = a_snapshot(instances=(a_draining_instance(),), runners=(a_runner(instance_arn=an_arn("i-9")),))
    assert ended(snapshot) == ("i-1",)


def test_an_instance_is_marked_idle_when_it_holds_no_task_and_again_when_it_does() -> None:
    instances = (an_instance("i-1", idle_since=IDLE_LONG), an_instance("i-2"), an_instance("i-3"))
    runners = (a_runner(1, **ON_I_1), a_runner(2, instance_arn=an_arn("i-3")))
    assert marked_idle(a_snapshot(instances=instances, runners=runners)) == {"i-1": None, "i-2": NOW}


def test_a_mark_that_still_holds_is_not_written_again() -> None:
    assert marked_idle(a_snapshot(instances=(an_instance(idle_since=IDLE_LONG),))) == {}


def test_instances_that_boot_drain_or_are_stopped_are_not_idle() -> None:
    others = (a_booting_instance("i-1"), a_draining_instance("i-2"), a_stopped_instance("i-3"))
    assert marked_idle(a_snapshot(instances=others)) == {}
