"""What EC2 may be asked for now, and what it costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import InstanceType, Market
from slipway.domain.intents import Offering
from slipway.domain.offerings import HostSize, Refusals, asked_again, host_sizes, stand_ins
from slipway.domain.resources import Resources
from slipway.domain.snapshot import ANY, UnavailableOffering
from tests.builders import NOW, ROOM_FOR_FOUR, SIZE, a_pool

SPOT, ON_DEMAND = Market.SPOT, Market.ON_DEMAND
EIGHT = ROOM_FOR_FOUR + ROOM_FOR_FOUR
FIRST, SECOND, BIG = (
    InstanceType("first", ROOM_FOR_FOUR, 0.40),
    InstanceType("second", ROOM_FOR_FOUR, 0.38),
    InstanceType("big", EIGHT, 0.78),
)
LATER = NOW + 60


def refusals(*offerings: tuple[str, str, Market], until: float = LATER) -> Refusals:
    return Refusals([UnavailableOffering(*item, until) for item in offerings], NOW)


NONE_REFUSED = refusals()


def a_host(name: str, room: Resources, usd: float, max_tasks: int = 1_000) -> HostSize:
    return HostSize(room, max_tasks, usd, (Offering(name, "a"),))


def types(size: HostSize) -> list[str]:
    return list(dict.fromkeys(offering.instance_type for offering in size.offerings))


@pytest.mark.parametrize(
    ("refused", "until"),
    [
        (("first", "a", SPOT), LATER),
        (("first", ANY, SPOT), LATER),
        ((ANY, "a", SPOT), LATER),
        ((ANY, ANY, SPOT), LATER),
        (("second", "a", SPOT), None),
        (("first", "b", SPOT), None),
        (("first", "a", ON_DEMAND), None),
        ((ANY, "b", SPOT), None),
        (("second", ANY, SPOT), None),
        ((ANY, ANY, ON_DEMAND), None),
    ],
    ids=[
        "this very one",
        "the type",
        "the subnet",
        "the market",
        "another type here",
        "the type elsewhere",
        "in the other market",
        "another subnet",
        "another type anywhere",
        "the other market",
    ],
)
def test_an_offering_is_refused_by_type_by_subnet_and_by_market(
    refused: tuple[str, str, Market], until: float | None
) -> None:
    assert refusals(refused).until(Offering("first", "a"), SPOT) == until


@pytest.mark.parametrize(("seconds", "is_over"), [(-1, True), (0, True), (1, False)])
def test_a_refusal_that_is_over_counts_no_more(seconds: int, is_over: bool) -> None:
    found = refusals(("first", "a", SPOT), until=NOW + seconds).until(Offering("first", "a"), SPOT)
    assert (found is None) is is_over


def test_an_offering_that_was_refused_twice_waits_for_the_later_end() -> None:
    both = Refusals(
        [
            UnavailableOffering("first", "a", SPOT, NOW + 90),
            UnavailableOffering("first", ANY, SPOT, NOW + 30),
        ],
        NOW,
    )
    assert both.until(Offering("first", "a"), SPOT) == NOW + 90


@given(st.permutations([NOW + 30, NOW + 60, NOW + 90]))
def test_which_of_two_equal_refusals_comes_first_changes_nothing(ends: list[float]) -> None:
    rows = [UnavailableOffering("first", "a", SPOT, until) for until in ends]
    assert Refusals(rows, NOW).until(Offering("first", "a"), SPOT) == NOW + 90


def test_types_of_one_size_are_one_in_the_operators_order_in_every_subnet() -> None:
    pool = a_pool(instance_types=(FIRST, SECOND), subnets=("a", "b"))
    assert host_sizes(pool, SPOT, NONE_REFUSED) == (
        HostSize(
            ROOM_FOR_FOUR,
            1_000,
            0.40,  # of the preferred one, though the other is cheaper
            (
                Offering("first", "a"),
                Offering("first", "b"),
                Offering("second", "a"),
                Offering("second", "b"),
            ),
        ),
    )


def test_a_size_without_its_refused_offerings_costs_what_the_next_one_does() -> None:
    pool = a_pool(instance_types=(FIRST, SECOND), subnets=("a", "b"))
    [size] = host_sizes(pool, SPOT, refusals(("first", ANY, SPOT), ("second", "a", SPOT)))
    assert (size.usd_per_hour, size.offerings) == (0.38, (Offering("second", "b"),))


def test_a_size_is_kept_while_one_subnet_still_has_its_preferred_type() -> None:
    pool = a_pool(instance_types=(FIRST, SECOND), subnets=("a", "b"))
    [size] = host_sizes(pool, SPOT, refusals(("first", "a", SPOT)))
    assert (size.usd_per_hour, size.offerings[0]) == (0.40, Offering("first", "b"))


def test_a_size_of_which_everything_is_refused_is_left_out_in_that_market_alone() -> None:
    pool = a_pool(instance_types=(FIRST, BIG))
    refused = refusals(("first", ANY, SPOT))
    assert [types(size) for size in host_sizes(pool, SPOT, refused)] == [["big"]]
    assert [types(size) for size in host_sizes(pool, ON_DEMAND, refused)] == [["first"], ["big"]]


@given(
    st.permutations([FIRST, BIG, InstanceType("small", SIZE, 0.11), InstanceType("even", EIGHT + SIZE, 0.78)])
)
def test_sizes_come_the_cheapest_first_whatever_the_operators_order(listed: list[InstanceType]) -> None:
    sizes = host_sizes(a_pool(instance_types=tuple(listed)), SPOT, NONE_REFUSED)
    assert [size.offerings[0].instance_type for size in sizes] == ["small", "first", "big", "even"]


def test_types_whose_networks_take_different_numbers_of_tasks_are_different_sizes() -> None:
    few = InstanceType("few", ROOM_FOR_FOUR, 0.40, max_tasks=2)
    sizes = host_sizes(a_pool(instance_types=(FIRST, few)), SPOT, NONE_REFUSED)
    assert sorted((types(size)[0], size.max_tasks) for size in sizes) == [("few", 2), ("first", 1_000)]


def test_an_instance_of_an_exclusive_pool_takes_one_task() -> None:
    [size] = host_sizes(a_pool(exclusive=True), SPOT, NONE_REFUSED)
    assert size.max_tasks == 1


def test_a_type_without_a_size_is_never_asked_for() -> None:
    broken = InstanceType("broken", Resources(0, 1024), 0.01)
    sizes = host_sizes(a_pool(instance_types=(broken, FIRST)), SPOT, NONE_REFUSED)
    assert [types(size) for size in sizes] == [["first"]]


@pytest.mark.parametrize(
    ("usd", "stands_in"), [(0.74, True), (0.75, True), (0.76, False)], ids=["cheaper", "as dear", "dearer"]
)
def test_a_type_stands_in_for_the_cheapest_at_up_to_one_and_a_half_times_its_price(
    usd: float, stands_in: bool
) -> None:
    sizes = (a_host("cheap", ROOM_FOR_FOUR, 0.50), a_host("dear", EIGHT, usd))
    assert (sizes[1] in stand_ins(SIZE, 1, sizes)) is stands_in
    assert sizes[0] in stand_ins(SIZE, 1, sizes)


def test_a_price_is_compared_with_the_cheapest_type_that_fits_not_with_one_that_is_too_small() -> None:
    sizes = (a_host("tiny", SIZE, 0.10), a_host("four", ROOM_FOR_FOUR, 0.40), a_host("eight", EIGHT, 0.60))
    assert stand_ins(ROOM_FOR_FOUR, 1, sizes) == sizes[1:]


def test_a_type_that_holds_too_little_or_too_few_tasks_never_stands_in() -> None:
    few, small, good = (
        a_host("few", EIGHT, 0.40, max_tasks=3),
        a_host("small", SIZE, 0.40),
        a_host("good", ROOM_FOR_FOUR, 0.41, max_tasks=4),
    )
    assert stand_ins(ROOM_FOR_FOUR, 4, (few, small, good)) == (good,)


def test_a_size_is_asked_for_again_when_the_first_refusal_of_a_type_that_holds_it_is_over() -> None:
    refused = Refusals(
        [
            UnavailableOffering("first", "c", SPOT, NOW + 10),  # too small
            UnavailableOffering("big", "a", SPOT, NOW + 90),
            UnavailableOffering("big", "b", SPOT, NOW + 60),
            UnavailableOffering("big", "c", SPOT, NOW - 10),  # over
            UnavailableOffering("big", "d", SPOT, NOW + 20),  # no subnet of the pool
        ],
        NOW,
    )
    pool = a_pool(instance_types=(FIRST, BIG), subnets=("c", "b", "a"))
    assert asked_again(pool, EIGHT, refused) == (NOW + 60, ["a", "b"])


def test_an_on_demand_pool_does_not_wait_for_spot() -> None:
    pool = a_pool(instance_types=(FIRST,), subnets=("a",), market=ON_DEMAND)
    refused = Refusals(
        [
            UnavailableOffering("first", "a", SPOT, NOW + 10),
            UnavailableOffering("first", "a", ON_DEMAND, NOW + 60),
        ],
        NOW,
    )
    assert asked_again(pool, SIZE, refused) == (NOW + 60, ["a"])


@pytest.mark.parametrize(
    "other", [("first", ON_DEMAND), ("second", SPOT)], ids=["in two markets", "of two types"]
)
def test_the_earliest_end_counts_also_among_refusals_of_one_subnet(other: tuple[str, Market]) -> None:
    name, market = other
    pool = a_pool(instance_types=(FIRST, SECOND), subnets=("a",))
    for one_ends, other_ends in [(60, 10), (10, 60)]:
        rows = [
            UnavailableOffering("first", "a", SPOT, NOW + one_ends),
            UnavailableOffering(name, "a", market, NOW + other_ends),
        ]
        assert asked_again(pool, SIZE, Refusals(rows, NOW)) == (NOW + 10, ["a"])
