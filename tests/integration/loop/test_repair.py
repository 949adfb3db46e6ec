"""Level-triggered repair: events doubled, late, out of order or lost; replies lost; capacity refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.twin.aws.behaviour import Behaviour
from local.twin.latency import LatencyModel, Lognormal, Phase, exactly
from slipway.domain.configuration import Market
from slipway.services.converge import Converge, Converged
from tests.integration.loop.scenes import (
    calls,
    launched,
    messages,
    no_runner_served_two_tasks,
    recorded,
    served_per_task,
    when,
)
from tests.support.loop import DOCKER_LABELS, LABELS, Acme, acme


def lose(deployment: Acme, kind: str, status: str = "") -> list[dict[str, Any]]:
    """Lose every event of a kind (and status) from now on; return those lost."""
    lost: list[dict[str, Any]] = []
    sqs, deliver = deployment.loop.aws.sqs, deployment.loop.aws.sqs.deliver

    def filtered(queue_name: str, body: str) -> None:
        event = json.loads(body)
        detail = event.get("detail", {})
        if event.get("detail-type") == kind and status in (detail.get("lastStatus"), detail.get("state"), ""):
            lost.append(event)
        else:
            deliver(queue_name, body)

    sqs.deliver = filtered  # type: ignore[method-assign]
    return lost


@pytest.mark.parametrize("seed", range(4))
def test_events_doubled_late_and_messages_doubled_change_nothing(seed: int) -> None:
    behaviour = Behaviour(
        doubled_event_rate=0.5, late_event_rate=0.3, doubled_message_rate=0.3, stale_read_rate=0.3
    )
    deployment = acme(behaviour=behaviour, seed=seed)
    faults = deployment.github.deliveries.faults
    faults.doubled, faults.reordered, faults.late = 0.5, 0.5, 0.1
    jobs = [deployment.queue(f"{login}/web", seconds=15.0) for login in ("alpha", "beta", "gamma") * 2]
    assert deployment.until_completed(*jobs)
    assert deployment.until_clean()
    assert no_runner_served_two_tasks(deployment)
    assert {job.now.conclusion for job in jobs} == {"success"}


@pytest.mark.parametrize("seed", range(3))
def test_in_a_storm_every_job_gets_its_runner_and_nothing_is_left(seed: int) -> None:
    deployment = acme(behaviour=Behaviour.stormy(), seed=seed)
    names = ("alpha/web", "beta/web", "gamma/api")
    jobs = [deployment.queue(name, seconds=20.0) for name in names * 3]
    jobs += [deployment.queue(name, DOCKER_LABELS, seconds=20.0) for name in names]
    assert deployment.until_completed(*jobs, limit_seconds=1_500.0)
    assert deployment.until_clean(limit_seconds=3_600.0), deployment.left()
    assert no_runner_served_two_tasks(deployment)


@pytest.mark.parametrize("labels", [LABELS, DOCKER_LABELS], ids=["shared", "exclusive"])
def test_when_no_event_of_ecs_or_ec2_ever_comes_the_tick_and_the_reaper_do_it_all(
    labels: tuple[str, ...],
) -> None:
    deployment = acme()
    deployment.loop.aws.events._subscriptions.clear()
    jobs = [deployment.queue(name, labels, seconds=20.0) for name in ("alpha/web", "beta/web")]
    assert deployment.until_completed(*jobs, limit_seconds=1_800.0)
    assert deployment.until_clean(limit_seconds=1_800.0), deployment.left()


def test_lost_stopped_event_is_made_good_by_the_reaper_within_three_minutes() -> None:
    deployment = acme()
    lost = lose(deployment, "ECS Task State Change", "STOPPED")
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    when(deployment, lambda: bool(lost))
    when(deployment, lambda: not recorded(deployment), limit_seconds=190.0)
    assert deployment.until_clean()


def test_running_event_before_the_reply_of_run_task_is_recorded_makes_one_runner() -> None:
    fast = LatencyModel.modelled().replacing(
        {phase: exactly(0.0) for phase in (Phase.PLACE, Phase.IMAGE_CACHED, Phase.IMAGE_FIRST_TOUCH)}
        | {Phase.CONTAINER_START: exactly(0.0), Phase.EVENT_DELAY: exactly(0.0)}
    )
    deployment = acme(latency=fast)
    ecs, run_task = deployment.loop.aws.ecs, deployment.loop.aws.ecs.run_task

    def slow(**request: Any) -> Any:
        reply = run_task(**request)
        deployment.clock.advance(2.0)  # the world goes on while our function waits for the answer
        return reply

    ecs.run_task = slow  # type: ignore[method-assign]
    jobs = [deployment.queue(seconds=10.0) for _ in range(3)]
    assert deployment.until_completed(*jobs)
    assert len(deployment.loop.containers.by_task) == 3
    assert deployment.until_clean()


def test_instance_that_registers_before_its_launch_is_recorded_is_one_instance() -> None:
    deployment = acme(latency=LatencyModel.none())
    ec2, create = deployment.loop.aws.ec2, deployment.loop.aws.ec2.create_fleet

    def slow(**request: Any) -> Any:
        reply = create(**request)
        deployment.clock.advance(5.0)
        return reply

    ec2.create_fleet = slow  # type: ignore[method-assign]
    job = deployment.queue(seconds=10.0)
    assert deployment.until_completed(job)
    assert launched(deployment) == 1
    snapshot = deployment.loop.ledger.snapshots.read("general", deployment.clock.now())
    assert [(i.instance_type, i.market) for i in snapshot.instances] == [("m7i.4xlarge", Market.SPOT)]
    assert deployment.until_clean()


def test_agent_that_is_not_connected_at_the_first_event_gets_its_tasks_when_it_is() -> None:
    late = LatencyModel.modelled().replacing({Phase.REGISTERED_TO_CONNECTED: exactly(40.0)})
    deployment = acme(latency=late)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job, limit_seconds=150.0)
    assert launched(deployment) == 1
    assert deployment.until_clean()


def test_an_agent_that_blips_loses_nobody_his_job() -> None:
    deployment = acme()
    job = deployment.queue(seconds=60.0)
    when(deployment, lambda: job.status == "in_progress")
    host = deployment.loop.aws.ec2.live_instances()[0].instance_id
    deployment.loop.aws.ecs.blip_agent(host)
    again = deployment.queue("beta/web", seconds=5.0)
    assert deployment.until_completed(job, again)
    assert {job.now.conclusion, again.now.conclusion} == {"success"}
    assert deployment.until_clean()


def test_an_empty_cluster_is_tried_again_soon_and_no_one_stays_waiting() -> None:
    """ECS forgets the only instance in the moment in which the ledger still calls it ready."""
    deployment = acme()
    first = deployment.queue(seconds=1.0)
    assert deployment.until_completed(first)
    deployment.clock.advance(5.0)
    lose(deployment, "ECS Container Instance State Change")
    instance = next(iter(recorded_instances(deployment)))
    deployment.loop.aws.ecs.deregister_container_instance(
        cluster="slipway-general", containerInstance=instance, force=True
    )
    deployment.clock.advance(5.0)
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(10.0)
    assert calls(deployment, "RunTask")
    assert deployment.loop.errors == []
    assert deployment.until_completed(job)
    assert deployment.until_clean(limit_seconds=3_600.0), deployment.left()


def recorded_instances(deployment: Acme, pool: str = "general") -> list[str]:
    snapshot = deployment.loop.ledger.snapshots.read(pool, deployment.clock.now())
    return [instance.arn for instance in snapshot.instances if instance.arn]


def test_a_pool_row_of_a_dead_holder_is_taken_over_after_its_lease() -> None:
    deployment = acme()
    rows, now = deployment.loop.ledger.rows, deployment.clock.now()
    assert rows.acquire("general", "dead", now=now, until=now + 120.0) is not None
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(119.0)
    assert calls(deployment, "CreateFleet") == []
    when(deployment, lambda: bool(calls(deployment, "CreateFleet")), limit_seconds=62.0)
    assert deployment.until_completed(job)
    assert deployment.until_clean()


def overtaken(deployment: Acme, service: Any, method: str) -> tuple[Converged, Converged]:
    """Converge a second time in the middle of a convergence's call; return what that one did, and the first."""
    loop, call = deployment.loop, getattr(service, method)
    seconds: list[Converged] = []
    firsts: list[Converged] = []
    converge = Converge.__call__

    def meanwhile(**request: Any) -> Any:
        reply = call(**request)
        if not seconds:
            loop.ledger.rows.want("general")
            seconds.append(converge(loop.scale.converge, "general", "second", has_time=lambda: True))
        return reply

    def kept(self: Converge, *arguments: Any, **named: Any) -> Converged:
        firsts.append(converge(self, *arguments, **named))
        return firsts[-1]

    setattr(service, method, meanwhile)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Converge, "__call__", kept)
        when(deployment, lambda: bool(seconds), limit_seconds=90.0)
    return seconds[0], firsts[-1]


