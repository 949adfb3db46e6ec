"""The scaler in the Lambda runtime: batches, partial failures, what is kept aside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.twin_deployment import ACCOUNT, REGION
from tests.integration.functions.stage import Stage, records


def refuse(stage: Stage, operation: str) -> None:
    """Let the next call to DynamoDB fail in a way that boto3 does not try again."""
    with stage.lock:
        stage.aws.faults.next_error("dynamodb", operation, "AccessDeniedException")


def failed(answer: dict[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def errors(stage: Stage) -> list[str]:
    """The errors logged so far; before the first invocation there is no log."""
    if "scaler" not in stage.functions:
        return []
    return [line["message"] for line in stage.log("scaler") if line.get("level") == "ERROR"]


def waiting(stage: Stage) -> set[str]:
    return {item["sk"]["S"] for item in stage.items() if item["sk"]["S"].startswith("JOB#")}


def test_of_a_batch_only_the_message_that_failed_comes_again(stage: Stage) -> None:
    batch = records(stage.job(), "{not json", stage.job())
    refuse(stage, "TransactWriteItems")
    before, logged_before = waiting(stage), len(errors(stage))
    assert failed(stage.invoke("scaler", batch)) == ["m0"]
    assert len(waiting(stage) - before) == 1
    (kept,) = stage.messages("dead-letters")
    assert json.loads(kept)["body"] == "{not json"
    assert "json" in json.loads(kept)["reason"].lower()
    assert errors(stage)[logged_before:] == ["message set aside", "message not folded"]
    assert failed(stage.invoke("scaler", {"Records": batch["Records"][:1]})) == []
    assert len(waiting(stage) - before) == 2


@pytest.mark.parametrize(
    "body",
    ["", "\x00", "[]", "7", '{"slipway": 7, "version": 99', "[" * 5_000, '{"slipway": ["tick"]}' * 2, "\ud800".encode("utf-8", "replace").decode()],
    ids=["empty", "nul", "list", "number", "cut short", "deep", "two documents", "surrogate"],
)  # fmt: skip
@pytest.mark.parametrize("queue", ["jobs", "events"])
def test_a_message_that_can_never_be_read_is_kept_and_fails_nobody(
    stage: Stage, body: str, queue: str
) -> None:
    before = waiting(stage)
    good = stage.job() if queue == "jobs" else '{"slipway":"tick"}'
    assert failed(stage.invoke("scaler", records(body, good, queue=queue))) == []
    assert [json.loads(kept)["body"] for kept in stage.messages("dead-letters")] == [
        body.replace("\x00", " ")
    ]
    assert len(waiting(stage) - before) == (queue == "jobs")


def test_a_queued_job_gets_an_instance_then_a_task(stage: Stage) -> None:
    asked = stage.aws.calls["ecs.RunTask"]
    (task_id, *_) = stage.start_tasks(1)
    assert stage.aws.calls["ec2.CreateFleet"] >= 1
    assert stage.aws.calls["ecs.RunTask"] > asked
    assert len(task_id) == 32
    assert any(item["sk"]["S"] == f"RUNNER#{task_id}" for item in stage.items())


def ecs_event(cluster: str, started_by: str) -> str:
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
    detail = {
        "clusterArn": f"{arn}:cluster/{cluster}",
        "taskArn": f"{arn}:task/{cluster}/{'f' * 32}",
        "taskDefinitionArn": f"{arn}:task-definition/slipway-small:1",
        "containerInstanceArn": f"{arn}:container-instance/{cluster}/{'e' * 32}",
        "startedBy": started_by,
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "createdAt": "2026-11-21T00:00:00Z",
    }
    return json.dumps(
        {"detail-type": "ECS Task State Change", "time": "2026-11-21T00:00:01Z", "detail": detail}
    )


@pytest.mark.parametrize(
    ("cluster", "started_by"),
    [
        ("somebody-else", "slipway/general/1"),
        ("slipway-general", "ecs-svc/123"),
        ("slipway-general", ""),
        ("slipway-general", "slipway/alone/1"),
    ],
)
def test_an_event_of_a_task_that_is_not_ours_changes_nothing(
    stage: Stage, cluster: str, started_by: str
) -> None:
    stage.invoke("scaler", records())
    before, calls = stage.items(), dict(stage.aws.calls)
    assert failed(stage.invoke("scaler", records(ecs_event(cluster, started_by), queue="events"))) == []
    assert stage.items() == before
    assert dict(stage.aws.calls) == calls
    assert stage.messages("dead-letters") == []


def test_a_tick_converges_every_pool_and_a_wake_up_its_own(stage: Stage) -> None:
    def converged() -> list[str]:
        return [line["pool"] for line in stage.log("scaler") if line.get("message") == "converged"]

    before = len(converged())
    stage.invoke("scaler", records('{"slipway":"tick"}', queue="events"))
    assert converged()[before:] == ["alone", "general"]
    stage.invoke("scaler", records('{"slipway":"wake","pool":"alone"}', queue="events"))
    assert converged()[before + 2 :] == ["alone"]
    stage.invoke("scaler", records('{"slipway":"wake","pool":"nowhere"}', queue="events"))
    assert len(converged()) == before + 3


def test_a_convergence_that_failed_fails_no_message_and_is_tried_again(stage: Stage) -> None:
    refuse(stage, "Query")
    assert failed(stage.invoke("scaler", records(stage.job()))) == []
    assert any(
        line.get("message") == "convergence met an error" and "RefusedError" in line["fault"]
        for line in stage.log("scaler")
    )
    rows = [item for item in stage.items() if item["sk"]["S"] == "ROW"]
    assert not any("holder" in row for row in rows)
    with stage.lock:
        stage.clock.advance(5)
    assert any(json.loads(body).get("slipway") == "wake" for body in stage.fold_events())


def test_two_invocations_of_one_batch_leave_what_one_leaves(stage: Stage) -> None:
    batch = records(stage.job(), stage.job())
    stage.invoke("scaler", batch)
    jobs = waiting(stage)
    intents = stage.aws.calls["ec2.CreateFleet"] + stage.aws.calls["ecs.RunTask"]
    assert failed(stage.invoke("scaler", batch)) == []
    assert waiting(stage) == jobs
    assert stage.aws.calls["ec2.CreateFleet"] + stage.aws.calls["ecs.RunTask"] == intents
