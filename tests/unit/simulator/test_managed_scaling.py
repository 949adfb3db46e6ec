"""ECS managed scaling, rule by rule, with phases that have no spread."""

from __future__ import annotations

import pytest

from local.simulator.policies import managed_scaling
from local.simulator.policies.managed_scaling import run_managed_scaling
from local.simulator.policies.target_tracking import instances_for, reservation, scale_in, scale_out
from local.simulator.workload.jobs import Incident, IncidentKind
from slipway.domain.configuration import Market
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from tests.builders import SHAPE
from tests.support.baselines import (
    ASKED,
    BIG,
    SMALL,
    STARTS_AT,
    UNTIL_JOB,
    a_baseline_pool,
    a_simulated_job,
    a_task,
    ends,
    launches,
    waits,
)

DETECTION = 30.0 + 40.0 + 8.0
BOOT = 7.0 + 18.0 + 1.0
FIRST_LAUNCH = ASKED + DETECTION
FIRST_START = FIRST_LAUNCH + BOOT + 5.0 + 0.5 + 3.0 + UNTIL_JOB


@pytest.mark.parametrize(
    ("needed", "running", "percent"), [(0, 0, 100.0), (3, 0, 200.0), (3, 2, 150.0), (1, 2, 50.0)]
)
def test_the_metric_is_needed_by_running_instances(needed: int, running: int, percent: float) -> None:
    assert reservation(needed, running) == percent


@pytest.mark.parametrize(
    ("needed", "running", "target", "launched"),
    [
        (1, 0, 100, 2),
        (50, 0, 100, 2),
        (5, 2, 100, 3),
        (2, 2, 100, 0),
        (1, 2, 100, 0),
        (10, 10, 80, 3),
        (20_000, 1, 100, 10_000),
    ],
)
def test_a_step_follows_the_metric_but_for_the_first_from_zero(
    needed: int, running: int, target: int, launched: int
) -> None:
    assert scale_out(needed, running, target) == launched


@pytest.mark.parametrize(
    ("needed", "running", "ended"), [(0, 8, 4), (7, 8, 1), (0, 1, 1), (8, 8, 0), (0, 3, 1), (0, 0, 0)]
)
def test_a_minute_takes_away_at_most_half_of_the_group_and_one_at_least(
    needed: int, running: int, ended: int
) -> None:
    assert scale_in(needed, running) == ended


def test_waiting_tasks_are_packed_by_cpu_memory_and_number() -> None:
    tall = Shape("tall", Resources(1024, 14_336))
    assert instances_for({SHAPE: 5}, BIG, 1_000) == 2
    assert instances_for({SHAPE: 5}, BIG, 1) == 5
    assert instances_for({SHAPE: 2, tall: 1}, BIG, 1_000) == 1
    assert instances_for({}, BIG, 1_000) == 0


def test_a_cold_job_waits_for_metric_alarm_tracking_boot_and_retry_and_two_instances_come() -> None:
    outcome = run_managed_scaling(a_task([a_simulated_job()]))
    assert waits(outcome) == [FIRST_START]
    assert FIRST_START == 121.0
    assert launches(outcome) == [FIRST_LAUNCH, FIRST_LAUNCH]
    assert outcome.aws_calls == {"ecs.RunTask": 1}
    assert outcome.github_calls == 1


def test_a_job_for_which_there_is_room_waits_for_its_container_alone() -> None:
    outcome = run_managed_scaling(a_task([a_simulated_job(), a_simulated_job(queued_at=300.0)]))
    # The image is on the disk and was touched by the first job.
    assert waits(outcome)[1] == ASKED + 0.5 + 0.5 + UNTIL_JOB


def test_the_second_step_waits_until_the_first_has_warmed_up() -> None:
    outcome = run_managed_scaling(a_task([a_simulated_job(duration=3_000.0) for _ in range(12)]))
    warm_at = FIRST_LAUNCH + 7.0 + 300.0
    assert launches(outcome) == [FIRST_LAUNCH, FIRST_LAUNCH, warm_at + DETECTION]
    late = warm_at + DETECTION + BOOT + 5.0 + 0.5 + 3.0 + UNTIL_JOB
    assert sorted(wait for wait in waits(outcome) if wait is not None)[8] == late


def test_the_pools_limit_holds_back_also_the_first_two() -> None:
    pool = a_baseline_pool(max_instances=1)
    outcome = run_managed_scaling(a_task([a_simulated_job() for _ in range(5)], pool=pool))
    assert len(outcome.instances) == 1
    freed = FIRST_START + 60.0 + 1.0
    # The first four touch the image together and wait with the first of them.
    assert waits(outcome)[4] == pytest.approx(freed + 0.5 + 5.0 + 0.5 + 0.5 + UNTIL_JOB, abs=1.0)


def test_scaling_in_takes_fifteen_minutes_from_the_scale_out_and_half_of_the_group_a_minute() -> None:
    outcome = run_managed_scaling(a_task([a_simulated_job()]))
    first_minute = 1_020.0  # the first minute that is 15 minutes after the launch at 80.5 s
    assert FIRST_LAUNCH + 900.0 <= first_minute < FIRST_LAUNCH + 960.0
    assert ends(outcome) == [first_minute, first_minute + 60.0]


