"""Instances without an agent: what they hold is lost to ECS, and ends by what GitHub tells."""

from __future__ import annotations

from slipway.domain.findings import What
from tests.integration.loop.scenes import calls, container_of, cut_off, launched, live, when
from tests.support.loop import acme


def test_a_host_whose_agent_went_away_ends_once_its_job_has() -> None:
    deployment = acme()
    job = deployment.queue(seconds=1_200.0)
    host = cut_off(deployment, job)
    deployment.clock.advance(1_000.0)
    assert host in live(deployment)
    assert deployment.until_completed(job)
    assert job.now.conclusion == "success"
    when(deployment, lambda: host not in live(deployment), limit_seconds=300.0)
    ended = [
        reap.why for run in deployment.loop.reaped for reap in run.done if reap.what is What.CUT_OFF_INSTANCE
    ]
    assert set(ended) == {"its agent stays away"}
    assert deployment.until_clean()


def test_it_is_drained_before_it_is_terminated() -> None:
    deployment = acme()
    job = deployment.queue(seconds=60.0)
    host = cut_off(deployment, job)
    when(deployment, lambda: host not in live(deployment), limit_seconds=1_200.0)
    names = [call.operation for call in deployment.loop.aws.calls_log]
    assert names.index("UpdateContainerInstancesState") < names.index("TerminateInstances")
    assert [call["status"] for call in calls(deployment, "UpdateContainerInstancesState")] == ["DRAINING"]


def test_a_job_on_a_host_that_is_cut_off_runs_to_its_end_however_long() -> None:
    deployment = acme()
    short, long = deployment.queue(seconds=60.0), deployment.queue(seconds=7_200.0)
    when(deployment, lambda: long.status == "in_progress")
    host = cut_off(deployment, short)
    assert deployment.until_completed(long, limit_seconds=7_500.0)
    assert (short.now.conclusion, long.now.conclusion) == ("success", "success")
    assert container_of(deployment, short).task.task_id != container_of(deployment, long).task.task_id
    when(deployment, lambda: host not in live(deployment), limit_seconds=300.0)


def test_a_host_whose_agent_comes_back_in_time_lives_on() -> None:
    """[ECS-AGENT-RECONNECTS]"""
    deployment = acme()
    job = deployment.queue(seconds=60.0)
    host = cut_off(deployment, job)
    assert deployment.until_completed(job)
    deployment.clock.advance(300.0)
    agent = deployment.loop.aws.ecs.registry.by_ec2_id(host)
    assert agent is not None
    deployment.loop.aws.ecs.registry.set_connected(agent, True)
    again = deployment.queue(seconds=400.0)
    assert deployment.until_completed(again)
    assert launched(deployment) == 1
    assert not any(reap.what is What.CUT_OFF_INSTANCE for run in deployment.loop.reaped for reap in run.done)
