"""The registrar in the Lambda runtime: who calls is whom the authorizer names, and nothing else counts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.functions.stage import Stage, claim_event, private_claim_event, role_arn

Event = Callable[..., dict[str, Any]]
PAYLOADS = pytest.mark.parametrize("event", [claim_event, private_claim_event], ids=["2.0", "1.0"])
UNKNOWN = "f" * 32


def ask(stage: Stage, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    reply = stage.invoke("registrar", event)
    assert reply["headers"]["cache-control"] == "no-store"
    return reply["statusCode"], json.loads(reply["body"] or "{}")


def registered(stage: Stage) -> set[str]:
    return {runner.name for runner in stage.github.registry.by_id.values()}


@PAYLOADS
def test_a_task_gets_its_runner_once_and_gives_it_back_once(stage: Stage, event: Event) -> None:
    (task, *_) = stage.start_tasks(1)
    arn = role_arn(task)
    status, body = ask(stage, event(arn))
    assert (status, body["runner_name"]) == (200, f"slipway-small-{task}")
    assert body["runner_name"] in registered(stage)
    assert body["organization"] == "alpha"
    assert int(stage.began_at) <= body["queued_at"] <= time.time()
    assert ask(stage, event(arn))[0] == 409
    assert ask(stage, event(arn, "/v1/release"))[0] == 200
    assert body["runner_name"] not in registered(stage)
    assert ask(stage, event(arn, "/v1/release"))[0] == 410
    assert ask(stage, event(arn))[0] == 410
    logged = stage.everything_logged()
    for canary in (body["jit_config"], stage.secrets.personal_token, stage.secrets.app_key.splitlines()[1]):
        assert canary not in logged


@PAYLOADS
def test_what_the_body_claims_changes_nothing(stage: Stage, event: Event) -> None:
    (mine, *_) = stage.start_tasks(1)
    before, names = stage.items(), registered(stage)
    forged = json.dumps({"task_id": mine, "userArn": role_arn(mine), "requestContext": {"authorizer": {}}})
    assert ask(stage, event(role_arn(mine, role="another-role"), body=forged))[0] == 403
    assert ask(stage, event(None, body=forged))[0] == 403
    assert (stage.items(), registered(stage)) == (before, names)
    assert ask(stage, event(role_arn(mine), body="\x00not json"))[0] == 200


@PAYLOADS
@pytest.mark.parametrize(
    "arn",
    [
        None,
        "",
        7,
        "arn:aws:iam::123456789012:user/someone",
        "arn:aws:sts::123456789012:assumed-role/slipway-general-task/i-0123456789abcdef0",
        role_arn(UNKNOWN, account="210987654321"),
        role_arn(UNKNOWN, role="somebody-else"),
        role_arn(UNKNOWN) + "\n",
        role_arn(UNKNOWN.upper()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/claim", "/v1/release"])
def test_whoever_is_no_runner_task_of_ours_is_refused(
    stage: Stage, event: Event, arn: Any, path: str
) -> None:
    before = stage.items()
    status, body = ask(stage, event(arn, path))
    assert (status, set(body)) == (403, {"reason"})
    assert stage.items() == before


def test_a_task_that_nobody_knows_yet_is_asked_to_come_again(stage: Stage) -> None:
    """RunTask's reply and DescribeTasks may lag behind a container that is up [ECS-READS-LAG]."""
    reply = stage.invoke("registrar", claim_event(role_arn(UNKNOWN)))
    assert (reply["statusCode"], reply["headers"]["retry-after"]) == (503, "2")


@PAYLOADS
@pytest.mark.parametrize("path", ["/v1/other", "/v1/", "/", "", "/v1/claim/x", "/v1/claim?x=1"])
def test_a_route_that_does_not_exist_is_404_whoever_asks(stage: Stage, event: Event, path: str) -> None:
    assert ask(stage, event(role_arn(UNKNOWN), path)) == (404, {"reason": "no such route"})


def test_github_s_refusal_costs_neither_the_job_nor_the_task(stage: Stage) -> None:
    (task, *_) = stage.start_tasks(1)
    with stage.lock:
        stage.github.faults.next("POST", "generate-jitconfig$", 422)
    reply = stage.invoke("registrar", claim_event(role_arn(task)))
    assert (reply["statusCode"], "retry-after" in reply["headers"]) == (503, True)
    assert "422" not in reply["body"]
    assert any("422" in (line.get("fault") or "") for line in stage.log("registrar"))
    stage.fold_events()  # the scaler was woken to offer the job again
    assert ask(stage, claim_event(role_arn(task)))[0] == 200