def test_scaling_in_counts_fifteen_minutes_below_the_target() -> None:
    outcome = run_managed_scaling(a_task([a_simulated_job(duration=3_000.0) for _ in range(8)]))
    freed = max(job.completed_at for job in outcome.jobs if job.completed_at) + 1.0 - STARTS_AT
    first_low = 60.0 * (freed // 60.0 + 1)
    assert ends(outcome) == [first_low + 14 * 60.0, first_low + 15 * 60.0]


def test_an_instance_with_a_task_is_never_scaled_in() -> None:
    outcome = run_managed_scaling(a_task([a_simulated_job(duration=7_200.0)]))
    kept = max(outcome.instances, key=lambda life: life.ended_at)
    assert kept.ended_at >= (outcome.jobs[0].completed_at or 0.0)
    assert min(ends(outcome)) == 1_020.0  # the other of the first two, empty from the start


def test_a_cluster_with_five_hundred_waiting_tasks_refuses_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed_scaling, "PROVISIONING_TIMEOUT", (1e6, 1e6))
    jobs = [a_simulated_job(duration=1.0) for _ in range(503)]
    outcome = run_managed_scaling(a_task(jobs))
    # Three are refused until the first eight places are there: at 2.5, 32.5, 62.5 and 92.5 s.
    assert outcome.aws_calls["ecs.RunTask"] == 503 + 3 * 4
    assert all(job.completed_at for job in outcome.jobs)
    monkeypatch.setattr(managed_scaling, "PROVISIONING_LIMIT", 503)
    assert run_managed_scaling(a_task(jobs)).aws_calls["ecs.RunTask"] == 503


def test_a_task_that_waits_too_long_is_stopped_and_asked_for_anew() -> None:
    pool = a_baseline_pool(max_instances=1)
    jobs = [a_simulated_job(duration=4_000.0) for _ in range(5)]
    outcome = run_managed_scaling(a_task(jobs, pool=pool))
    again = outcome.aws_calls["ecs.RunTask"] - len(jobs)
    assert 2 <= again <= 6  # about 4,000 s in waits of 600 to 1,800 s
    assert all(job.completed_at for job in outcome.jobs)


def test_the_group_has_the_first_type_that_holds_every_task_of_the_pool() -> None:
    for kinds, wanted in (((SMALL, BIG), SMALL), ((BIG, SMALL), BIG)):
        outcome = run_managed_scaling(a_task([a_simulated_job()], pool=a_baseline_pool(instance_types=kinds)))
        assert {life.type for life in outcome.instances} == {wanted}


def test_a_job_that_fits_no_type_never_starts() -> None:
    small = a_baseline_pool(instance_types=(SMALL,))
    labels = ("slipway/medium",)
    outcome = run_managed_scaling(a_task([a_simulated_job(labels=labels)], pool=small))
    assert outcome.jobs[0].started_at is not None
    tiny = a_baseline_pool(instance_types=(type(SMALL)("x.tiny", Resources(1024, 7168), 0.1),))
    outcome = run_managed_scaling(a_task([a_simulated_job()], pool=tiny))
    assert (outcome.jobs[0].started_at, outcome.instances) == (None, ())


def test_without_spot_capacity_nothing_is_launched_until_it_is_back() -> None:
    incident = Incident(IncidentKind.NO_SPOT_CAPACITY, 0.0, 900.0)
    task = a_task([a_simulated_job()], pool=a_baseline_pool(market=Market.SPOT), incidents=(incident,))
    assert launches(run_managed_scaling(task)) == [900.0, 900.0]
    task = a_task([a_simulated_job()], pool=a_baseline_pool(market=Market.ON_DEMAND), incidents=(incident,))
    assert launches(run_managed_scaling(task)) == [FIRST_LAUNCH, FIRST_LAUNCH]


def test_an_interrupted_job_starts_anew_and_keeps_the_wait_of_its_first_start() -> None:
    storm = Incident(IncidentKind.SPOT_STORM, 130.0, 5.0, strength=3_600_000.0)
    pool = a_baseline_pool(market=Market.SPOT)
    outcome = run_managed_scaling(a_task([a_simulated_job(duration=600.0)], pool=pool, incidents=(storm,)))
    assert waits(outcome) == [FIRST_START]
    taken_at = [life.ended_at for life in outcome.instances][:2]
    assert all(STARTS_AT + 250.0 <= moment < STARTS_AT + 250.1 for moment in taken_at)
    completed = outcome.jobs[0].completed_at
    assert completed is not None
    assert completed > STARTS_AT + 250.0 + 600.0


def test_a_job_that_ends_within_the_notice_is_not_lost() -> None:
    storm = Incident(IncidentKind.SPOT_STORM, 130.0, 5.0, strength=3_600_000.0)
    pool = a_baseline_pool(market=Market.SPOT)
    outcome = run_managed_scaling(a_task([a_simulated_job(duration=60.0)], pool=pool, incidents=(storm,)))
    assert outcome.jobs[0].completed_at == STARTS_AT + FIRST_START + 60.0


def test_a_lost_webhook_is_never_learned_of_and_a_refused_call_is_tried_again() -> None:
    lost = Incident(IncidentKind.GITHUB_DOWN, 0.0, 100.0)
    outcome = run_managed_scaling(
        a_task([a_simulated_job(), a_simulated_job(queued_at=150.0)], incidents=(lost,))
    )
    assert [job.completed_at is not None for job in outcome.jobs] == [False, True]
    refused = Incident(IncidentKind.GITHUB_DOWN, 1.0, 99.0)
    outcome = run_managed_scaling(a_task([a_simulated_job()], incidents=(refused,)))
    assert outcome.github_calls == 5  # at 2.5, 32.5, 62.5, 92.5 and 122.5 s
    assert waits(outcome) == [FIRST_START + 120.0]
