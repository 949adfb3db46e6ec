"""News that only frees something leaves a resting pool alone; all other news is answered at once.

Where something must happen at once, it happens right after a tick: the next one is too late to be what made it happen.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from slipway.domain.configuration import Configuration
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control
from tests.integration.loop.capacity_scenes import the_host
from tests.integration.loop.scenes import SilentContainer, calls, container_of, recorded, when
from tests.support.loop import DOCKER_LABELS, START, Acme, a_configuration, acme

TICK = 60.0
SOON = (
    15.0  # deliveries, queues and a task's start take a few seconds; a tick would come no sooner than in 45
)


def calm_deployment(configuration: Configuration | None = None) -> Acme:
    """A deployment whose webhooks keep their order."""
    deployment = acme(configuration)
    deployment.github.deliveries.faults.latency_seconds = (0.5, 0.5)
    return deployment


def with_profile(name: str, **changes: Any) -> Configuration:
    configuration = a_configuration()
    profile = replace(configuration.profiles[name], **changes)
    return replace(configuration, profiles={**configuration.profiles, name: profile})


def rows_written(deployment: Acme, since: float, value: str) -> list[float]:
    """When a value was written to the general pool's row since a moment, other than by a tick or the reaper."""
    row = {"pk": {"S": "POOL#general"}, "sk": {"S": "ROW"}}
    times = [
        call.at
        for call in deployment.loop.aws.calls_log
        if call.operation == "UpdateItem"
        and call.at > since
        and call.parameters["Key"] == row
        and value in call.parameters.get("ExpressionAttributeValues", {})
    ]
    return [at for at in times if (at - START) % TICK > 0.1]


def convergences(deployment: Acme, since: float) -> list[float]:
    """When the pool was taken by a convergence that no tick explains."""
    return rows_written(deployment, since, ":set_holder")


def news(deployment: Acme, since: float) -> list[float]:
    """When news of the pool was noted that no tick explains."""
    return rows_written(deployment, since, ":add_wanted")


def after_a_tick(deployment: Acme) -> float:
    """Advance until a tick has just been answered."""
    ticks = math.floor((deployment.clock.now() - START) / TICK) + 1
    deployment.clock.advance_to(START + ticks * TICK + 2.0)
    return deployment.clock.now()


def next_run(deployment: Acme, since: float) -> float:
    """When the next task was asked for."""
    asked = [
        call.at for call in deployment.loop.aws.calls_log if call.operation == "RunTask" and call.at > since
    ]
    return min(asked, default=math.inf)


def started(deployment: Acme) -> bool:
    return bool(calls(deployment, "RunTask"))


def test_the_news_of_an_ordinary_job_makes_no_convergence_and_is_counted() -> None:
    deployment = calm_deployment()
    job = deployment.queue(seconds=15.0)
    when(deployment, lambda: started(deployment))
    since = deployment.clock.now()
    assert deployment.until_completed(job)
    task = container_of(deployment, job).task.task_id
    when(deployment, lambda: task not in recorded(deployment))
    deployment.clock.advance(60.0)
    assert len(news(deployment, since)) == 3  # in progress, completed, stopped
    assert convergences(deployment, since) == []


def test_the_same_news_makes_convergences_in_a_pool_that_does_not_rest() -> None:
    deployment = calm_deployment(with_profile("small", max_runners=1))
    job = deployment.queue(seconds=15.0)
    deployment.queue("beta/web", seconds=15.0)
    when(deployment, lambda: started(deployment))
    since = deployment.clock.now()
    assert deployment.until_completed(job)
    assert len(convergences(deployment, since)) == len(news(deployment, since)) == 1
    when(deployment, lambda: len(news(deployment, since)) == 3)
    assert len(convergences(deployment, since)) == 2  # the second job has its task from here on


def test_a_pool_left_alone_is_clean_all_the_same_after_ticks() -> None:
    deployment = calm_deployment()
    jobs = [deployment.queue(f"{login}/web", seconds=20.0) for login in ("alpha", "beta", "gamma")]
    assert deployment.until_completed(*jobs)
    completed_at = deployment.clock.now()
    assert deployment.until_clean()
    # Idle by the first tick, idle long enough by the second or third, and two listings that are a minute apart.
    assert deployment.clock.now() - completed_at <= 60.0 + 6 * TICK
    assert deployment.loop.errors == []