def test_of_two_convergences_at_once_the_second_returns_and_the_first_makes_another_round() -> None:
    deployment = acme()
    deployment.queue(seconds=5.0)
    second, first = overtaken(deployment, deployment.loop.aws.ecs, "run_task")
    assert second.plans == ()
    assert len(first.plans) == 2
    assert len(calls(deployment, "RunTask")) == 1


def test_nobody_waits_while_ec2_is_asked_for_instances_and_what_was_asked_for_is_not_asked_for_again() -> (
    None
):
    deployment = acme()
    deployment.queue(seconds=5.0)
    second, first = overtaken(deployment, deployment.loop.aws.ec2, "create_fleet")
    assert [plan.is_quiet for plan in second.plans] == [True]
    assert [plan.is_quiet for plan in first.plans] == [False, True]
    assert launched(deployment) == 1
    assert deployment.left()["intents"] == 0


@pytest.mark.parametrize("queue", ["jobs", "events"])
@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '{"detail-type":"ECS Task State Change","time":"2026-01-01T00:00:00Z","detail":{}}',
        "\u202e{}",
        '{"a":' * 500,
    ],
    ids=["cut off", "array", "empty detail", "bidi", "deep"],
)
def test_poison_message_is_set_aside_and_fails_nobody_else(queue: str, body: str) -> None:
    deployment = acme()
    url = f"https://sqs.ap-northeast-1.amazonaws.com/123456789012/{queue}"
    jobs = [deployment.queue(f"{login}/web", seconds=5.0) for login in ("alpha", "beta")]
    for _ in range(3):
        deployment.loop.aws.sqs.send_message(QueueUrl=url, MessageBody=body)
    assert deployment.until_completed(*jobs)
    kept = [json.loads(message) for message in messages(deployment, "dead-letters")]
    assert len(kept) == 3
    assert all(message["reason"] for message in kept)
    assert body not in messages(deployment, queue)
    assert deployment.until_clean()


