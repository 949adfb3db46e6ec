"""Waiting tasks, idle runners, instances that nobody needs: what is kept, what goes, and what is never touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.simulator.containers import VirtualContainer
from slipway.domain.configuration import Configuration
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control
from tests.integration.loop.scenes import (
    DeafContainer,
    SilentContainer,
    all_answers,
    calls,
    container_of,
    recorded,
    served_per_task,
    when,
)
from tests.support.loop import DOCKER_LABELS, Acme, a_configuration, acme


def with_standby(count: int = 2) -> Configuration:
    configuration = a_configuration()
    small = replace(configuration.profiles["small"], standby=count)
    return replace(configuration, profiles={**configuration.profiles, "small": small})


def waiting_tasks(deployment: Acme) -> int:
    return sum(
        runner.state is RunnerState.STARTING and runner.running_at is not None
        for runner in recorded(deployment).values()
    )


def test_standby_tasks_wait_with_204_and_a_job_is_served_without_an_instance_start() -> None:
    deployment = acme(with_standby(2))
    when(deployment, lambda: waiting_tasks(deployment) == 2)
    deployment.clock.advance(30.0)
    assert {(a.status, a.retry_after_seconds) for a in all_answers(deployment)} == {(204, 2)}
    launched = len(calls(deployment, "CreateFleet"))
    queued_at = deployment.clock.now()
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: job.status == "in_progress")
    assert (
        deployment.clock.now() - queued_at <= 6.0
    )  # webhook, convergence, and at most 2 s until it asks again
    assert deployment.until_completed(job)
    when(deployment, lambda: waiting_tasks(deployment) == 2)
    deployment.clock.advance(30.0)
    assert len(calls(deployment, "CreateFleet")) == launched
    assert waiting_tasks(deployment) == 2


def test_a_standby_container_that_hangs_is_replaced_and_one_that_waits_is_not() -> None:
    deployment = acme(with_standby(1))
    deployment.loop.containers.make = SilentContainer
    when(deployment, lambda: waiting_tasks(deployment) == 1)
    (hung,) = recorded(deployment)
    deployment.loop.containers.make = VirtualContainer
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job, limit_seconds=900.0)
    when(deployment, lambda: waiting_tasks(deployment) == 1 and hung not in recorded(deployment), 900.0)
    (waiting,) = recorded(deployment)
    deployment.clock.advance(3_600.0)
    assert list(recorded(deployment)) == [waiting]


def test_standby_is_kept_and_surplus_is_dismissed() -> None:
    deployment = acme(with_standby(1))
    when(deployment, lambda: waiting_tasks(deployment) == 1)
    jobs = [deployment.queue(f"{login}/web", seconds=5.0) for login in ("alpha", "beta", "gamma")]
    deployment.clock.advance(2.0)
    for job in jobs[1:]:
        deployment.github.jobs.cancel(job.id)
    assert deployment.until_completed(*jobs)
    deployment.clock.advance(240.0)
    assert waiting_tasks(deployment) == 1
    assert len(deployment.loop.aws.ecs.live_tasks()) == 1
    assert len(deployment.loop.aws.ec2.live_instances()) == 1
    assert deployment.loop.errors == []


def test_a_standby_task_that_vanished_is_replaced() -> None:
    deployment = acme(with_standby(1))
    when(deployment, lambda: waiting_tasks(deployment) == 1)
    only = next(iter(deployment.loop.containers.by_task.values()))
    only.kill()
    deployment.loop.aws.ecs.container_exited(only.task.task_arn, 137)
    deployment.clock.advance(30.0)
    assert waiting_tasks(deployment) == 1


def test_a_standby_container_that_hangs_does_not_keep_a_job_waiting_for_ever() -> None:
    deployment = acme(with_standby(1))
    deployment.loop.containers.make = SilentContainer
    when(deployment, lambda: waiting_tasks(deployment) == 1)
    from local.simulator.containers import VirtualContainer

    deployment.loop.containers.make = VirtualContainer
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job, limit_seconds=1_200.0)


def test_a_standby_container_that_asks_in_vain_while_github_is_down_is_kept() -> None:
    """It lives and asks, and would be missed as soon as GitHub is back."""
    deployment = acme(with_standby(1))
    when(deployment, lambda: waiting_tasks(deployment) == 1)
    (first,) = recorded(deployment)
    deployment.github.faults.failing = 1.0
    deployment.queue(seconds=5.0)
    deployment.clock.advance(1_200.0)
    assert first in recorded(deployment)
    assert deployment.loop.containers.by_task[first].is_alive


def idle_runner(deployment: Acme) -> str:
    """Have a runner registered for a job that is then cancelled; return its task."""
    job = deployment.queue(seconds=5.0)
    deployment.github.world.timers.take_job = 1e9
    when(deployment, lambda: any(r.state is RunnerState.STARTING for r in recorded(deployment).values()))
    deployment.github.router.withdraw(job)
    when(deployment, lambda: any(r.state is RunnerState.REGISTERED for r in recorded(deployment).values()))
    deployment.github.jobs.cancel(job.id)
    return next(iter(recorded(deployment)))


def test_idle_runner_is_released_by_its_watchdog() -> None:
    deployment = acme()
    task_id = idle_runner(deployment)
    registered_at = deployment.clock.now()
    when(deployment, lambda: not deployment.github.registry.by_id)
    assert 115.0 <= deployment.clock.now() - registered_at <= 125.0
    assert deployment.until_clean()
    assert calls(deployment, "StopTask") == []
    assert served_per_task(deployment)[task_id] == 1


def test_idle_runner_whose_watchdog_is_dead_is_reaped_delete_before_stop() -> None:
    deployment = acme()
    deployment.loop.containers.make = DeafContainer
    idle_runner(deployment)
    registered_at = deployment.clock.now()
    when(deployment, lambda: not deployment.github.registry.by_id)
    assert calls(deployment, "StopTask") != []
    assert deployment.clock.now() - registered_at <= 120.0 + 120.0 + 60.0 + 5.0
    assert deployment.until_clean()


def test_idle_runner_serves_a_later_job_of_the_same_labels_without_another_start() -> None:
    deployment = acme()
    idle_runner(deployment)
    deployment.clock.advance(5.0)  # until the cancelled job no longer counts as the one it covers
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    assert len(deployment.loop.containers.by_task) == 1
    assert deployment.until_clean()


def test_release_while_busy_is_409_and_takes_nothing_away() -> None:
    deployment = acme()
    job = deployment.queue(seconds=300.0)
    when(deployment, lambda: job.status == "in_progress")
    caller = container_of(deployment, job).caller
    for _ in range(3):
        assert deployment.loop.release(caller).status == 409
        deployment.clock.advance(10.0)
    assert deployment.until_completed(job)
    assert job.now.conclusion == "success"


def test_a_busy_runner_of_which_no_event_came_is_never_taken_for_idle() -> None:
    """Neither in_progress nor completed ever arrives: GitHub's DELETE alone says that it is busy."""
    deployment = acme()
    job = deployment.queue(seconds=2_000.0)
    when(deployment, lambda: job.status == "queued" and bool(recorded(deployment)))
    deployment.github.deliveries.faults.lost = 1.0
    assert deployment.until_completed(job, limit_seconds=3_000.0)
    assert job.now.conclusion == "success"
    deployment.github.deliveries.faults.lost = 0.0
    assert calls(deployment, "StopTask") == []
    assert deployment.until_clean(limit_seconds=3_600.0), deployment.left()


