"""The Terraform peer's way, with phases that have no spread."""

from __future__ import annotations

from local.catalogue.file import shipped
from local.simulator.policies.instance_per_job import RETENTION_SECONDS, run_instance_per_job
from local.simulator.policies.served import types_for_one_job
from local.simulator.workload.jobs import Incident, IncidentKind
from slipway.domain.configuration import InstanceType, Market
from tests.builders import ROOM_FOR_FOUR
from tests.support.baselines import (
    BIG,
    SMALL,
    TOLD,
    a_baseline_pool,
    a_simulated_job,
    a_task,
    ends,
    exact_latencies,
    launches,
    waits,
)

IN_QUEUE = TOLD + 0.125 + 0.5 + 0.5 + 30.0
LAUNCHED = IN_QUEUE + 0.5 + 2.0
START = LAUNCHED + 7.0 + 170.0 + 4.5
AT_ONCE = exact_latencies(pending_to_running=0.0, stock_set_up=0.0)


def test_a_job_waits_for_the_delay_the_fleet_and_the_set_up_and_its_instance_ends_with_it() -> None:
    outcome = run_instance_per_job(a_task([a_simulated_job()]))
    assert waits(outcome) == [START]
    assert START == 216.375
    assert launches(outcome) == [LAUNCHED]
    assert ends(outcome) == [START + 60.0 + 10.0]
    assert outcome.github_calls == 2


def test_every_job_has_an_instance_of_its_own_of_the_cheapest_type_that_holds_it() -> None:
    pool = a_baseline_pool(instance_types=(BIG, SMALL))
    outcome = run_instance_per_job(a_task([a_simulated_job() for _ in range(4)], pool=pool))
    assert [life.type.name for life in outcome.instances] == ["x.small"] * 4


def test_smaller_types_of_the_pools_families_serve_single_jobs_but_not_where_hosts_are_exclusive() -> None:
    listed = InstanceType("m7i.2xlarge", ROOM_FOR_FOUR, 0.4032)
    shared = {kind.name for kind in types_for_one_job(a_baseline_pool(instance_types=(listed,)), shipped())}
    assert {"m7i.2xlarge", "m7i.xlarge", "m7i.large"} <= shared
    assert not {"m7i.4xlarge", "m7a.large"} & shared
    assert types_for_one_job(a_baseline_pool(instance_types=(listed,), exclusive=True), shipped()) == (
        listed,
    )


def test_registrations_of_a_batch_are_a_second_apart() -> None:
    jobs = [a_simulated_job() for _ in range(4)]
    outcome = run_instance_per_job(a_task(jobs, latency=AT_ONCE))
    first = LAUNCHED + 4.5
    # The first message is taken alone; the others wait for its function to end, and are one batch.
    assert waits(outcome) == [first, first + 2.5, first + 3.5, first + 4.5]


def test_a_batch_holds_ten_messages() -> None:
    jobs = [a_simulated_job() for _ in range(12)]
    starts = waits(run_instance_per_job(a_task(jobs, latency=AT_ONCE)))
    first = LAUNCHED + 4.5
    assert starts[10] == first + 2.5 + 9.0
    assert starts[11] == first + 2.5 + 9.0 + 2.5  # a third function, with a fleet of its own


def test_owners_of_one_batch_are_served_one_after_the_other() -> None:
    jobs = [a_simulated_job(), a_simulated_job(), a_simulated_job(organization="other")]
    starts = waits(run_instance_per_job(a_task(jobs, latency=AT_ONCE)))
    first = LAUNCHED + 4.5
    assert starts == [first, first + 2.5, first + 5.0]


def test_at_the_limit_a_message_comes_back_every_thirty_seconds() -> None:
    pool = a_baseline_pool(instance_types=(BIG, SMALL), max_instances=1)
    outcome = run_instance_per_job(a_task([a_simulated_job() for _ in range(5)], pool=pool))
    running = sorted((life.launched_at, life.ended_at) for life in outcome.instances)
    assert len(running) == 5
    assert running[4][0] >= min(end for _, end in running[:4])
    assert running[4][0] < min(end for _, end in running[:4]) + 30.0 + 2.5 + 30.0


def test_a_message_is_lost_after_a_day() -> None:
    pool = a_baseline_pool(max_instances=1)
    longer_than_a_day = a_simulated_job(duration=RETENTION_SECONDS + 3_600.0)
    outcome = run_instance_per_job(a_task([longer_than_a_day, a_simulated_job(queued_at=60.0)], pool=pool))
    assert [job.completed_at is not None for job in outcome.jobs] == [True, False]


def test_without_spot_capacity_the_message_comes_back_until_there_is_some() -> None:
    incident = Incident(IncidentKind.NO_SPOT_CAPACITY, 0.0, 600.0)
    pool = a_baseline_pool(market=Market.SPOT)
    outcome = run_instance_per_job(a_task([a_simulated_job()], pool=pool, incidents=(incident,)))
    (launched,) = launches(outcome)
    assert 600.0 <= launched < 600.0 + 30.0 + 2.5 + 2.5