@pytest.mark.parametrize("seconds", [10.0, 3_000.0], ids=["idle", "busy"])
def test_spot_interruption_loses_the_host_and_no_other_job(seconds: float) -> None:
    deployment = acme()
    first = deployment.queue(seconds=seconds)
    when(deployment, lambda: first.status == "in_progress")
    if seconds < 100:
        assert deployment.until_completed(first)
    host = deployment.loop.aws.ec2.live_instances()[0]
    deployment.loop.aws.ec2.interrupt_spot(host.instance_id)
    deployment.clock.advance(5.0)
    after = deployment.queue("beta/web", seconds=5.0)
    assert deployment.until_completed(after)
    assert launched(deployment) == 2  # nothing new was placed on the doomed one
    assert deployment.until_completed(first)
    assert first.now.conclusion == ("success" if seconds < 100 else "failure")
    assert deployment.until_clean(limit_seconds=3_000.0), deployment.left()


def test_webhook_dead_one_hour_all_jobs_served() -> None:
    """Every delivery of an hour fails; redelivery asks for them again when the webhook is back."""
    deployment = acme()
    deployment.github.deliveries.faults.failed = 1.0
    jobs = []
    for minute in range(0, 60, 6):
        jobs.append(deployment.queue(("alpha/web", "beta/web")[minute % 4 // 2], seconds=5.0))
        deployment.clock.advance(360.0)
    assert {job.status for job in jobs} == {"queued"}
    deployment.github.deliveries.faults.failed = 0.0
    assert deployment.until_completed(*jobs, limit_seconds=900.0)
    assert deployment.until_clean()
    assert no_runner_served_two_tasks(deployment)


def test_webhook_that_answers_503_for_ten_minutes_loses_no_job() -> None:
    deployment = acme()
    deployment.loop.aws.faults.next_error("sqs", "SendMessage", "ServiceUnavailable", times=3)
    faults = deployment.github.deliveries.faults
    faults.failed = 1.0
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(600.0)
    faults.failed = 0.0
    assert deployment.until_completed(job, limit_seconds=1_800.0)


def test_a_job_past_its_timeout_is_ended_and_a_job_before_it_never_is() -> None:
    from dataclasses import replace

    from tests.support.loop import a_configuration

    configuration = a_configuration()
    small = replace(configuration.profiles["small"], job_timeout_seconds=900)
    deployment = acme(replace(configuration, profiles={**configuration.profiles, "small": small}))
    long, short = deployment.queue(seconds=5_000.0), deployment.queue("beta/web", seconds=880.0)
    when(deployment, lambda: long.status == "in_progress")
    began = deployment.clock.now()
    assert deployment.until_completed(short, limit_seconds=1_000.0)
    assert short.now.conclusion == "success"
    assert long.status == "in_progress"
    assert deployment.until_completed(long, limit_seconds=300.0)
    assert 900.0 < deployment.clock.now() - began <= 900.0 + 60.0 + 60.0 + 10.0
    assert long.now.conclusion == "failure"
    assert deployment.until_clean()
    assert served_per_task(deployment).total() == 2


def test_slow_boots_and_pulls_double_nothing() -> None:
    slow = LatencyModel.modelled().replacing(
        {Phase.RUNNING_TO_REGISTERED: Lognormal(120.0, 200.0), Phase.CONTAINER_START: Lognormal(60.0, 90.0)}
    )
    deployment = acme(latency=slow)
    jobs = [deployment.queue(f"{login}/web", seconds=5.0) for login in ("alpha", "beta", "gamma")]
    assert deployment.until_completed(*jobs)
    assert launched(deployment) == 1
    assert len(deployment.loop.containers.by_task) == 3
    assert deployment.until_clean()