@pytest.mark.parametrize("order", [Control.DRAIN, Control.PAUSE])
def test_drain_and_pause_take_no_runner_from_a_job(order: Control) -> None:
    deployment = acme()
    job = deployment.queue(seconds=600.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.loop.ledger.notes.order("general", order)
    later = deployment.queue("beta/web", seconds=5.0)
    assert deployment.until_completed(job)
    assert job.now.conclusion == "success"
    assert later.status == "queued"
    deployment.loop.ledger.notes.order("general", Control.RUN)
    assert deployment.until_completed(later, limit_seconds=240.0)
    assert deployment.until_clean()


def test_scale_in_ends_an_instance_only_after_two_empty_listings_and_never_a_busy_one() -> None:
    deployment = acme()
    large = ["slipway/medium/cpu=8/memory=28GiB"]
    long = [deployment.queue("beta/web", large, seconds=1_500.0) for _ in range(2)]  # an instance full
    when(deployment, lambda: all(job.status == "in_progress" for job in long))
    short = [deployment.queue(labels=large, seconds=20.0) for _ in range(2)]
    assert deployment.until_completed(*short)
    when(deployment, lambda: bool(calls(deployment, "TerminateInstances")))
    log = [(c.operation, dict(c.parameters)) for c in deployment.loop.aws.calls_log]
    end = next(i for i, (operation, _) in enumerate(log) if operation == "TerminateInstances")
    drained = max(
        i for i, (operation, _) in enumerate(log[:end]) if operation == "UpdateContainerInstancesState"
    )
    arn = log[drained][1]["containerInstances"][0]
    listings = [
        1
        for operation, p in log[drained:end]
        if operation == "ListTasks" and p.get("containerInstance") == arn
    ]
    assert len(listings) >= 2
    assert [job.status for job in long] == ["in_progress", "in_progress"]
    assert deployment.until_completed(*long, limit_seconds=2_000.0)
    assert {job.now.conclusion for job in long} == {"success"}
    assert deployment.until_clean()


def test_an_empty_instance_is_listed_twice_before_it_ends_however_often_its_pool_is_planned() -> None:
    deployment = acme()
    assert deployment.until_completed(deployment.queue(seconds=5.0))

    def has_ended() -> bool:
        deployment.loop.converge("general")  # as the news of a busy pool does, many times a second
        return bool(calls(deployment, "TerminateInstances"))

    when(deployment, has_ended)
    listings = [asked for asked in calls(deployment, "ListTasks") if "containerInstance" in asked]
    assert len(listings) == 2


def test_zero_jobs_zero_instances() -> None:
    deployment = acme()
    deployment.clock.advance(1_800.0)
    assert not any(deployment.left().values())
    assert not {"ec2.CreateFleet", "ecs.RunTask"} & set(deployment.loop.aws.calls)


def test_each_exclusive_job_has_an_instance_of_its_own_that_is_never_used_again() -> None:
    deployment = acme()
    jobs = [
        deployment.queue(name, DOCKER_LABELS, seconds=20.0) for name in ("alpha/web", "beta/web", "alpha/api")
    ]
    assert deployment.until_completed(*jobs)
    hosts = [container_of(deployment, job).task.ec2_instance_id for job in jobs]
    assert len(set(hosts)) == 3
    again = deployment.queue(labels=DOCKER_LABELS, seconds=5.0)
    assert deployment.until_completed(again)
    assert container_of(deployment, again).task.ec2_instance_id not in hosts
    assert deployment.until_clean()
