"""The room of a pool's instances, now and to come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import InstanceType, Market
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import Offering
from slipway.domain.launches import REGISTERS_WITHIN_SECONDS, WARMS_WITHIN_SECONDS
from slipway.domain.matching import Shape
from slipway.domain.packing import Bin
from slipway.domain.policy import Policy
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.rooms import AWAY_SECONDS, Rooms, overdue, rooms_of
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import ANY, Snapshot, UnavailableOffering
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    SHAPE,
    SIZE,
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

EIGHT = ROOM_FOR_FOUR + ROOM_FOR_FOUR
GPUS = Resources(0, 0, 2)
LOAD = ((SHAPE, 3),)
DOUBLE = Shape("medium", SIZE + SIZE)


def rooms(snapshot: Snapshot, policy: Policy | None = None, leaving: tuple[str, ...] = ()) -> Rooms:
    return rooms_of(snapshot, policy or a_policy(), leaving)


def room_of(*instances: Instance, **facts: Any) -> Rooms:
    return rooms(a_snapshot(instances=instances, **facts))


def names(bins: list[Bin]) -> list[str]:
    return [bin.name for bin in bins]


@pytest.mark.parametrize(
    ("instance", "where"),
    [
        (an_instance(), "usable"),
        (an_instance(launched_at=NOW - 30), "usable"),
        (an_instance(connected=False, disconnected_at=NOW - AWAY_SECONDS), "booting"),
        (an_instance(connected=False, disconnected_at=NOW - AWAY_SECONDS - 1), "nowhere"),
        (an_instance(connected=False, launched_at=NOW - 30), "booting"),
        (an_instance(connected=False), "nowhere"),
        (an_instance(full_until=NOW + 1), "nowhere"),
        (an_instance(full_until=NOW), "usable"),
        (a_booting_instance(), "booting"),
        (a_booting_instance(launched_at=NOW - REGISTERS_WITHIN_SECONDS), "booting"),
        (a_booting_instance(launched_at=NOW - REGISTERS_WITHIN_SECONDS - 1), "nowhere"),
        (a_stopped_instance(), "stopped"),
        (a_stopped_instance(registered=NOTHING), "nowhere"),
        (an_instance(state=InstanceState.WARMING, connected=False, launched_at=NOW - 20), "nowhere"),
        (an_instance(state=InstanceState.DRAINING), "nowhere"),
        (an_instance(lost_at=NOW - 1), "nowhere"),
        (a_booting_instance(lost_at=NOW - 1), "nowhere"),
        (an_instance(state=InstanceState.GONE), "nowhere"),
    ],
    ids=[
        "ready",
        "ready at once",
        "agent away for a moment",
        "agent away too long",
        "agent not there yet",
        "agent never seen",
        "full by ECS's account",
        "no longer full",
        "booting",
        "booting at the limit",
        "boots too long",
        "stopped",
        "stopped and of no size",
        "warming",
        "draining",
        "about to be taken away",
        "about to be taken away while it boots",
        "gone",
    ],
)
def test_an_instance_has_room_now_or_soon_or_when_started_or_not_at_all(
    instance: Instance, where: str
) -> None:
    found = room_of(instance)
    assert {
        "usable": names(found.usable),
        "booting": names(found.booting),
        "stopped": names(found.stopped),
    } == {name: ["i-1"] if name == where else [] for name in ("usable", "booting", "stopped")}


def test_an_instance_that_is_about_to_be_drained_gives_no_room() -> None:
    away = an_instance("i-2", connected=False, disconnected_at=NOW - 5)
    found = rooms(a_snapshot(instances=(an_instance("i-1"), away, an_instance("i-3"))), None, ("i-1", "i-2"))
    assert (names(found.usable), names(found.booting)) == (["i-3"], [])


@pytest.mark.parametrize("state", RunnerState, ids=str)
def test_a_task_holds_its_room_until_it_has_stopped_whatever_its_runner_does(state: RunnerState) -> None:
    [bin] = room_of(an_instance(), runners=(a_runner(1, state, instance_arn=an_arn("i-1")),)).usable
    assert (bin.free, bin.taken) == (ROOM_FOR_FOUR - SIZE, 0)


def test_tasks_hold_gpus_too() -> None:
    task = a_runner(shape=Shape("gpu", SIZE + Resources(0, 0, 1)), instance_arn=an_arn("i-1"))
    [bin] = room_of(an_instance(registered=ROOM_FOR_FOUR + GPUS), runners=(task,)).usable
    assert bin.free.gpus == 1


def test_tasks_of_another_instance_take_nothing_here() -> None:
    [bin] = room_of(an_instance(), runners=(a_runner(instance_arn=an_arn("i-2")),)).usable
    assert bin.free == ROOM_FOR_FOUR


def test_tasks_without_an_instance_take_no_room_from_one_that_has_no_arn_yet() -> None:
    [bin] = room_of(a_booting_instance(), runners=(a_runner(instance_arn=None),)).booting
    assert bin.free == ROOM_FOR_FOUR


def test_a_disconnected_instance_offers_what_its_tasks_leave() -> None:
    away = an_instance(connected=False, disconnected_at=NOW - 5)
    [bin] = room_of(away, runners=(a_runner(instance_arn=an_arn("i-1")),)).booting
    assert bin.free == ROOM_FOR_FOUR - SIZE


@pytest.mark.parametrize(
    ("pool", "tasks_left"),
    [
        ({}, 999),
        ({"exclusive": True}, 0),
        ({"instance_types": (InstanceType("m7i.2xlarge", ROOM_FOR_FOUR, 0.4, max_tasks=7),)}, 6),
    ],
    ids=["on the bridge", "exclusive", "in the task's own network"],
)
def test_a_task_counts_towards_what_its_host_takes(pool: dict[str, Any], tasks_left: int) -> None:
    snapshot = a_snapshot(instances=(an_instance(),), runners=(a_runner(instance_arn=an_arn("i-1")),))
    [bin] = rooms(snapshot, a_policy(**pool)).usable
    assert bin.tasks_left == tasks_left


def test_the_fullest_instance_comes_first_so_that_the_emptiest_can_drain() -> None:
    instances = [an_instance(f"i-{number}") for number in (1, 2, 3)]
    found = room_of(*instances, runners=(a_runner(instance_arn=an_arn("i-3")),))
    assert names(found.usable) == ["i-3", "i-1", "i-2"]


def test_the_size_of_a_usable_instance_is_what_it_holds_when_empty() -> None:
    task = a_runner(instance_arn=an_arn("i-1"))
    found = room_of(an_instance("i-1"), a_booting_instance("i-2"), runners=(task,))
    assert found.sizes == {"i-1": ROOM_FOR_FOUR}


def test_the_instance_that_was_launched_first_is_expected_first() -> None:
    young, old = a_booting_instance("i-1"), a_booting_instance("i-2", launched_at=NOW - 50)
    asked = (a_launch_intent(1, "b"), a_launch_intent(1, "a"), a_launch_intent(1, "c"))
    intents = (*asked[:2], replace(asked[2], created_at=NOW - 9))
    assert names(room_of(young, old, intents=intents).booting) == ["i-2", "i-1", "c-0", "a-0", "b-0"]


def test_all_that_boots_or_may_be_started_says_since_when() -> None:
    found = room_of(
        a_booting_instance("i-1"),
        a_stopped_instance("i-2"),
        a_stopped_instance("i-3"),
        intents=(a_launch_intent(2), a_start_intent("i-3")),
    )
    assert found.since == {
        "i-1": NOW - 20,
        "i-2": NOW,
        "i-3": NOW - 5,
        "launch-1-0": NOW - 5,
        "launch-1-1": NOW - 5,
    }


@pytest.mark.parametrize(
    ("instance", "load"),
    [
        (a_booting_instance(load=LOAD), LOAD),
        (an_instance(connected=False, launched_at=NOW - 20, load=LOAD), LOAD),
        (an_instance(connected=False, disconnected_at=NOW - 5, ready_at=NOW - 999, load=LOAD), ()),
    ],
    ids=["boots", "registered and not ready yet", "was ready long before"],
)
def test_an_instance_has_its_load_ahead_of_it_until_it_has_been_ready(instance: Instance, load: Any) -> None:
    [bin] = room_of(instance).booting
    assert bin.load == load


def test_a_launch_without_an_answer_is_so_many_booting_instances_each_with_its_load() -> None:
    launch = a_launch_intent(4, each=EIGHT, loads=((LOAD, 2), (((DOUBLE, 1),), 1)))
    bins = room_of(intents=(launch, a_run_intent())).booting
    assert names(bins) == ["launch-1-0", "launch-1-1", "launch-1-2", "launch-1-3"]
    assert [bin.load for bin in bins] == [LOAD, LOAD, ((DOUBLE, 1),), ()]
    assert {bin.free for bin in bins} == {EIGHT}


def test_a_launch_of_several_types_takes_as_many_tasks_as_the_poorest_of_them() -> None:
    types = (InstanceType("many", EIGHT, 0.8, max_tasks=9), InstanceType("few", EIGHT, 0.9, max_tasks=3))
    launch = a_launch_intent(types=("many", "few"), each=EIGHT)
    [bin] = rooms(a_snapshot(intents=(launch,)), a_policy(instance_types=types)).booting
    assert bin.tasks_left == 3


def test_a_launch_for_the_stopped_tier_gives_no_room() -> None:
    assert room_of(intents=(a_launch_intent(2, for_stopped_tier=True),)).booting == []


def test_a_stopped_instance_that_is_being_started_boots_for_what_it_was_started_for() -> None:
    found = room_of(
        a_stopped_instance("i-1"), a_stopped_instance("i-2"), intents=(a_start_intent("i-1", load=LOAD),)
    )
    assert [(bin.name, bin.load) for bin in found.booting] == [("i-1", LOAD)]
    assert names(found.stopped) == ["i-2"]


def test_stopped_instances_are_started_the_longest_stopped_first_and_by_offering() -> None:
    found = room_of(
        a_stopped_instance("i-1", stopped_at=NOW - 10),
        a_stopped_instance("i-2", stopped_at=NOW - 99, instance_type="c7i.2xlarge", subnet="subnet-2"),
    )
    assert names(found.stopped) == ["i-2", "i-1"]
    assert found.offerings == {
        "i-1": Offering("m7i.2xlarge", "subnet-1"),
        "i-2": Offering("c7i.2xlarge", "subnet-2"),
    }


@pytest.mark.parametrize(
    ("instance_type", "subnet", "market", "is_left_out"),
    [
        ("m7i.2xlarge", "subnet-1", Market.ON_DEMAND, True),
        ("m7i.2xlarge", ANY, Market.ON_DEMAND, True),
        ("m7i.2xlarge", "subnet-1", Market.SPOT, False),
        ("m7i.2xlarge", "subnet-2", Market.ON_DEMAND, False),
    ],
    ids=["refused", "the type is refused", "refused as Spot", "refused elsewhere"],
)
def test_a_stopped_instance_that_ec2_would_not_start_is_left_out(
    instance_type: str, subnet: str, market: Market, is_left_out: bool
) -> None:
    refused = UnavailableOffering(instance_type, subnet, market, NOW + 60)
    found = room_of(a_stopped_instance(), unavailable=(refused,))
    assert names(found.stopped) == ([] if is_left_out else ["i-1"])


def test_a_run_without_an_answer_holds_room_already() -> None:
    [bin] = room_of(an_instance(), intents=(a_run_intent(3),)).usable
    assert (bin.free, bin.taken) == (SIZE, 3)


def test_a_task_of_it_that_is_known_already_holds_room_once() -> None:
    runner = a_runner(intent="run-1", instance_arn=an_arn("i-1"))
    [bin] = room_of(an_instance(), runners=(runner,), intents=(a_run_intent(3),)).usable
    assert bin.free == SIZE


@given(st.permutations([(SHAPE, 2), (DOUBLE, 2), (Shape("other", SIZE), 1)]))
def test_runs_without_an_answer_hold_the_same_room_in_whatever_order_they_come(
    asked: list[tuple[Shape, int]],
) -> None:
    """The largest are placed first: two doubles fill the double-sized one, and the singles go elsewhere."""
    instances = (an_instance("i-1", registered=DOUBLE.size + DOUBLE.size), an_instance("i-2"))
    intents = tuple(a_run_intent(count, f"run-{shape}", shape=shape) for shape, count in asked)
    found = room_of(*instances, intents=intents)
    assert {bin.name: bin.free for bin in found.usable} == {"i-1": NOTHING, "i-2": SIZE}


@pytest.mark.parametrize(
    ("state", "limit"),
    [(InstanceState.LAUNCHING, REGISTERS_WITHIN_SECONDS), (InstanceState.WARMING, WARMS_WITHIN_SECONDS)],
    ids=str,
)
def test_an_instance_that_did_not_come_up_in_time_never_will(state: InstanceState, limit: int) -> None:
    due = an_instance("i-1", state=state, launched_at=NOW - limit)
    late = replace(due, instance_id="i-2", launched_at=NOW - limit - 1)
    later = replace(late, instance_id="i-3", launched_at=0.0)
    assert overdue(a_snapshot(instances=(later, due, late))) == ("i-2", "i-3")


@pytest.mark.parametrize(
    "state", [s for s in InstanceState if s not in (InstanceState.LAUNCHING, InstanceState.WARMING)], ids=str
)
def test_an_instance_that_came_up_is_never_overdue(state: InstanceState) -> None:
    assert overdue(a_snapshot(instances=(an_instance(state=state, launched_at=0.0),))) == ()
