"""The bound: its cost and its wait, by hand."""

from __future__ import annotations

import pytest

from local.simulator.policies.clairvoyant import run_clairvoyant
from local.simulator.report.summary import cost_usd
from slipway.domain.configuration import InstanceType, Market
from slipway.domain.resources import Resources
from tests.support.baselines import BIG, SMALL, a_baseline_pool, a_simulated_job, a_task, waits


def test_a_job_pays_for_its_part_of_an_instance_and_of_an_hour() -> None:
    outcome = run_clairvoyant(a_task([a_simulated_job(duration=900.0) for _ in range(4)]))
    assert cost_usd(outcome) == pytest.approx(
        0.8 / 4
    )  # four quarters of the big type for a quarter of an hour


def test_spot_costs_its_share() -> None:
    task = a_task([a_simulated_job(duration=3_600.0)], pool=a_baseline_pool(market=Market.SPOT))
    assert cost_usd(run_clairvoyant(task)) == pytest.approx(0.4 * 0.8 / 4)


def test_cpu_and_memory_are_bought_from_whichever_types_sell_them_cheapest() -> None:
    much_cpu = InstanceType("x.cpu", Resources(4096, 7168), 0.4)
    much_memory = InstanceType("x.memory", Resources(2048, 14_336), 0.4)
    pool = a_baseline_pool(instance_types=(much_cpu, much_memory))
    outcome = run_clairvoyant(a_task([a_simulated_job(duration=3_600.0)], pool=pool))
    # A third of each is 2,048 units and 7,168 MiB.
    assert cost_usd(outcome) == pytest.approx((0.4 + 0.4) / 3)


def test_an_exclusive_pool_pays_for_the_whole_of_the_cheapest_type_and_a_minute_at_least() -> None:
    pool = a_baseline_pool(instance_types=(BIG, SMALL), exclusive=True)
    outcome = run_clairvoyant(a_task([a_simulated_job(duration=15.0)], pool=pool))
    assert cost_usd(outcome) == pytest.approx(0.3 / 60)


def test_the_wait_is_what_nobody_can_avoid() -> None:
    outcome = run_clairvoyant(a_task([a_simulated_job()]))
    assert waits(outcome) == [1.0 + 3.0 + 1.5]
    assert outcome.jobs[0].own_seconds == 0.0


def test_jobs_that_no_profile_serves_are_left_out() -> None:
    task = a_task([a_simulated_job(labels=("ubuntu-latest",)), a_simulated_job()])
    assert len(run_clairvoyant(task).jobs) == 1


def test_labels_that_carry_their_size_or_their_run_are_served() -> None:
    sized, of_run = ("slipway/medium",), ("slipway/medium/run=123-1",)
    jobs = [a_simulated_job(labels=sized), a_simulated_job(labels=of_run)]
    assert [job.job.labels for job in run_clairvoyant(a_task(jobs)).jobs] == [sized, of_run]