def test_a_queued_job_is_answered_at_once_in_a_resting_pool() -> None:
    deployment = calm_deployment()
    deployment.queue(seconds=600.0)
    when(deployment, lambda: started(deployment))
    since = after_a_tick(deployment)
    another = deployment.queue("beta/web", seconds=5.0)
    when(deployment, lambda: another.status == "in_progress")
    assert deployment.clock.now() - since < SOON


def test_a_runner_that_was_given_to_another_job_is_replaced_at_once() -> None:
    """A job that no profile serves takes the runner: nothing else tells that the first one needs another."""
    deployment = calm_deployment()
    deployment.github.world.timers.take_job = 1e9
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: started(deployment))
    deployment.github.router.withdraw(job)
    when(deployment, lambda: any(r.state is RunnerState.REGISTERED for r in recorded(deployment).values()))
    since = after_a_tick(deployment)
    thief = deployment.queue(labels=("self-hosted", "linux", "x64"), seconds=300.0)
    when(deployment, lambda: thief.status == "in_progress")
    deployment.clock.advance(SOON)
    assert next_run(deployment, since) - since < SOON


def test_a_task_that_stopped_without_its_job_is_replaced_at_once() -> None:
    deployment = calm_deployment()
    deployment.loop.containers.make = SilentContainer
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: bool(deployment.loop.containers.by_task))
    since = after_a_tick(deployment)
    (silent,) = deployment.loop.containers.by_task.values()
    silent.kill()
    deployment.loop.aws.ecs.container_exited(silent.task.task_arn, 137)
    deployment.clock.advance(SOON)
    assert next_run(deployment, since) - since < SOON
    assert job.status == "queued"


def test_a_job_held_up_by_a_limit_starts_as_soon_as_another_completes() -> None:
    deployment = calm_deployment(with_profile("small", max_runners=1))
    first = deployment.queue(seconds=100_000.0)
    when(deployment, lambda: first.status == "in_progress")
    second = deployment.queue("beta/web", seconds=5.0)
    since = after_a_tick(deployment)
    assert second.status == "queued"
    deployment.github.jobs.cancel(first.id)
    when(deployment, lambda: first.status == "completed")
    assert deployment.clock.now() - since < 5.0
    when(deployment, lambda: second.status == "in_progress")
    assert deployment.clock.now() - since < 2 * SOON


def test_the_host_of_an_exclusive_pool_ends_as_soon_as_its_job_has() -> None:
    deployment = calm_deployment()
    job = deployment.queue(labels=DOCKER_LABELS, seconds=100_000.0)
    when(deployment, lambda: job.status == "in_progress")
    since = after_a_tick(deployment)
    deployment.github.jobs.cancel(job.id)
    when(deployment, lambda: bool(calls(deployment, "TerminateInstances")))
    assert deployment.clock.now() - since < 2 * SOON


def test_a_host_that_drains_ends_as_soon_as_its_last_job_has() -> None:
    deployment = calm_deployment()
    job = deployment.queue(seconds=100_000.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.loop.ledger.notes.order("general", Control.DRAIN)
    when(deployment, lambda: the_host(deployment).status == "DRAINING")
    after_a_tick(deployment)
    since = after_a_tick(deployment)
    deployment.github.jobs.cancel(job.id)
    when(deployment, lambda: bool(calls(deployment, "TerminateInstances")))
    assert deployment.clock.now() - since < 2 * SOON


def test_what_is_told_of_instances_is_answered_at_once() -> None:
    deployment = calm_deployment()
    job = deployment.queue(seconds=100_000.0)
    when(deployment, lambda: job.status == "in_progress")
    since = after_a_tick(deployment)
    (host,) = deployment.loop.aws.ec2.live_instances()
    deployment.loop.aws.ec2.interrupt_spot(host.instance_id)
    deployment.clock.advance(SOON)
    assert convergences(deployment, since) != []
