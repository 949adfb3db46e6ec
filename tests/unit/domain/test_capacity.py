"""How many instances of which types are asked of EC2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.capacity import NewCapacity
from slipway.domain.configuration import InstanceType, Market, Pool
from slipway.domain.instances import InstanceState
from slipway.domain.intents import LaunchInstances
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import Resources
from slipway.domain.snapshot import Snapshot, UnavailableOffering
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    SIZE,
    a_booting_instance,
    a_launch_intent,
    a_pool,
    a_snapshot,
    an_instance,
)

EIGHT = ROOM_FOR_FOUR + ROOM_FOR_FOUR
FIRST, SECOND, BIG = (
    InstanceType("first", ROOM_FOR_FOUR),
    InstanceType("second", ROOM_FOR_FOUR),
    InstanceType("big", EIGHT),
)
SPOT, ON_DEMAND = Market.SPOT, Market.ON_DEMAND


def ask(
    pool: Pool, *sizes: Resources, snapshot: Snapshot | None = None
) -> tuple[list[Why], list[LaunchInstances]]:
    capacity = NewCapacity(pool, snapshot or a_snapshot())
    return [capacity.add(size).code for size in sizes], list(capacity.requests())


def refused(*offerings: tuple[str, Market], until: float = NOW + 60) -> Snapshot:
    return a_snapshot(unavailable=tuple(UnavailableOffering(*item, until) for item in offerings))


def test_an_instance_is_filled_before_the_next_is_asked_for() -> None:
    codes, requests = ask(a_pool(instance_types=(FIRST,)), *[SIZE] * 5)
    assert set(codes) == {Why.INSTANCE_STARTING}
    assert requests == [LaunchInstances(("first",), SPOT, 2, ROOM_FOR_FOUR)]


def test_one_job_an_instance_in_an_exclusive_pool() -> None:
    _, [request] = ask(a_pool(exclusive=True), *[SIZE] * 3)
    assert request.count == 3


def test_types_that_hold_as_much_stand_behind_the_one_chosen() -> None:
    _, [request] = ask(a_pool(instance_types=(FIRST, SECOND, BIG)), SIZE)
    assert request.types == ("first", "second", "big")
    assert request.each == ROOM_FOR_FOUR


def test_a_smaller_type_never_stands_in_for_a_larger_one() -> None:
    _, [request] = ask(a_pool(instance_types=(FIRST, BIG)), EIGHT)
    assert request.types == ("big",)
    assert request.each == EIGHT


def test_different_sizes_ask_for_the_types_that_hold_them() -> None:
    _, requests = ask(a_pool(instance_types=(FIRST, BIG)), ROOM_FOR_FOUR, EIGHT, SIZE)
    assert [(request.types[0], request.count) for request in requests] == [("big", 1), ("first", 2)]


def test_what_no_type_holds_is_too_large_and_opens_nothing() -> None:
    codes, requests = ask(a_pool(instance_types=(FIRST,)), EIGHT)
    assert (codes, requests) == ([Why.TOO_LARGE], [])


def test_a_job_too_large_says_its_own_size() -> None:
    reason = NewCapacity(a_pool(instance_types=(FIRST,)), a_snapshot()).add(Resources(99_999, 1))
    assert reason == Reason(Why.TOO_LARGE, {"cpu_units": 99_999, "memory_mib": 1})


@pytest.mark.parametrize(
    "snapshot",
    [
        a_snapshot(instances=(an_instance("i-1"), an_instance("i-2"))),
        a_snapshot(instances=(a_booting_instance("i-1"), a_booting_instance("i-2"))),
        a_snapshot(instances=tuple(an_instance(f"i-{n}", state=InstanceState.DRAINING) for n in (1, 2))),
        a_snapshot(intents=(a_launch_intent(2),)),
        a_snapshot(instances=(an_instance(),), intents=(a_launch_intent(1),)),
    ],
    ids=["ready", "booting", "draining", "asked for", "both"],
)
def test_whatever_costs_money_counts_towards_the_limit(snapshot: Snapshot) -> None:
    pool = a_pool(max_instances=3)
    codes, [request] = ask(pool, *[SIZE] * 5, snapshot=snapshot)
    assert codes == [Why.INSTANCE_STARTING] * 4 + [Why.POOL_LIMIT]
    assert request.count == 1


def test_an_instance_that_is_gone_counts_no_more() -> None:
    snapshot = a_snapshot(instances=(an_instance(state=InstanceState.GONE),))
    assert ask(a_pool(max_instances=1), SIZE, snapshot=snapshot)[0] == [Why.INSTANCE_STARTING]


def test_a_type_that_was_refused_gives_way_to_the_next() -> None:
    _, [request] = ask(a_pool(instance_types=(FIRST, SECOND)), SIZE, snapshot=refused(("first", SPOT)))
    assert (request.types, request.market) == (("second",), SPOT)


def test_a_spot_pool_without_spot_capacity_buys_on_demand() -> None:
    snapshot = refused(("first", SPOT), ("second", SPOT))
    _, [request] = ask(a_pool(instance_types=(FIRST, SECOND)), SIZE, snapshot=snapshot)
    assert (request.types, request.market) == (("first", "second"), ON_DEMAND)


def test_an_on_demand_pool_never_buys_spot() -> None:
    pool = a_pool(instance_types=(FIRST,), market=ON_DEMAND)
    codes, requests = ask(pool, SIZE, snapshot=refused(("first", ON_DEMAND)))
    assert (codes, requests) == ([Why.NO_CAPACITY], [])


def test_a_refusal_that_is_over_counts_no_more() -> None:
    _, [request] = ask(a_pool(instance_types=(FIRST,)), SIZE, snapshot=refused(("first", SPOT), until=NOW))
    assert request.market is SPOT


def test_no_capacity_says_when_the_first_type_that_would_do_is_asked_for_again() -> None:
    pool = a_pool(instance_types=(FIRST, BIG), market=ON_DEMAND)
    snapshot = a_snapshot(
        unavailable=(
            UnavailableOffering("first", ON_DEMAND, NOW + 5),  # too small
            UnavailableOffering("big", ON_DEMAND, NOW + 60),
            UnavailableOffering("big", SPOT, NOW + 10),  # not bought here
            UnavailableOffering("big", ON_DEMAND, NOW - 30),  # over
        )
    )
    assert NewCapacity(pool, snapshot).add(EIGHT) == Reason(Why.NO_CAPACITY, {"until": NOW + 60})


@given(st.lists(st.sampled_from([SIZE, ROOM_FOR_FOUR, EIGHT]), max_size=20), st.integers(1, 8))
def test_as_much_is_asked_for_as_the_jobs_that_were_told_so_need(sizes: list[Resources], most: int) -> None:
    pool = a_pool(instance_types=(FIRST, BIG), max_instances=most)
    codes, requests = ask(pool, *sizes)
    served = [size for size, code in zip(sizes, codes, strict=True) if code is Why.INSTANCE_STARTING]
    assert sum(request.count for request in requests) <= most
    for amount in ("cpu_units", "memory_mib"):
        room = sum(getattr(request.each, amount) * request.count for request in requests)
        assert sum(getattr(size, amount) for size in served) <= room
