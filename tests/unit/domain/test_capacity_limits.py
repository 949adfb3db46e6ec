"""Who gets the instances of a pool at its limit, and of one whose launches fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.capacity import NewCapacity, instances_allowed, probes_allowed
from slipway.domain.configuration import InstanceType
from slipway.domain.instances import InstanceState
from slipway.domain.launches import LaunchFailures
from slipway.domain.matching import Shape
from slipway.domain.reasons import Reason, Why
from slipway.domain.snapshot import Snapshot
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    SIZE,
    a_booting_instance,
    a_launch_intent,
    a_policy,
    a_run_intent,
    a_snapshot,
    a_start_intent,
    a_stopped_instance,
    an_instance,
)
from tests.support.capacity import find, wanted

EIGHT = ROOM_FOR_FOUR + ROOM_FOR_FOUR
FIRST, BIG, HUGE = (
    InstanceType("first", ROOM_FOR_FOUR, 0.40),
    InstanceType("big", EIGHT, 1.00),
    InstanceType("huge", EIGHT + EIGHT + EIGHT, 2.60),
)
ONE, FOUR = Shape("medium", SIZE), Shape("large", ROOM_FOR_FOUR)
ALL_OF_BIG, ALL_OF_HUGE = Shape("huge", EIGHT), Shape("giant", HUGE.registered)
STARTING = Reason(Why.INSTANCE_STARTING, {"since": NOW})


@pytest.mark.parametrize(
    ("snapshot", "allowed"),
    [
        (a_snapshot(), 5),
        (a_snapshot(instances=(an_instance("i-1"), an_instance("i-2"))), 3),
        (a_snapshot(instances=(an_instance(connected=False),)), 4),
        (a_snapshot(instances=(a_booting_instance(),)), 4),
        (a_snapshot(instances=(an_instance(state=InstanceState.WARMING),)), 4),
        (a_snapshot(instances=(an_instance(state=InstanceState.DRAINING),)), 4),
        (a_snapshot(instances=(a_stopped_instance(),)), 5),
        (a_snapshot(instances=(an_instance(state=InstanceState.GONE),)), 5),
        (a_snapshot(intents=(a_launch_intent(2), a_launch_intent(1, "launch-2", for_stopped_tier=True))), 2),
        (a_snapshot(instances=(a_stopped_instance(),), intents=(a_start_intent("i-1"),)), 4),
        (a_snapshot(intents=(a_run_intent(3),)), 5),
        (a_snapshot(instances=tuple(an_instance(f"i-{n}") for n in range(7))), 0),
    ],
    ids=[
        "nothing",
        "ready",
        "disconnected",
        "booting",
        "warming",
        "draining",
        "stopped",
        "gone",
        "launches asked for",
        "a start asked for",
        "tasks asked for",
        "more than the limit",
    ],
)
def test_whatever_runs_or_will_counts_towards_the_limit(snapshot: Snapshot, allowed: int) -> None:
    assert instances_allowed(snapshot, a_policy(max_instances=5)) == allowed


def test_at_the_limit_the_fair_order_decides() -> None:
    policy = a_policy(instance_types=(FIRST,), max_instances=7)
    capacity = NewCapacity(policy, a_snapshot(), 1)
    limit = Reason(Why.POOL_LIMIT, {"limit": 7})
    too_large, *others = capacity.find([ALL_OF_BIG, FOUR, *[ONE] * 4])
    assert too_large.code is Why.TOO_LARGE
    assert others == [STARTING, limit, limit, limit, limit]
    assert wanted(capacity.requests()) == {FOUR: 1}


@pytest.mark.parametrize(("allowed", "falls_short"), [(2, False), (1, True), (0, True)], ids=str)
def test_capacity_tells_when_the_limit_left_some_without_a_place(allowed: int, falls_short: bool) -> None:
    capacity = NewCapacity(a_policy(instance_types=(FIRST,)), a_snapshot(), allowed)
    capacity.find([FOUR, FOUR])
    assert capacity.fell_short is falls_short


def test_at_the_limit_a_later_smaller_task_fills_a_gap() -> None:
    three = Shape("three", SIZE + SIZE + SIZE)
    codes, requests = find(a_policy(instance_types=(FIRST,)), three, FOUR, ONE, ONE, allowed=1)
    assert codes == [Why.INSTANCE_STARTING, Why.POOL_LIMIT, Why.INSTANCE_STARTING, Why.POOL_LIMIT]
    assert wanted(requests) == {three: 1, ONE: 1}


@pytest.mark.parametrize(
    ("allowed", "types", "count"), [(7, "first", 6), (6, "first", 6), (5, "huge", 1), (1, "huge", 1)], ids=str
)
def test_larger_types_than_the_cheapest_are_taken_at_the_limit_alone_to_serve_more(
    allowed: int, types: str, count: int
) -> None:
    policy = a_policy(instance_types=(FIRST, HUGE))
    codes, [request] = find(policy, *[ONE] * 24, allowed=allowed)
    assert codes == [Why.INSTANCE_STARTING] * 24
    assert (request.types, request.count) == ((types,), count)


def test_at_the_limit_the_cheapest_type_that_holds_what_is_left_is_taken() -> None:
    _, [request] = find(a_policy(instance_types=(FIRST, HUGE, BIG)), *[ONE] * 5, allowed=1)
    assert request.types == ("big",)


@given(st.permutations([ALL_OF_HUGE, *[ONE] * 5]))
def test_where_all_are_served_their_order_does_not_change_what_is_asked_for(shapes: list[Shape]) -> None:
    policy = a_policy(instance_types=(FIRST, HUGE, BIG))
    codes, requests = find(policy, *shapes, allowed=2)
    assert codes == [Why.INSTANCE_STARTING] * 6
    assert [(request.types, request.loads) for request in requests] == [
        (("big",), ((((ONE, 5),), 1),)),
        (("huge",), ((((ALL_OF_HUGE, 1),), 1),)),
    ]


@given(st.permutations([ONE, FOUR]))
def test_a_load_names_its_tasks_in_one_order(shapes: list[Shape]) -> None:
    _, [request] = find(a_policy(instance_types=(FIRST, HUGE)), *shapes, allowed=1)
    assert request.loads == ((((FOUR, 1), (ONE, 1)), 1),)


OPEN = LaunchFailures(3, NOW - 180, "InvalidAMIID.NotFound")


@pytest.mark.parametrize(
    ("snapshot", "allowed"),
    [
        (a_snapshot(), 4),
        (a_snapshot(launch_failures=replace(OPEN, count=2, last_at=NOW)), 4),
        (a_snapshot(launch_failures=replace(OPEN, last_at=NOW - 179)), 0),
        (a_snapshot(launch_failures=OPEN), 1),
        (a_snapshot(launch_failures=OPEN, instances=(a_booting_instance(),)), 0),
        (a_snapshot(launch_failures=OPEN, instances=(an_instance(state=InstanceState.WARMING),)), 1),
        (a_snapshot(launch_failures=OPEN, intents=(a_launch_intent(),)), 0),
        (a_snapshot(launch_failures=OPEN, intents=(a_start_intent("i-1"),)), 0),
        (a_snapshot(launch_failures=OPEN, instances=(an_instance(),), intents=(a_run_intent(),)), 1),
    ],
    ids=[
        "none failed",
        "two failed",
        "before the next try",
        "the next try",
        "a try boots",
        "one of the stopped tier warms",
        "a try is asked for",
        "a stopped one is asked to start",
        "others run",
    ],
)
def test_while_launches_fail_one_instance_at_a_time_is_tried(snapshot: Snapshot, allowed: int) -> None:
    assert probes_allowed(snapshot, 4) == allowed


def test_a_try_stays_within_the_pools_limit() -> None:
    assert probes_allowed(a_snapshot(launch_failures=OPEN), 0) == 0


def test_at_the_limit_a_launch_that_failed_once_is_no_reason() -> None:
    snapshot = a_snapshot(launch_failures=replace(OPEN, count=1))
    assert find(a_policy(), ONE, snapshot=snapshot, allowed=0) == ([Why.POOL_LIMIT], ())


def test_jobs_beyond_the_one_try_hear_that_launches_fail() -> None:
    snapshot = a_snapshot(launch_failures=OPEN)
    capacity = NewCapacity(a_policy(instance_types=(FIRST,)), snapshot, 1)
    fail = Reason(Why.LAUNCHES_FAIL, {"failures": 3, "why": "InvalidAMIID.NotFound", "until": NOW})
    assert capacity.find([FOUR, ONE]) == [STARTING, fail]
