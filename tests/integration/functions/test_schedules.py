"""Reaper and redelivery in the Lambda runtime, and every function without what it needs."""

from __future__ import annotations

import json

import pytest

from local.demo.lambda_host import FunctionError
from local.twin.github.deliveries import Delivery
from local.twin.github.model import JobRequest, RunnerGroup, Scope
from local.twin.github.registry import Registration
from tests.integration.functions.stage import LABELS, Stage, claim_event, records

GHOST = f"slipway-small-{'d' * 32}"


def names(stage: Stage) -> set[str]:
    return {runner.name for runner in stage.github.registry.by_id.values()}


def our_group(stage: Stage) -> RunnerGroup:
    """The runner group of alpha, made when it is first asked for."""
    world = stage.github.world
    for group in world.groups_of(world.enterprise_scope).values():
        if group.name == "slipway-alpha":
            return group
    return stage.github.add_enterprise_group("slipway-alpha", [world.organizations["alpha"]])


def test_a_registration_whose_task_is_gone_is_reaped_at_the_second_look(stage: Stage) -> None:
    scope = Scope("enterprise", "acme")
    before = names(stage)
    with stage.lock:
        group = our_group(stage)
        for name in (GHOST, "somebody-else-s-runner"):
            stage.github.registry.register(scope, group, Registration(name, LABELS))
    assert stage.invoke("reaper", {}, variant="-first", SLIPWAY_CLOCK=stage.later())["reaped"] == 0
    assert GHOST in names(stage)
    dry = stage.invoke("reaper", {"dry_run": True}, variant="-later", SLIPWAY_CLOCK=stage.later())
    assert (dry["found"], dry["reaped"]) == (1, 0)
    assert GHOST in names(stage)
    assert stage.invoke("reaper", {}, variant="-later")["reaped"] == 1
    assert names(stage) == {*before, "somebody-else-s-runner"}
    lines = {line["code"]: line for line in stage.log("reaper-later") if "code" in line}
    for code in ("would_reap", "reaped"):
        assert (lines[code]["what"], lines[code]["id"]) == ("registration", GHOST)
        assert lines[code]["why"] == "its task is gone"
    assert stage.metrics("reaper-later") == {"Reaped": [1.0]}


def test_a_diagnosis_tells_of_our_groups_and_changes_nothing(stage: Stage) -> None:
    with stage.lock:
        our_group(stage).allows_public_repositories = True
        before = names(stage)
    told = stage.invoke("reaper", {"diagnose": True}, variant="-diagnosed")
    with stage.lock:
        our_group(stage).allows_public_repositories = False
    (group,) = [found for found in told["groups"] if found["name"] == "slipway-alpha"]
    assert (group["allows_public_repositories"], group["organizations"]) == (True, ["alpha"])
    assert (told["unread"], told["left"]) == ([], 0)
    assert names(stage) == before
    assert not [line for line in stage.log("reaper-diagnosed") if "_aws" in line]


def test_an_unknown_runner_is_logged_as_an_error_and_counted_once(stage: Stage) -> None:
    scope = Scope("enterprise", "acme")
    with stage.lock:
        stage.github.registry.register(scope, our_group(stage), Registration("stranger\n\u202e{}", LABELS))
    for look in ("first", "second"):
        stage.invoke("reaper", {}, variant=f"-stranger-{look}", SLIPWAY_CLOCK=stage.later())
    first, second = (stage.log(f"reaper-stranger-{look}") for look in ("first", "second"))
    (line,) = [line for line in first if line.get("code") == "unknown_runner" and "stranger" in line["why"]]
    assert (line["level"], line["service"]) == ("ERROR", "reaper")
    assert line["why"].isprintable()
    (metric,) = [line for line in first if "_aws" in line]
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Slipway", [["service"]])
    assert directive["Metrics"] == [{"Name": "UnknownRunners", "Unit": "Count"}]
    assert metric["UnknownRunners"] == [1.0]
    assert not any("_aws" in line or line.get("code") == "unknown_runner" for line in second)


