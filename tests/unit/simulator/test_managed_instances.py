"""ECS Managed Instances with phases that have no spread."""

from __future__ import annotations

from local.simulator.policies.managed_instances import SCALE_IN_AFTER_SECONDS, run_managed_instances
from local.simulator.workload.jobs import Incident, IncidentKind
from slipway.domain.configuration import Market
from tests.support.baselines import (
    ASKED,
    BIG,
    SMALL,
    UNTIL_JOB,
    a_baseline_pool,
    a_simulated_job,
    a_task,
    ends,
    launches,
    waits,
)

BOOT = 2.0 + 7.0 + 12.0 + 1.0
START = ASKED + 1.0 + BOOT + 0.5 + 15.0 + UNTIL_JOB


def test_a_cold_job_has_its_container_forty_seconds_after_it_was_asked_for() -> None:
    outcome = run_managed_instances(a_task([a_simulated_job()]))
    assert waits(outcome) == [START]
    assert START - UNTIL_JOB + 1.5 - ASKED == 40.0
    assert launches(outcome) == [ASKED + 1.0]


def test_an_idle_instance_ends_after_its_time_and_serves_whoever_comes_before() -> None:
    outcome = run_managed_instances(a_task([a_simulated_job(), a_simulated_job(queued_at=200.0)]))
    second = ASKED + 0.5 + 0.5 + UNTIL_JOB
    assert waits(outcome) == [START, second]
    assert ends(outcome) == [200.0 + second + 60.0 + 1.0 + SCALE_IN_AFTER_SECONDS]


def test_jobs_that_wait_together_share_hosts_bought_at_the_best_price() -> None:
    pool = a_baseline_pool(instance_types=(BIG, SMALL))
    outcome = run_managed_instances(a_task([a_simulated_job() for _ in range(5)], pool=pool))
    assert sorted(life.type.name for life in outcome.instances) == ["x.big", "x.small"]


def test_a_job_is_given_room_on_an_instance_that_boots() -> None:
    outcome = run_managed_instances(a_task([a_simulated_job(), a_simulated_job(queued_at=10.0)]))
    assert len(outcome.instances) == 1
    # It waits for the pull that the first one began, then finds the image on the disk.
    assert waits(outcome)[1] == START - 10.0 + 0.5


def test_the_pools_limit_holds_and_what_waits_is_served_as_room_comes() -> None:
    pool = a_baseline_pool(max_instances=1)
    outcome = run_managed_instances(a_task([a_simulated_job() for _ in range(6)], pool=pool))
    assert len(outcome.instances) == 1
    assert all(job.completed_at for job in outcome.jobs)
    assert waits(outcome)[4] == max(wait or 0.0 for wait in waits(outcome)[:1]) + 61.0 + 0.5 + 0.5 + UNTIL_JOB


def test_a_pool_of_one_job_an_instance_shares_nothing() -> None:
    pool = a_baseline_pool(exclusive=True)
    outcome = run_managed_instances(a_task([a_simulated_job() for _ in range(3)], pool=pool))
    assert len(outcome.instances) == 3


def test_spot_capacity_that_is_gone_is_waited_for() -> None:
    incident = Incident(IncidentKind.NO_SPOT_CAPACITY, 0.0, 500.0)
    pool = a_baseline_pool(market=Market.SPOT)
    outcome = run_managed_instances(a_task([a_simulated_job()], pool=pool, incidents=(incident,)))
    assert launches(outcome) == [500.0]
