"""Money: shares that add up to the last nano-dollar, whatever the order and however often lines repeat."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.catalogue import catalogue_of
from local.reports.money import NANO, NoPriceError, Prices, Range, apportion, bill, priced
from slipway.domain.resources import Resources
from slipway.domain.usage import InstanceUsage, RunnerUsage
from tests.support.catalogues import an_entry

HALF = Prices(
    catalogue_of("catalogue.csv", [an_entry("m7i.2xlarge", on_demand_usd_per_hour=0.5)]),
    {"general": "ap-northeast-1"},
)
ALWAYS = Range(0.0, 10_000_000.0)
HOST = Resources(8_192, 28_672)


def an_instance(number: int = 0, **changes: object) -> InstanceUsage:
    usual = InstanceUsage(
        instance_id=f"i-{number}",
        pool="general",
        instance_type="m7i.2xlarge",
        market="on-demand",
        subnet="subnet-1",
        registered=HOST,
        usd_per_hour=0.4032,
        instance_arn=f"arn-{number}",
        launched_at=1_000.0,
        ended_at=4_600.0,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def a_container(number: int = 0, **changes: object) -> RunnerUsage:
    usual = RunnerUsage(
        task_id=f"{number:032x}",
        pool="general",
        profile="medium",
        size=Resources(2_048, 7_168),
        instance_arn="arn-0",
        started_at=1_100.0,
        stopped_at=2_000.0,
        busy_at=1_120.0,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def ran_a_job(runner: RunnerUsage) -> bool:
    return runner.busy_at is not None


def test_a_job_pays_what_it_held_and_all_that_nobody_else_did() -> None:
    made = bill([an_instance()], [a_container()], ALWAYS, ran_a_job)
    assert made.instances == round(0.4032 * NANO)
    [charge] = made.charges
    assert charge.held == round(0.4032 * NANO * 0.25 * 900 / 3600)
    assert charge.total == made.instances


def test_two_jobs_share_the_overhead_in_proportion_to_what_they_held() -> None:
    twice_as_long = a_container(1, stopped_at=2_900.0)
    made = bill([an_instance()], [a_container(), twice_as_long], ALWAYS, ran_a_job)
    first, second = made.charges
    assert second.held == 2 * first.held
    assert abs(second.overhead - 2 * first.overhead) <= 1


def test_a_container_that_never_ran_a_job_is_overhead() -> None:
    in_vain = a_container(1, busy_at=None)
    made = bill([an_instance()], [a_container(), in_vain], ALWAYS, ran_a_job)
    assert [charge.runner.task_id for charge in made.charges] == [a_container().task_id]
    assert made.total == made.instances


def test_what_no_job_of_a_pool_used_is_owed_by_nobody() -> None:
    made = bill([an_instance(), an_instance(1, pool="night")], [a_container()], ALWAYS, ran_a_job)
    assert made.unowned == {"night": round(0.4032 * NANO)}
    assert made.total == made.instances


def test_a_spot_instance_costs_a_share_of_the_list_price() -> None:
    made = bill([an_instance(market="spot")], [], ALWAYS, ran_a_job, spot_share=0.4)
    assert made.instances == round(0.4032 * 0.4 * NANO)


def test_an_instance_of_a_few_seconds_costs_a_minute() -> None:
    assert bill([an_instance(ended_at=1_003.0)], [], ALWAYS, ran_a_job).instances == round(0.4032 * NANO / 60)


def test_only_what_lies_within_the_range_is_counted() -> None:
    halves = [
        bill([an_instance()], [a_container()], Range(*span), ran_a_job)
        for span in ((0, 1_550), (1_550, 9_000))
    ]
    assert sum(half.instances for half in halves) == round(0.4032 * NANO)
    assert all(half.total == half.instances for half in halves)


def test_an_instance_without_a_price_of_its_own_costs_its_types() -> None:
    [life] = priced([an_instance(usd_per_hour=0.0)], HALF)
    assert life.usd_per_hour == 0.5
    assert priced([an_instance()], HALF) == [an_instance()]
    [named] = priced([an_instance()], replace(HALF, named={"m7i.2xlarge": 9.0}))
    assert named.usd_per_hour == 9.0


def test_a_type_without_a_price_is_named_and_never_taken_for_nothing() -> None:
    lives = [an_instance(usd_per_hour=0.0), an_instance(1, usd_per_hour=0.0, instance_type="x9.large")]
    with pytest.raises(NoPriceError, match=r"x9\.large"):
        priced(lives, HALF)


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**9), min_size=1, max_size=50).filter(any))
def test_parts_add_up_to_the_whole_and_are_at_most_one_off(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    exact = [total * weight / sum(weights) for weight in weights]
    assert all(abs(part - share) < 1 + share * 1e-9 for part, share in zip(parts, exact, strict=True))


_INSTANCES = st.lists(
    st.builds(
        an_instance,
        st.integers(0, 5),
        pool=st.sampled_from(["general", "night"]),
        usd_per_hour=st.floats(0.0, 30.0),
        launched_at=st.floats(0.0, 50_000.0),
        ended_at=st.floats(0.0, 100_000.0),
    ).filter(lambda life: life.ended_at >= life.launched_at),
    max_size=6,
)
_CONTAINERS = st.lists(
    st.builds(
        a_container,
        st.integers(0, 30),
        instance_arn=st.sampled_from([f"arn-{number}" for number in range(7)]),
        size=st.builds(Resources, st.integers(128, 9_000), st.integers(64, 30_000)),
        started_at=st.floats(0.0, 90_000.0),
        stopped_at=st.floats(0.0, 100_000.0),
        busy_at=st.none() | st.just(1.0),
    ),
    max_size=20,
)


@given(_INSTANCES, _CONTAINERS, st.floats(0.0, 60_000.0), st.floats(0.0, 60_000.0), st.randoms())
def test_every_bill_adds_up_and_depends_on_neither_order_nor_repetition(
    instances: list[InstanceUsage],
    containers: list[RunnerUsage],
    start: float,
    length: float,
    chance: random.Random,
) -> None:
    instances = list({(life.instance_id, life.launched_at): life for life in instances}.values())
    containers = list({runner.task_id: runner for runner in containers}.values())
    within = Range(start, start + length)
    made = bill(instances, containers, within, ran_a_job)
    assert made.total == made.instances
    assert all(charge.held >= 0 and charge.overhead >= 0 for charge in made.charges)
    shuffled = [chance.sample(lines * 2, len(lines) * 2) for lines in (instances, containers)]
    assert bill(shuffled[0], shuffled[1], within, ran_a_job) == made  # type: ignore[arg-type]