def test_a_token_that_cannot_do_its_work_is_told_of_and_never_shown(stage: Stage) -> None:
    with stage.lock:
        weak = stage.github.add_personal_token("somebody", ["repo"])
        manager = stage.aws.client("secretsmanager")
        arn = manager.create_secret(Name="slipway/weak", SecretString=weak)["ARN"]
    compiled = json.loads((stage.folder / "slipway.json").read_text("utf-8"))
    compiled["github"]["runner_token_secrets"].append(arn)
    changed = stage.folder / "weak.json"
    changed.write_text(json.dumps(compiled), "utf-8")

    def told() -> list[tuple[str, str]]:
        lines = stage.log("reaper-weak")
        return [(line["code"], line["id"]) for line in lines if line.get("message") == "notice"]

    stage.invoke("reaper", {"dry_run": True}, variant="-weak", SLIPWAY_CONFIG=str(changed))
    assert told() == []
    for _ in range(2):
        stage.invoke("reaper", {}, variant="-weak")
    assert told() == [("token_scope_missing", arn)]
    (metric,) = [line for line in stage.log("reaper-weak") if "_aws" in line]
    assert metric["TokensWithoutScope"] == [1.0]
    assert weak not in stage.everything_logged()


def test_a_delivery_that_failed_is_sent_again_once(stage: Stage) -> None:
    got: list[Delivery] = []

    def receive(delivery: Delivery) -> int:
        got.append(delivery)
        return 503 if len(got) == 1 else 202

    with stage.lock:
        stage.github.deliveries.faults.latency_seconds = (0.0, 0.0)
        stage.github.deliveries.deliver = receive
        stage.github.queue_job(JobRequest("alpha/web", LABELS))
        stage.clock.advance(0)
    assert [delivery.status_code for delivery in got] == [503]
    assert stage.invoke("redelivery", {}) == {"resent": 1, "found": 0, "errors": 0}
    assert len(got) == 2
    assert got[1].guid == got[0].guid
    assert stage.invoke("redelivery", {}) == {"resent": 0, "found": 0, "errors": 0}


def test_a_job_that_no_webhook_told_of_is_found_and_queued(stage: Stage) -> None:
    configured = json.loads((stage.folder / "slipway.json").read_text("utf-8"))
    configured["github"]["sweep_calls_per_hour"] = 1_000_000  # so that a moment earns enough of them
    (stage.folder / "swept.json").write_text(json.dumps(configured), "utf-8")
    with stage.lock:
        stage.github.deliveries.faults.lost = 1.0
        job = stage.github.queue_job(JobRequest("alpha/web", LABELS))
        stage.github.deliveries.faults.lost = 0.0
        job.created_at -= 600.0
    stage.messages("jobs")
    swept = {"variant": "-swept", "SLIPWAY_CONFIG": str(stage.folder / "swept.json")}
    answers = [stage.invoke("redelivery", {}, **swept) for _ in range(5)]
    assert [sum(answer[count] for answer in answers) for count in ("found", "errors")] == [1, 0]
    (body,) = stage.messages("jobs")
    assert json.loads(body)["job_id"] == job.id
    lines = [
        line for line in stage.log("redelivery-swept") if line.get("message", "").startswith("found a job")
    ]
    assert [(line["job_id"], line["repository"]) for line in lines] == [(job.id, "alpha/web")]
    assert 600 <= lines[0]["waited_seconds"] < 660
    assert stage.metrics("redelivery-swept") == {"JobsFound": [1.0]}


def test_a_run_that_github_refuses_says_so_for_all_to_see_and_quotes_no_secret(stage: Stage) -> None:
    with stage.lock:
        stage.github.faults.next("GET", "/app/hook/deliveries$", 401)
    assert stage.invoke("redelivery", {}) == {"resent": 0, "found": 0, "errors": 1}
    (line,) = [line for line in stage.log("redelivery") if line.get("level") == "ERROR"]
    assert "401" in line["fault"]
    assert "github.secrets.app" in line["fault"]
    assert stage.secrets.app_key.splitlines()[1] not in stage.everything_logged()


@pytest.mark.parametrize(
    ("name", "event"),
    [("scaler", records()), ("registrar", claim_event(None)), ("reaper", {}), ("redelivery", {})],
    ids=["scaler", "registrar", "reaper", "redelivery"],
)
def test_a_function_without_its_configuration_says_what_to_do(
    stage: Stage, name: str, event: dict[str, object]
) -> None:
    missing = str(stage.folder / "nowhere.json")
    with pytest.raises(FunctionError, match="slipway config compile"):
        stage.invoke(name, event, variant="-unconfigured", SLIPWAY_CONFIG=missing)


def test_a_function_without_its_settings_names_all_that_are_missing(stage: Stage) -> None:
    bare = {"SLIPWAY_TABLE": "", "SLIPWAY_EVENTS_QUEUE_URL": "", "SLIPWAY_ACCOUNT_ID": ""}
    with pytest.raises(FunctionError, match=r"SLIPWAY_TABLE is not set.*SLIPWAY_EVENTS_QUEUE_URL is not set"):
        stage.invoke("scaler", records(), variant="-bare", **bare)
