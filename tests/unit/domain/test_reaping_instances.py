"""Instances that outlived their use, or only look as if they had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slipway.domain.findings import Ec2Instance, Facts, What
from slipway.domain.instances import InstanceState
from slipway.domain.intents import Intent, Offering, StartInstances
from slipway.domain.reaping import find_stale
from slipway.domain.runners import Runner, RunnerState
from tests.builders import (
    NOW,
    POOL,
    a_booting_instance,
    a_launch_intent,
    a_runner,
    a_snapshot,
    an_instance,
)
from tests.support.reaping import (
    BUSY,
    CONFIGURATION,
    DAY,
    GONE,
    REGISTERED,
    STARTING,
    at,
    facts,
    stale,
    twice,
)


def cut_off(*runners: Runner, away: float = 600, **changes: Any) -> Facts:
    """A host whose agent has been away for so long, and what runs on it."""
    known = an_instance(connected=False, disconnected_at=NOW - away, **changes)
    return facts(a_snapshot(instances=(known,), runners=runners))


def on_host(number: int, state: RunnerState, **changes: Any) -> Runner:
    return a_runner(number, state, **{"instance_arn": an_instance().arn, "ended_at": NOW - 60, **changes})


def test_a_host_that_is_cut_off_ends_when_all_its_runners_have() -> None:
    reading = cut_off(on_host(1, GONE), on_host(2, GONE))
    assert (What.CUT_OFF_INSTANCE, "i-1", "its agent stays away") in stale(reading)


@pytest.mark.parametrize("state", [STARTING, REGISTERED, BUSY])
def test_a_host_that_is_cut_off_stays_while_one_of_its_runners_may_have_a_job(state: RunnerState) -> None:
    reading = cut_off(on_host(1, GONE), on_host(2, state, ended_at=None))
    assert What.CUT_OFF_INSTANCE not in {what for what, _, _ in stale(reading)}


@pytest.mark.parametrize(
    "reading",
    [
        cut_off(on_host(1, GONE), away=599),
        cut_off(on_host(1, GONE, ended_at=NOW - 59)),
        cut_off(),
        cut_off(on_host(1, GONE, instance_arn="another")),
        replace(
            cut_off(on_host(1, GONE)),
            pools=tuple(
                replace(pool, registered={"i-1": an_instance(connected=True)})
                for pool in cut_off(on_host(1, GONE)).pools
            ),
        ),
    ],
    ids=["not for long", "its runner just ended", "empty: the plan's", "another's runner", "it is back"],
)
def test_no_other_host_is_called_cut_off(reading: Facts) -> None:
    """[ECS-AGENT-RECONNECTS]"""
    assert What.CUT_OFF_INSTANCE not in {what for what, _, _ in stale(reading)}


STANDING, RUNNING = Ec2Instance(NOW - DAY, "launch-1", is_stopped=True), Ec2Instance(NOW - DAY, "launch-1")


@pytest.mark.parametrize(
    ("state", "ec2", "found"),
    [
        (InstanceState.WARMING, STANDING, [(What.WARM_INSTANCE, "i-1", "its event was lost")]),
        (InstanceState.WARMING, RUNNING, []),
        (InstanceState.STOPPED, STANDING, []),
        (InstanceState.STOPPED, RUNNING, [(What.INSTANCE, "i-1", "it runs and should be stopped")]),
        (InstanceState.LAUNCHING, STANDING, [(What.STOPPED_INSTANCE, "i-1", "stopped")]),
        (InstanceState.READY, STANDING, [(What.STOPPED_INSTANCE, "i-1", "stopped")]),
        (InstanceState.DRAINING, STANDING, [(What.STOPPED_INSTANCE, "i-1", "stopped")]),
    ],
    ids=str,
)
def test_the_ledger_and_ec2_agree_on_which_instances_stand_still(
    state: InstanceState, ec2: Ec2Instance, found: list[tuple[What, str, str]]
) -> None:
    instance = (
        an_instance(state=state)
        if state.rank >= InstanceState.READY.rank
        else a_booting_instance(state=state)
    )
    assert twice(facts(a_snapshot(instances=(instance,)), instances={"i-1": ec2})) == found


def test_an_instance_whose_start_has_no_answer_is_left_alone_whether_it_runs_or_not() -> None:
    start = Intent("start-1", POOL, StartInstances(Offering("m7i.2xlarge", "subnet-1"), (("i-1", ()),)), NOW)
    snapshot = a_snapshot(instances=(a_booting_instance(state=InstanceState.STOPPED),), intents=(start,))
    assert twice(facts(snapshot, instances={"i-1": RUNNING})) == []
    assert twice(facts(snapshot, instances={"i-1": STANDING})) == []


@pytest.mark.parametrize(
    ("change", "is_news"),
    [
        ({"connected": False}, True),
        ({"state": InstanceState.DRAINING}, True),
        ({}, False),
        ({"connected": False, "version": 3}, False),
    ],
    ids=["disconnected", "draining", "nothing that matters", "no newer than the ledger"],
)
def test_what_ecs_knows_better_than_the_ledger_is_folded_at_once(
    change: dict[str, Any], is_news: bool
) -> None:
    known = an_instance(version=3)
    seen = replace(known, **{"version": 4, **change})
    reaps, _ = find_stale(facts(a_snapshot(instances=(known,)), registered=[seen]), CONFIGURATION, {})
    assert [(reap.what, reap.instance) for reap in reaps] == [(What.INSTANCE_NEWS, seen)] * is_news


def test_an_instance_that_ecs_forgot_ends_when_it_holds_no_task_and_looks_so_twice() -> None:
    known = an_instance()
    read = facts(a_snapshot(instances=(known,)), registered=[])
    reaps, suspects = find_stale(read, CONFIGURATION, {})
    assert (reaps, list(suspects)) == ([], ["instance/i-1"])
    reaps, _ = find_stale(read, CONFIGURATION, {"instance/i-1": NOW - 60})
    assert [(reap.what, reap.why) for reap in reaps] == [(What.INSTANCE, "ECS no longer knows it")]
    busy = a_snapshot(instances=(known,), runners=(a_runner(1, BUSY, instance_arn=known.arn),))
    assert find_stale(facts(busy, registered=[]), CONFIGURATION, {}) == ([], {})


def test_an_instance_that_was_just_launched_may_not_be_recorded_yet() -> None:
    reading = facts(instances={"i-9": NOW - 200})
    assert stale(at(reading, 60), suspects={"instance/i-9": NOW - 60}) == []


@pytest.mark.parametrize("is_stopped", [False, True])
def test_no_unknown_instance_ends_while_its_own_launch_has_no_answer(is_stopped: bool) -> None:
    launch = a_launch_intent(2, "fleet-1")
    ours = Ec2Instance(NOW - DAY, "fleet-1", is_stopped)
    reading = facts(a_snapshot(intents=(launch,)), instances={"i-9": ours})
    assert twice(reading) == []


def test_an_unknown_instance_ends_though_another_launch_has_no_answer() -> None:
    snapshot = a_snapshot(intents=(a_launch_intent(2, "fleet-2"),))
    reading = facts(snapshot, instances={"i-9": Ec2Instance(NOW - DAY, "fleet-1")})
    assert twice(reading) == [(What.INSTANCE, "i-9", "the ledger does not know it")]
