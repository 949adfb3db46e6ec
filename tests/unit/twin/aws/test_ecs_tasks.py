"""The ECS twin: the life of tasks, events, faults and credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from local.twin.aws.behaviour import Behaviour
from local.twin.aws.ecs import ScriptedRuntime
from local.twin.latency import LatencyModel, Phase, exactly
from local.twin_deployment import deployed_rules
from tests.builders import a_configuration


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_task_runs_until_its_container_exits_and_frees_its_room(stage: Any) -> None:
    stage.launch()
    arn = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(0)
    view = stage.runtime.running[arn.rsplit("/", 1)[-1]]
    assert view.environment["SLIPWAY_CLAIM_URL"] == "http://127.0.0.1:1"
    stage.runtime.exit(view.task_id, 3)
    stage.clock.advance(0)
    task = stage.task(arn)
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert task["containers"][0]["exitCode"] == 3
    assert stage.instances()[0]["remainingResources"][0]["integerValue"] == 4096


def test_stop_task_gives_the_grace_of_its_definition_and_then_kills(stage: Any) -> None:
    """[ECS-STOP-TIMEOUT]"""
    stage.launch()
    stage.twin.ecs.runtime = ScriptedRuntime(
        stage.clock, seconds=lambda _task: 1e6, ignores_sigterm=True, exited=stage.twin.ecs.container_exited
    )
    arn = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(5)
    stage.twin.ecs.stop_task(cluster="slipway-general", task=arn, reason="drained")
    stage.clock.advance(119)
    assert (stage.task(arn)["lastStatus"], stage.task(arn)["desiredStatus"]) == ("RUNNING", "STOPPED")
    stage.clock.advance(1)
    task = stage.task(arn)
    assert (task["lastStatus"], task["stopCode"], task["stoppedReason"]) == (
        "STOPPED",
        "UserInitiated",
        "drained",
    )
    assert task["containers"][0]["exitCode"] == 137


def test_stopping_a_task_before_its_container_starts_starts_none(build: Callable[..., Any]) -> None:
    stage = build(LatencyModel.none().replacing({Phase.CONTAINER_START: exactly(5.0)}))
    stage.launch()
    arn = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(1)
    stage.twin.ecs.stop_task(cluster="slipway-general", task=arn)
    stage.clock.advance(60)
    assert stage.task(arn)["lastStatus"] == "STOPPED"
    assert stage.runtime.running == {}


def test_stopping_an_unknown_task_is_refused(stage: Any) -> None:
    with pytest.raises(ClientError, match="The referenced task was not found") as error:
        stage.twin.ecs.stop_task(cluster="slipway-general", task="0" * 32)
    assert code(error) == "InvalidParameterException"


def test_a_container_that_cannot_start_stops_its_task_with_the_reason(stage: Any) -> None:
    stage.launch()
    stage.twin.ecs.fail_next_starts(1)
    arn = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(0)
    task = stage.task(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError")
    assert "exitCode" not in task["containers"][0]


def test_list_tasks_pages_and_filters_and_wants_started_by_alone(stage: Any) -> None:
    """[ECS-LISTTASKS-STARTEDBY]"""
    stage.launch(6)
    for intent in range(4):
        stage.run(count=3, startedBy=f"slipway/general/{intent}")
    paginator = stage.twin.ecs.get_paginator("list_tasks")
    pages = list(paginator.paginate(cluster="slipway-general", PaginationConfig={"PageSize": 5}))
    assert [len(p["taskArns"]) for p in pages] == [5, 5, 2]
    mine = stage.twin.ecs.list_tasks(cluster="slipway-general", startedBy="slipway/general/2")
    assert len(mine["taskArns"]) == 3
    with pytest.raises(ClientError, match="only filter"):
        stage.twin.ecs.list_tasks(cluster="slipway-general", startedBy="x", desiredStatus="STOPPED")


def test_describe_tasks_takes_a_hundred_and_names_the_missing(stage: Any) -> None:
    answer = stage.twin.ecs.describe_tasks(cluster="slipway-general", tasks=["0" * 32])
    assert answer["failures"][0]["reason"] == "MISSING"
    with pytest.raises(ClientError):
        stage.twin.ecs.describe_tasks(cluster="slipway-general", tasks=["0" * 32] * 101)


def test_a_stopped_task_is_visible_for_an_hour_and_then_missing(stage: Any) -> None:
    """[ECS-STOPPED-VISIBLE]"""
    stage.launch()
    arn = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(0)
    stage.runtime.exit(arn.rsplit("/", 1)[-1])
    stage.clock.advance(3599)
    assert stage.task(arn)["lastStatus"] == "STOPPED"
    stage.clock.advance(2)
    assert stage.twin.ecs.describe_tasks(cluster="slipway-general", tasks=[arn])["tasks"] == []


def test_while_an_agent_is_away_its_tasks_run_on_and_reports_wait(build: Callable[..., Any]) -> None:
    """[ECS-AGENT-RECONNECTS]"""
    stage = build(LatencyModel.none().replacing({Phase.AGENT_AWAY: exactly(30.0)}))
    host = stage.launch()[0]
    arn = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(1)
    stage.twin.ecs.blip_agent(host)
    stage.runtime.exit(arn.rsplit("/", 1)[-1])
    stage.clock.advance(29)
    assert stage.task(arn)["lastStatus"] == "RUNNING"
    stage.clock.advance(1)
    assert stage.task(arn)["lastStatus"] == "STOPPED"


def test_agents_disconnect_now_and_then_when_switched_on(build: Callable[..., Any]) -> None:
    stage = build(LatencyModel.modelled(), Behaviour(agent_disconnects_per_hour=6.0))
    stage.launch()
    stage.clock.advance(4 * 3600)
    connected = [
        e["detail"]["agentConnected"] for e in stage.events if e["detail-type"].startswith("ECS Container")
    ]
    assert 8 < connected.count(False) < 60


def test_the_documented_bucket_throttles_a_burst_and_refills(build: Callable[..., Any]) -> None:
    """[ECS-THROTTLE]"""
    stage = build(LatencyModel.none(), Behaviour(throttling=True))
    stage.launch()

    def burst() -> int:
        passed = 0
        while True:
            try:
                stage.twin.ecs.list_tasks(cluster="slipway-general")
            except ClientError as error:
                assert error.response["Error"]["Code"] == "ThrottlingException"
                return passed
            passed += 1

    assert burst() == 100
    stage.clock.advance(2.0)
    assert burst() == 40


def test_an_ordered_fault_strikes_once_before_or_after_the_effect(stage: Any) -> None:
    stage.launch()
    stage.twin.faults.next_error("ecs", "RunTask", "ServerException")
    with pytest.raises(ClientError) as error:
        stage.run()
    assert code(error) == "ServerException"
    assert stage.twin.ecs.live_tasks() == []
    stage.twin.faults.next_error("ecs", "RunTask", "LostReply", after_success=True)
    with pytest.raises(ReadTimeoutError):
        stage.run(clientToken="t")
    assert len(stage.twin.ecs.live_tasks()) == 1
    assert len(stage.run(clientToken="t")["tasks"]) == 1
    assert stage.twin.calls["ecs.RunTask"] == 3


def test_task_credentials_name_the_task_and_outlive_it_for_six_hours(stage: Any) -> None:
    """[IAM-TASK-SESSION-NAME] [IAM-CREDENTIALS-OUTLIVE-TASK] [IAM-TASK-CREDENTIALS-LIFE]"""
    stage.launch()
    arn = stage.run()["tasks"][0]["taskArn"]
    task_id = arn.rsplit("/", 1)[-1]
    assert stage.twin.ecs.task_credentials(task_id) is None
    stage.clock.advance(0)
    credentials = stage.twin.ecs.task_credentials(task_id)
    assert set(credentials) == {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    stage.runtime.exit(task_id)
    stage.clock.advance(3600)
    assert stage.twin.ecs.task_credentials(task_id) is None
    identity = stage.twin.ecs.identity_of(credentials["AccessKeyId"])
    assert identity.arn == f"arn:aws:sts::123456789012:assumed-role/slipway-general-task/{task_id}"
    assert credentials["SecretAccessKey"] not in repr(identity)
    stage.clock.advance(5 * 3600)
    assert stage.twin.ecs.identity_of(credentials["AccessKeyId"]) is None


def test_events_carry_growing_versions_and_the_api_shape(stage: Any) -> None:
    """[ECS-EVENT-SHAPE]"""
    stage.launch()
    arn = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(0)
    mine = [e for e in stage.events if e["detail"].get("taskArn") == arn]
    assert [e["detail"]["lastStatus"] for e in mine] == ["PENDING", "RUNNING"]
    assert mine[0]["detail"]["version"] < mine[1]["detail"]["version"]
    assert mine[0]["source"] == "aws.ecs"
    assert mine[1]["detail"]["startedAt"].endswith("Z")


def test_events_may_come_twice_late_and_out_of_order(build: Callable[..., Any]) -> None:
    """[ECS-EVENTS-AT-LEAST-ONCE]"""
    stage = build(LatencyModel.modelled(), Behaviour(doubled_event_rate=0.3, late_event_rate=0.3))
    stage.launch(4)
    stage.clock.advance(120)
    stage.run(count=8)
    stage.clock.advance(600)
    ids = [e["id"] for e in stage.events]
    assert len(set(ids)) < len(ids)
    times = [e["time"] for e in stage.events]
    assert times != sorted(times)


def test_our_rule_lets_through_only_what_can_change_a_plan(stage: Any) -> None:
    needed: list[dict[str, Any]] = []
    stage.twin.subscribe(needed.append, deployed_rules(a_configuration()))
    stage.launch()
    stage.run()
    stage.clock.advance(0)
    statuses = {e["detail"]["lastStatus"] for e in needed if e["detail-type"] == "ECS Task State Change"}
    assert statuses == {"RUNNING"}
    assert "EC2 Instance State-change Notification" not in {e["detail-type"] for e in needed}


def test_the_same_seed_gives_the_same_run(build: Callable[..., Any]) -> None:
    def run() -> list[dict[str, Any]]:
        stage = build(LatencyModel.modelled(), Behaviour.stormy(), seed=5)
        stage.launch(3, "spot")
        stage.clock.advance(300)
        stage.run(count=3)
        stage.clock.advance(7200)
        return list(stage.events)

    assert run() == run()


def test_an_image_that_is_not_on_the_host_is_pulled_once_and_timed(build: Callable[..., Any]) -> None:
    """[ECS-PULL-TIMES]"""
    slow = {Phase.IMAGE_PULL: exactly(15.0), Phase.IMAGE_CACHED: exactly(0.5)}
    stage = build(LatencyModel.none().replacing(slow), Behaviour(images_in_ami=False))
    stage.launch()
    first = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(15)
    pulled = stage.task(first)
    assert (pulled["pullStoppedAt"] - pulled["pullStartedAt"]).total_seconds() == 15.0
    second = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(0.5)
    assert stage.task(second)["lastStatus"] == "RUNNING"
    assert "pullStartedAt" not in stage.task(second)
