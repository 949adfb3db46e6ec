"""How many instances of which types are asked of EC2."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.capacity import NewCapacity, for_stopped_tier
from slipway.domain.configuration import InstanceType, Market
from slipway.domain.intents import LaunchInstances, Offering
from slipway.domain.matching import Shape
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.snapshot import Snapshot, UnavailableOffering
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    SIZE,
    a_policy,
    a_profile,
    a_snapshot,
)
from tests.support.capacity import find, refused, wanted

SPOT, ON_DEMAND = Market.SPOT, Market.ON_DEMAND
EIGHT = ROOM_FOR_FOUR + ROOM_FOR_FOUR
FIRST, SECOND, BIG, HUGE = (
    InstanceType("first", ROOM_FOR_FOUR, 0.40),
    InstanceType("second", ROOM_FOR_FOUR, 0.40),
    InstanceType("big", EIGHT, 0.78),
    InstanceType("huge", EIGHT + EIGHT + EIGHT, 2.40),
)
ONE, FOUR, ALL_OF_BIG = Shape("medium", SIZE), Shape("large", ROOM_FOR_FOUR), Shape("huge", EIGHT)
STARTING = Reason(Why.INSTANCE_STARTING, {"since": NOW})


def test_an_instance_is_filled_before_the_next_is_asked_for() -> None:
    codes, requests = find(a_policy(instance_types=(FIRST,)), *[ONE] * 5)
    assert codes == [Why.INSTANCE_STARTING] * 5
    load, rest = ((ONE, 4),), ((ONE, 1),)
    offerings = (Offering("first", "subnet-1"),)
    [request] = requests
    assert replace(request, loads=()) == LaunchInstances(offerings, SPOT, 2, ROOM_FOR_FOUR)
    assert dict(request.loads) == {load: 1, rest: 1}


def test_one_task_an_instance_in_an_exclusive_pool() -> None:
    _, [request] = find(a_policy(exclusive=True), *[ONE] * 3)
    assert (request.count, request.loads) == (3, ((((ONE, 1),), 3),))


def test_no_more_tasks_an_instance_than_its_network_takes() -> None:
    _, [request] = find(a_policy(instance_types=(replace(FIRST, max_tasks=2),)), *[ONE] * 4)
    assert request.count == 2


def test_types_that_hold_the_load_at_a_fair_price_stand_behind_the_cheapest_in_every_subnet() -> None:
    types = (SECOND, FIRST, replace(BIG, usd_per_hour=0.60), HUGE)
    _, [request] = find(a_policy(instance_types=types, subnets=("a", "b")), ONE)
    assert request.types == ("second", "first", "big")
    assert len(request.offerings) == 6
    assert request.each == ROOM_FOR_FOUR


def test_one_request_names_no_more_offerings_than_ec2_takes() -> None:
    """[EC2-FLEET-OVERRIDES]"""
    types = tuple(replace(FIRST, name=f"type-{number}") for number in range(200))
    _, [request] = find(a_policy(instance_types=types, subnets=("a", "b")), ONE)
    assert len(request.offerings) == 300


def test_a_smaller_type_never_stands_in_for_a_larger_one() -> None:
    _, [request] = find(a_policy(instance_types=(FIRST, BIG)), ALL_OF_BIG)
    assert (request.types, request.each) == (("big",), EIGHT)


def test_loads_for_which_the_same_types_will_do_are_one_request_and_others_another() -> None:
    _, requests = find(a_policy(instance_types=(FIRST, BIG)), FOUR, FOUR, ALL_OF_BIG, ONE)
    assert [(request.types, request.count) for request in requests] == [(("big",), 2), (("first",), 1)]


def test_what_no_type_holds_is_too_large_and_says_its_size_while_others_are_served() -> None:
    capacity = NewCapacity(a_policy(instance_types=(FIRST,)), a_snapshot(), 100)
    too_large = Reason(Why.TOO_LARGE, {"cpu_units": EIGHT.cpu_units, "memory_mib": EIGHT.memory_mib})
    assert capacity.find([ALL_OF_BIG, ONE, ALL_OF_BIG]) == [too_large, STARTING, too_large]
    assert wanted(capacity.requests()) == {ONE: 1}


def test_a_task_with_a_gpu_is_too_large_for_types_without() -> None:
    codes, requests = find(a_policy(instance_types=(FIRST, BIG)), Shape("gpu", SIZE + Resources(0, 0, 1)))
    assert (codes, requests) == ([Why.TOO_LARGE], ())


def test_a_type_that_was_refused_gives_way_to_the_next() -> None:
    policy = a_policy(instance_types=(FIRST, SECOND))
    _, [request] = find(policy, ONE, snapshot=refused(("first", SPOT)))
    assert (request.types, request.market) == (("second",), SPOT)


def test_a_spot_pool_without_spot_capacity_buys_on_demand() -> None:
    policy = a_policy(instance_types=(FIRST, SECOND))
    _, [request] = find(policy, ONE, snapshot=refused(("first", SPOT), ("second", SPOT)))
    assert (request.types, request.market) == (("first", "second"), ON_DEMAND)


def test_only_the_tasks_for_which_no_spot_is_left_are_bought_on_demand() -> None:
    policy = a_policy(instance_types=(FIRST, BIG))
    _, requests = find(policy, ONE, ALL_OF_BIG, snapshot=refused(("big", SPOT)))
    assert {(request.market, request.types): wanted((request,)) for request in requests} == {
        (SPOT, ("first",)): {ONE: 1},
        (ON_DEMAND, ("big",)): {ALL_OF_BIG: 1},
    }


def test_an_on_demand_pool_never_buys_spot() -> None:
    policy = a_policy(instance_types=(FIRST,), market=ON_DEMAND)
    assert find(policy, ONE, snapshot=refused(("first", ON_DEMAND))) == ([Why.NO_CAPACITY], ())


def test_a_refusal_that_is_over_counts_no_more() -> None:
    policy = a_policy(instance_types=(FIRST,))
    assert find(policy, ONE, snapshot=refused(("first", SPOT), until=NOW))[1][0].market is SPOT


def test_no_capacity_says_when_and_where_it_was_refused() -> None:
    ends = {"b": NOW + 60, "a": NOW + 90}
    snapshot = a_snapshot(
        unavailable=tuple(UnavailableOffering("big", name, ON_DEMAND, until) for name, until in ends.items())
    )
    policy = a_policy(instance_types=(FIRST, BIG), subnets=("a", "b"), market=ON_DEMAND)
    reasons = NewCapacity(policy, snapshot, 100).find([ALL_OF_BIG, ONE])
    assert reasons == [Reason(Why.NO_CAPACITY, {"until": NOW + 60, "subnets": "a,b"}), STARTING]


SHAPES = st.sampled_from([ONE, FOUR, ALL_OF_BIG, Shape("odd", Resources(1024, 20_000))])


@given(st.lists(SHAPES, max_size=30), st.integers(0, 8), st.booleans(), st.sampled_from([None, SPOT]))
def test_what_is_asked_for_holds_exactly_the_tasks_that_were_told_so(
    shapes: list[Shape], allowed: int, exclusive: bool, none_left: Market | None
) -> None:
    policy = a_policy(instance_types=(FIRST, BIG), exclusive=exclusive)
    snapshot = refused(("big", none_left)) if none_left else a_snapshot()
    codes, requests = find(policy, *shapes, snapshot=snapshot, allowed=allowed)
    served = [shape for shape, code in zip(shapes, codes, strict=True) if code is Why.INSTANCE_STARTING]
    assert wanted(requests) == Counter(served)
    assert set(codes) <= {Why.INSTANCE_STARTING, Why.POOL_LIMIT}
    assert sum(request.count for request in requests) <= allowed
    for request in requests:
        assert sum(count for _, count in request.loads) == request.count
        for load, _ in request.loads:
            content = sum((shape.size for shape, count in load for _ in range(count)), NOTHING)
            assert content.fits(request.each)
            assert not exclusive or sum(count for _, count in load) == 1


@given(st.lists(SHAPES, max_size=20), st.integers(0, 6))
def test_nobody_is_refused_for_the_limit_while_an_instance_more_is_allowed(
    shapes: list[Shape], allowed: int
) -> None:
    codes, requests = find(a_policy(instance_types=(FIRST, BIG)), *shapes, allowed=allowed)
    assert Why.POOL_LIMIT not in codes or sum(request.count for request in requests) == allowed


def test_the_stopped_tier_is_bought_on_demand_and_holds_a_slot() -> None:
    policy = a_policy(a_profile(), a_profile(name="large", size=EIGHT), instance_types=(FIRST, BIG))
    [request] = for_stopped_tier(policy, a_snapshot(), 1)
    offerings = (Offering("big", "subnet-1"),)
    assert request == LaunchInstances(offerings, ON_DEMAND, 1, EIGHT, (), for_stopped_tier=True)


@pytest.mark.parametrize(
    ("snapshot", "count", "size"),
    [
        (a_snapshot(), 0, SIZE),
        (refused(("first", ON_DEMAND)), 1, SIZE),
        (a_snapshot(), 1, EIGHT),
    ],
    ids=["none is wanted", "there is no capacity", "no type holds a slot"],
)
def test_nothing_is_asked_for_the_stopped_tier_in_vain(
    snapshot: Snapshot, count: int, size: Resources
) -> None:
    assert for_stopped_tier(a_policy(a_profile(size=size), instance_types=(FIRST,)), snapshot, count) == ()
