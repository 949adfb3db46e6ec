"""``slipway doctor`` on a deployment: a healthy one, one with faults of every kind, one that is half there."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.backends import get_backend

from slipway.domain.launches import LaunchFailures
from slipway.domain.snapshot import Control, GitHubPause, StartFailures
from tests.integration.doctor.deployed import ACCOUNT, DAY, FUNCTIONS, Deployed
from tests.integration.doctor.stage import REGION, Stage
from tests.support.certificates import self_signed


@pytest.fixture
def deployed(stage: Stage) -> Deployed:
    return Deployed(stage)


def faults(stage: Stage, *arguments: str) -> list[tuple[str, str]]:
    """Return what is not ok by id, and at what it looked."""
    _, findings = stage.findings(*arguments)
    return [(one["id"], one["looked_at"]) for one in findings if one["status"] != "ok"]


def test_of_a_healthy_deployment_nothing_is_told(deployed: Deployed) -> None:
    status, findings = deployed.stage.findings()
    assert [one for one in findings if one["status"] != "ok"] == []
    assert status == 0


def _break(deployed: Deployed) -> dict[str, str]:
    """Break one thing of every kind; return the id of each fault with what its message must name."""
    seeded: dict[str, str] = {}
    for break_some in (
        _of_functions,
        _of_wake_ups,
        _of_hosts_and_logs,
        _of_alarms,
        _of_the_ledger,
        _of_github,
    ):
        seeded |= break_some(deployed)
    return seeded


def _of_functions(deployed: Deployed) -> dict[str, str]:
    fixed, named = deployed.stage.fixed, deployed.named
    del fixed.functions[named("registrar")]
    fixed.configurations[named("webhook")] |= {"State": "Failed", "StateReason": "its key is gone"}
    fixed.configurations[named("redelivery")] |= {"LastUpdateStatus": "Failed", "Runtime": "python3.12"}
    fixed.mappings[0]["State"] = "Disabled"
    del fixed.mappings[1]
    fixed.denied["ecs:RunTask"] = ("implicitDeny", False, True)
    return {
        "function-missing": named("registrar"),
        "function-not-active": "its key is gone",
        "function-update-failed": "",
        "function-runtime": "python3.12",
        "mapping-disabled": named("jobs"),
        "mapping-missing": named("events"),
        "role-denied": "ecs:RunTask: a service control policy",
    }


def _of_wake_ups(deployed: Deployed) -> dict[str, str]:
    named, sqs = deployed.named, deployed.client("sqs")
    sqs.send_message(QueueUrl=deployed.queues["dead-letters"], MessageBody="{}")
    sqs.delete_queue(QueueUrl=deployed.queues["jobs"])
    sqs.set_queue_attributes(QueueUrl=deployed.queues["events"], Attributes={"RedrivePolicy": ""})
    scheduler, events = deployed.client("scheduler"), deployed.client("events")
    scheduler.delete_schedule(Name=named("tick"))
    reaper = scheduler.get_schedule(Name=named("reaper"))
    kept = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    scheduler.update_schedule(**{name: reaper[name] for name in kept}, State="DISABLED")
    events.disable_rule(Name=named("tasks"))
    events.remove_targets(Rule=named("spot"), Ids=["events"])
    events.put_rule(Name=named("instances"), EventPattern='{"source": ["aws.s3"]}')
    events.remove_targets(Rule=named("container-instances"), Ids=["events"])
    events.delete_rule(Name=named("container-instances"))
    return {
        "dead-letters": "1 messages",
        "queue-missing": "",
        "queue-without-redrive": "",
        "schedule-missing": "",
        "schedule-disabled": "",
        "rule-disabled": named("tasks"),
        "rule-without-target": named("spot"),
        "rule-of-another-file": named("instances"),
        "rule-missing": named("container-instances"),
    }


def _of_hosts_and_logs(deployed: Deployed) -> dict[str, str]:
    logs, webhook = deployed.client("logs"), f"/aws/lambda/{deployed.named('webhook')}"
    logs.delete_log_group(logGroupName=f"/ecs/{deployed.pool.cluster}")
    logs.delete_log_group(logGroupName=webhook)
    logs.delete_retention_policy(logGroupName=f"/aws/lambda/{deployed.named('scaler')}")
    deployed.client("ecs").delete_cluster(cluster=deployed.pool.cluster)
    deployed.stage.ec2.deregister_image(ImageId=deployed.host_image)
    deployed.client("dynamodb").update_time_to_live(
        TableName=deployed.name, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"}
    )
    return {
        "container-log-group-missing": f"/ecs/{deployed.pool.cluster}",
        "log-group-missing": webhook,
        "log-group-without-end": deployed.named("scaler"),
        "cluster-missing": "",
        "host-image-gone": deployed.host_image,
        "table-without-ttl": "",
    }


def _of_alarms(deployed: Deployed) -> dict[str, str]:
    cloudwatch, named = deployed.client("cloudwatch"), deployed.named
    cloudwatch.delete_alarms(AlarmNames=[named("zombie-jobs")])
    cloudwatch.disable_alarm_actions(AlarmNames=[named("jobs-age")])
    cloudwatch.set_alarm_state(AlarmName=named("scaler-fails"), StateValue="ALARM", StateReason="3 errors")
    deployed.client("sns").unsubscribe(SubscriptionArn=deployed.subscription)
    now = datetime.now(UTC)
    lost = {
        "MetricName": "FailedDeliveries",
        "Dimensions": [{"Name": "service", "Value": named("redelivery")}],
        "Timestamp": now - timedelta(minutes=10),
        "Value": 4.0,
    }
    cloudwatch.put_metric_data(Namespace="Slipway", MetricData=[lost])
    return {
        "alarm-missing": named("zombie-jobs"),
        "alarm-calls-nobody": named("jobs-age"),
        "alarm-rings": "3 errors",
        "nobody-is-called": "",
        "deliveries-fail": "4 failed",
    }


def _of_the_ledger(deployed: Deployed) -> dict[str, str]:
    ledger, now = deployed.ledger, time.time()
    deployed.keep_token(refused="401 Bad credentials")
    for cursor in ("host-images", "redelivery/app"):
        ledger.housekeeping.move_cursor(cursor, now - 3 * DAY)
    told = ("unknown_runner/7", "zombie_job/x:1", "runner_version_ends/2.1", "runner_version_refused/2.0")
    ledger.housekeeping.keep_told(dict.fromkeys((*told, "host_image_unread/general"), now))
    ledger.notes.keep_launch_failures("general", LaunchFailures(3, now, "VcpuLimitExceeded"))
    ledger.notes.keep_start_failures("general", StartFailures("medium", 3, now, "CannotPullContainerError"))
    ledger.notes.pause_github("general", GitHubPause("alpha", now + 60, now, "403 Resource not accessible"))
    ledger.notes.order("general", Control.PAUSE)
    return {
        "token-refused": "401 Bad credentials",
        "reaper-silent": "host-images",
        "deliveries-unchecked": "",
        "unknown-runner": "runner 7",
        "zombie-job": "x:1",
        "runner-version-ends": "2.1",
        "runner-version-refused": "2.0",
        "host-image-unread": "general",
        "launches-fail": "VcpuLimitExceeded",
        "starts-fail": "CannotPullContainerError",
        "runners-refused": "403 Resource not accessible",
        "pool-stopped": "pause",
    }


def _of_github(deployed: Deployed) -> dict[str, str]:
    """[GH-GROUP-PUBLIC] [GH-GROUP-VISIBILITY] [GH-GROUP-WORKFLOWS]"""
    group, alpha = deployed.group, deployed.case.acme.alpha
    group.allows_public_repositories = True
    group.selected_ids.add(deployed.case.acme.beta.id)
    other = deployed.case.twin.add_enterprise_group(f"{deployed.name}-beta", [alpha])
    other.visibility, other.restricted_to_workflows = "all", True
    return {
        "group-admits-public": f"{deployed.name}-alpha",
        "group-open-to-others": "alpha, beta",
        "group-open-to-all": f"{deployed.name}-beta",
        "group-workflows": f"{deployed.name}-beta",
    }


def test_every_fault_that_is_seeded_is_named_with_its_cure_and_no_other(deployed: Deployed) -> None:
    seeded = _break(deployed)
    assert len(seeded) >= 15
    status, findings = deployed.stage.findings()
    told: dict[str, list[dict[str, str]]] = {}
    for one in findings:
        if one["status"] != "ok":
            told.setdefault(one["id"], []).append(one)
    assert set(told) == set(seeded)
    for name, text in seeded.items():
        assert any(text in f"{one['looked_at']}: {one['message']}" for one in told[name]), name
        assert all(one["mend"] for one in told[name]), name
    assert status == 1


def test_a_half_deployed_stack_is_told_part_by_part(stage: Stage) -> None:
    """Only a function is there, as after a deployment that was rolled back by half."""
    stage.fixed.functions["slipway-webhook"] = lambda _event: {}
    told = set(faults(stage))
    deployed = Counter(name for name, _ in told)
    expected = {
        "function-missing": 4,
        "mapping-missing": 1,
        "queue-missing": 3,
        "schedule-missing": 3,
        "rule-missing": 1,
        "table-missing": 1,
        "log-group-missing": 1,
        "container-log-group-missing": 1,
        "cluster-missing": 1,
        "launch-template-missing": 1,
        "alarms-off": 1,
    }
    assert deployed == expected


def test_without_credentials_one_finding_says_so(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert [name for name, _ in faults(deployed.stage)] == ["no-credentials"]


def test_what_the_operator_may_not_look_at_is_a_finding_and_hides_nothing_else(deployed: Deployed) -> None:
    fixed = deployed.stage.fixed
    fixed.refused = {"SimulatePrincipalPolicy", "Invoke", "ListEventSourceMappings"}
    _, findings = deployed.stage.findings()
    blind = {(one["check"], one["message"]) for one in findings if one["status"] != "ok"}
    assert blind == {
        ("role-policies", "could not look: needs permission iam:SimulatePrincipalPolicy"),
        ("runner-groups", "could not look: needs permission lambda:InvokeFunction"),
        ("functions", "could not look: needs permission lambda:ListEventSourceMappings"),
    }


def test_in_its_first_hour_a_deployment_need_not_have_looked_at_anything(deployed: Deployed) -> None:
    deployed.forget()
    assert set(faults(deployed.stage)) == {
        ("token-unseen", f"github.secrets.runner_tokens: {deployed.token}"),
        ("reaper-silent", "when it last ran"),
        ("deliveries-unchecked", "hook app"),
    }
    for function in FUNCTIONS:
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime())
        deployed.stage.fixed.configurations[deployed.named(function)]["LastModified"] = now
    assert faults(deployed.stage) == []


def test_rules_of_another_region_are_looked_for_there(deployed: Deployed) -> None:
    """And those of the home region must match its events too, for they arrive there."""
    deployed.stage.yaml["pools"]["far"] = deployed.stage.pool | {"region": "us-east-1"}
    told = {name_and_place for name_and_place in faults(deployed.stage) if "event rules" in name_and_place[1]}
    assert told == {
        ("rule-of-another-file", f"event rules in {REGION}"),
        ("rule-missing", "event rules in us-east-1"),
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"scopes": ("repo",)}, ["token-without-scope"]),
        ({"expires_at": time.time() + 5 * DAY}, ["token-expires"]),
        ({"checked_at": time.time() - DAY}, ["token-unseen"]),
        ({"scopes": None, "expires_at": None}, []),
    ],
    ids=["scope", "end", "not asked about for a day", "fine-grained"],
)
def test_what_the_reaper_wrote_of_a_token_is_told(
    deployed: Deployed, changes: dict[str, Any], told: list[str]
) -> None:
    deployed.keep_token(**changes)
    assert [name for name, _ in faults(deployed.stage)] == told


def test_groups_are_held_against_what_is_allowed_now(deployed: Deployed) -> None:
    stage, github = deployed.stage, deployed.stage.yaml["github"]
    github["allow"] = {"public_repositories": True, "organizations": ["alpha", "beta"]}
    github["runner_groups"] = deployed.group.name
    stage.be_alone()
    shared = {"allow_public_repositories": True, "runner_group": deployed.group.name}
    deployed.census = deployed.case.new_census(deployment=deployed.name, **shared)
    deployed.group.allows_public_repositories = False
    assert {name for name, _ in faults(stage)} == {"group-refuses-public", "group-hidden"}
    deployed.case.twin.world.groups_of(deployed.group.scope).clear()
    assert [name for name, _ in faults(stage)] == ["group-missing"]
    deployed.case.twin.faults.next("GET", "/runner-groups$", 403)
    assert [name for name, _ in faults(stage)] == ["groups-unread"]


def test_a_reaper_that_fails_or_is_of_another_age_gives_no_diagnosis(deployed: Deployed) -> None:
    reaper = deployed.named("reaper")
    deployed.stage.fixed.functions[reaper] = lambda _event: {"reaped": 0}
    assert [name for name, _ in faults(deployed.stage)] == ["reaper-told-nothing"]
    deployed.stage.fixed.functions[reaper] = lambda _event: 1 // 0
    assert [name for name, _ in faults(deployed.stage)] == ["reaper-told-nothing"]


def test_old_images_of_hosts_and_of_runners_are_told(deployed: Deployed) -> None:
    _host_image(deployed, deployed.host_image).creation_date = datetime.now(UTC) - timedelta(days=61)
    (repository,) = get_backend("ecr")[ACCOUNT][REGION].repositories.values()
    (image,) = (one for one in repository.images if one.image_digest == deployed.stage.image)
    image.image_pushed_at = int(time.time() - 61 * DAY)
    told = faults(deployed.stage)
    image.image_pushed_at = int(time.time())
    assert sorted(name for name, _ in told) == ["host-image-old", "image-old"]


@pytest.mark.parametrize(("days", "told"), [(5, []), (10, ["host-image-behind"])])
def test_a_release_of_amazons_that_the_template_should_name_by_now_is_told(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, days: int, told: list[str]
) -> None:
    """moto has no such releases: two images are made to look like them."""
    newer = deployed.stage.ec2.register_image(Name=f"{deployed.name}-newer", Architecture="x86_64")["ImageId"]
    now = datetime.now(UTC)
    for image, age in ((deployed.host_image, 50), (newer, days)):
        _host_image(deployed, image).creation_date = now - timedelta(days=age)
        _host_image(deployed, image).owner_alias = "amazon"
    deployed.stage.fixed.registry = {"GetParameter": {"Parameter": {"Value": newer}}}
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", deployed.stage.fixed.url)
    assert [name for name, _ in faults(deployed.stage)] == told


def _host_image(deployed: Deployed, image: str) -> Any:
    """Return moto's own record of an image: none of its calls sets a date."""
    return get_backend("ec2")[ACCOUNT][deployed.pool.region].amis[image]


def test_functions_are_held_against_a_build_at_hand(deployed: Deployed) -> None:
    build = deployed.stage.folder / "build"
    assert {name for name, _ in faults(deployed.stage, "--build", str(build))} == {"build-unread"}
    build.mkdir()
    empty = hashlib.sha256(b"").hexdigest()
    packages = {f"functions/{name}.zip": {"sha256": empty} for name in FUNCTIONS}
    packages["functions/scaler.zip"] = {"sha256": "0" * 64}
    (build / "manifest.json").write_text(json.dumps({"packages": packages}))
    told = faults(deployed.stage, "--build", str(build))
    assert told == [("function-of-another-build", f"function {deployed.named('scaler')}")]


@pytest.mark.parametrize(("days", "told"), [(-1, "ca-expired"), (10, "ca-expires"), (40, None)])
def test_a_certificate_that_ends_is_told_a_month_before(stage: Stage, days: int, told: str | None) -> None:
    old, _ = self_signed(stage.folder / "old", valid_days=days)
    bundle = stage.github.certificate
    bundle.write_text(bundle.read_text() + old.read_text())
    found = [name for name, at in faults(stage) if at.startswith("github.ca_bundle")]
    assert found == ([told] if told else [])
