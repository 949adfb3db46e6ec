"""Gauges: a pool in numbers."""

from __future__ import annotations

import pytest

from slipway.domain.gauges import Gauges, fill_of, gauges_of
from slipway.domain.instances import InstanceState
from slipway.domain.resources import Resources
from slipway.domain.runners import RunnerState
from tests.builders import (
    ROOM_FOR_FOUR,
    SIZE,
    a_booting_instance,
    a_runner,
    a_snapshot,
    a_stopped_instance,
    an_arn,
    an_instance,
    several_jobs,
)


def test_an_empty_pool_is_all_zeros() -> None:
    assert gauges_of(a_snapshot()) == Gauges()


def test_each_runner_and_instance_is_counted_where_it_stands() -> None:
    states = [RunnerState.STARTING, *[RunnerState.REGISTERED] * 2, *[RunnerState.BUSY] * 3, RunnerState.GONE]
    instances = (
        an_instance("i-1"),
        an_instance("i-2", state=InstanceState.DRAINING),
        a_booting_instance("i-3"),
        a_booting_instance("i-4", state=InstanceState.WARMING),
        a_stopped_instance("i-5"),
    )
    runners = tuple(a_runner(number, state) for number, state in enumerate(states, 1))
    found = gauges_of(a_snapshot(jobs=several_jobs(5), runners=runners, instances=instances))
    assert found == Gauges(
        waiting_jobs=5,
        running_jobs=3,
        idle_runners=2,
        starting_runners=1,
        ready_instances=2,
        booting_instances=2,
        stopped_instances=1,
    )


def test_fill_is_the_mean_of_both_shares_and_a_large_instance_weighs_more() -> None:
    large = Resources(ROOM_FOR_FOUR.cpu_units * 3, ROOM_FOR_FOUR.memory_mib)
    instances = (an_instance("i-1"), an_instance("i-2", registered=large), a_booting_instance("i-3"))
    on_small = [a_runner(number, instance_arn=an_arn("i-1")) for number in range(4)]
    found = gauges_of(a_snapshot(runners=tuple(on_small), instances=instances))
    assert SIZE.cpu_units * 4 == ROOM_FOR_FOUR.cpu_units
    assert found.fill_percent == pytest.approx((25 + 50) / 2)  # a quarter of the CPU, half of the memory


def test_a_runner_that_is_done_holds_its_room_until_its_task_stopped_and_one_elsewhere_holds_none() -> None:
    done = a_runner(1, RunnerState.GONE, instance_arn=an_arn("i-1"))
    elsewhere = a_runner(2, instance_arn=an_arn("i-9"))
    placed_nowhere = a_runner(3, instance_arn=None)
    found = gauges_of(a_snapshot(runners=(done, elsewhere, placed_nowhere), instances=(an_instance("i-1"),)))
    assert found.fill_percent == 25.0


def test_of_no_instance_that_is_up_there_is_no_fill() -> None:
    booting = a_booting_instance("i-1")
    assert fill_of(a_snapshot(instances=(booting,))) is None
    assert gauges_of(a_snapshot(instances=(booting,))).fill_percent == 0.0
