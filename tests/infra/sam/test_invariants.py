"""What must hold of every deployment, and that a mistake is seen."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.infra_check.sam.invariants import faults
from local.infra_check.sam.translated import Resource, stack
from local.infrastructure.cloudformation.template_text import Template, read_template
from tests.support.deployments import ROOT

NEEDED = {"WebhookPath": "0123456789abcdef"}
OPTIONS: dict[str, dict[str, str]] = {
    "defaults": {},
    "private": {"ClaimApi": "private", "ClaimVpcEndpointIds": "vpce-0a1b2c3d4e5f60001"},
    "own key": {"KmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
    "nothing on top": {
        "Alarms": "false",
        "Dashboard": "false",
        "ReserveConcurrency": "false",
        "DeletionProtection": "false",
    },
}


def resources_of(template: Path | Template, options: dict[str, str] | None = None) -> tuple[Resource, ...]:
    read = read_template(template.read_text("utf-8")) if isinstance(template, Path) else template
    return stack(read, {**NEEDED, **(options or {})}).resources


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_deployment_has_no_fault_whatever_the_options(
    enterprise: Path, two_regions: Path, environments: Path, options: dict[str, str]
) -> None:
    assert faults(resources_of(enterprise, options)) == []
    assert faults(resources_of(environments, options)) == []
    assert faults(resources_of(two_regions, options)) == []


def test_the_pools_of_another_region_and_the_network_have_none_either(two_regions: Path) -> None:
    region = read_template((two_regions.parent / "region-us-east-1.yaml").read_text("utf-8"))
    given = {"ClaimUrl": "https://claims.example.com", "ClaimApiId": "a1b2c3d4e5"}
    assert faults(stack(region, given).resources) == []
    network = read_template((ROOT / "infra" / "sam" / "network.yaml").read_text("utf-8"))
    for nat in ("single", "per_zone", "none"):
        assert faults(stack(network, {"Nat": nat, "ClaimEndpoint": "true"}).resources) == []


def properties(template: Template, name: str) -> Any:
    return template["Resources"][name]["Properties"]


def drop(name: str) -> Callable[[Template], object]:
    return lambda template: template["Resources"].pop(name)


def change(name: str, key: str, value: Any) -> Callable[[Template], object]:
    return lambda template: properties(template, name).update({key: value})


MISTAKES: dict[str, tuple[Callable[[Template], object], str]] = {
    "a claim route without its authorizer": (
        lambda template: properties(template, "ClaimRoute").pop("AuthorizationType"),
        "ClaimRoute lets everyone claim",
    ),
    "a release route for everyone": (
        change("ReleaseRoute", "AuthorizationType", "NONE"),
        "ReleaseRoute lets everyone claim",
    ),
    "a visibility timeout too short": (
        change("EventsQueue", "VisibilityTimeout", 359),
        "acme-events shows its messages again before 360 s",
    ),
    "a timeout that has outgrown the queues": (
        change("ScalerFunction", "Timeout", 120),
        "acme-jobs shows its messages again before 720 s",
    ),
    "a function without its log group": (
        lambda template: (
            drop("ReaperLogs")(template),
            template["Resources"]["ReaperFunction"].pop("DependsOn"),
        ),
        "ReaperFunction has no log group",
    ),
    "a log group that may come too late": (
        lambda template: template["Resources"]["ScalerFunction"].pop("DependsOn"),
        "ScalerFunction may be made before its log group",
    ),
    "a log group for ever": (
        lambda template: properties(template, "PoolGeneralLogs").pop("RetentionInDays"),
        "/ecs/acme-general is kept for ever",
    ),
    "one role for two functions": (
        change("ReaperFunction", "Role", {"Fn::GetAtt": ["RegistrarRole", "Arn"]}),
        "ReaperFunction shares its role with RegistrarFunction",
    ),
    "a queue without a policy": (drop("JobsQueuePolicy"), "acme-jobs does not name who may send"),
    "a queue without dead letters": (
        lambda template: properties(template, "JobsQueue").pop("RedrivePolicy"),
        "acme-jobs gives a message up too early, or never",
    ),
    "a batch that fails as a whole": (
        lambda template: properties(template, "ScalerFunction")["Events"]["Jobs"]["Properties"].pop(
            "FunctionResponseTypes"
        ),
        "ScalerFunctionJobs: one bad message fails its whole batch",
    ),
    "a permission for any API": (
        lambda template: properties(template, "WebhookPermission").pop("SourceArn"),
        "WebhookPermission: any API of any account may invoke the function",
    ),
    "metadata without a token": (
        lambda template: properties(template, "PoolGeneralLaunchTemplate")["LaunchTemplateData"][
            "MetadataOptions"
        ].update(HttpTokens="optional"),
        "PoolGeneralLaunchTemplate: containers may reach the metadata of their host",
    ),
}


@pytest.mark.parametrize(("mistake", "fault"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_copy_is_seen(
    two_regions: Path, mistake: Callable[[Template], object], fault: str
) -> None:
    template = copy.deepcopy(read_template(two_regions.read_text("utf-8")))
    mistake(template)
    assert fault in faults(resources_of(template))


@pytest.mark.parametrize("name", ["webhook", "scaler", "registrar", "reaper", "redelivery"])
def test_a_function_has_the_memory_timeout_and_settings_of_its_page(two_regions: Path, name: str) -> None:
    page = (ROOT / "functions" / name / "README.md").read_text("utf-8")
    size = re.search(r"^\| \*\*Memory, timeout\*\* \| (\d+) MB.*?, (\d+) s", page, re.MULTILINE)
    settings = re.search(r"^\| \*\*Settings\*\* \| (.*)$", page, re.MULTILINE)
    assert size
    assert settings
    named = set(re.findall(r"`(SLIPWAY_\w+)`", settings[1])) - {"SLIPWAY_CONFIG"}
    named -= {"SLIPWAY_ENVIRONMENTS_QUEUE_URL"}  # this deployment has none
    (function,) = [
        one.properties
        for one in resources_of(two_regions)
        if one.type == "AWS::Lambda::Function" and one.properties["FunctionName"] == f"acme-{name}"
    ]
    assert (function["MemorySize"], function["Timeout"]) == (int(size[1]), int(size[2]))
    assert function["Environment"]["Variables"].keys() == named
    assert function["Handler"] == f"functions.{name}.handler.lambda_handler"
    assert f"`{function['Handler']}`" in page
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    layers = [arn.split(":")[6] for arn in function.get("Layers", [])]
    assert layers == ([] if name == "webhook" else ["acme-core", "acme-vendor"])
    assert ("layers `core` and `vendor`" in page) == bool(layers)
