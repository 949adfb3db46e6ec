"""Which permissions a call needs: every operation of the adapters is in the table, and a few that are easily missed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from local.permissions.account import Account, Need
from local.permissions.needs import NEEDS, needs_of
from local.permissions.record import Record, read_record
from local.twin.aws.account import AwsTwin
from local.twin.aws.errors import service_model
from local.twin.aws.service import Call
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel
from local.twin_deployment import ACCOUNT, REGION, deploy
from slipway.domain.configuration import Configuration
from tests.support.loop import a_configuration

ROOT = Path(__file__).parents[3]
SERVICES = ("dynamodb", "ec2", "ecr", "ecs", "elbv2", "logs", "secretsmanager", "sqs", "ssm")
CLIENTS = {"_client", "_ec2", "_logs", "_ssm"}
BY_HAND = {"SendMessage", "GetSecretValue"}  # what sqs_http and secrets_http call


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def an_account(configuration: Configuration | None = None) -> Account:
    aws = AwsTwin(VirtualClock(1_800_000_000.0), latency=LatencyModel.none(), seed=1)
    deploy(aws, configuration or a_configuration(), "https://claims.example")
    return Account(aws, "slipway")


def needed(account: Account, service: str, operation: str, **parameters: Any) -> set[Need]:
    return set(needs_of(Call(service, operation, parameters, 0.0), account))


def operations_of_adapters() -> set[str]:
    """Every operation that an adapter names: `self._client.run_task(…)`, `.get_paginator("list_tasks")`, by hand."""
    known = {name for service in SERVICES for name in service_model(service).operation_names}
    found = set(BY_HAND)
    for path in (ROOT / "layers/core/python/slipway/adapters").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = ""
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                named = node.attr if node.value.attr in CLIENTS else ""
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = node.value
            found.add("".join(part.capitalize() for part in named.split("_")) if named.islower() else "")
    return found & known


def test_every_operation_of_the_adapters_is_in_the_table_and_no_other() -> None:
    of_mappings = {"ReceiveMessage", "DeleteMessage", "DeleteMessageBatch"}  # Lambda's own calls
    assert operations_of_adapters() == {operation for _, operation in NEEDS} - of_mappings


def test_an_operation_that_is_not_in_the_table_is_no_call_that_needs_nothing() -> None:
    with pytest.raises(KeyError):
        needed(an_account(), "ecs", "ExecuteCommand", cluster="slipway-general")


def test_a_task_is_started_in_a_cluster_and_is_handed_its_roles() -> None:
    account = an_account()
    found = needed(account, "ecs", "RunTask", cluster="slipway-general", taskDefinition="slipway-small")
    to_tasks = (("iam:PassedToService", ("ecs-tasks.amazonaws.com",)),)
    assert found == {
        Need(
            "ecs:RunTask",
            arn("ecs", "task-definition/slipway-small:1"),
            (("ecs:cluster", (arn("ecs", "cluster/slipway-general"),)),),
        ),
        Need("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/slipway-general-task", to_tasks),
        Need("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/slipway-general-exec-ap-northeast-1", to_tasks),
    }


def test_a_transaction_needs_what_its_parts_need() -> None:
    parts = [{kind: {"TableName": "slipway"}} for kind in ("Put", "Update", "Delete", "ConditionCheck")]
    table = arn("dynamodb", "table/slipway")
    actions = ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
    assert needed(an_account(), "dynamodb", "TransactWriteItems", TransactItems=parts) == {
        Need(f"dynamodb:{action}", table) for action in actions
    }


def a_fleet(**changes: Any) -> dict[str, Any]:
    return {
        "LaunchTemplateConfigs": [
            {
                "LaunchTemplateSpecification": {
                    "LaunchTemplateName": "slipway-general",
                    "Version": "$Latest",
                },
                "Overrides": [{"InstanceType": "m7i.4xlarge", "SubnetId": "subnet-1"}],
            }
        ],
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "slipway:deployment", "Value": "slipway"}]}
        ],
        **changes,
    }


def test_a_fleet_needs_all_that_its_instances_are_made_of_and_their_tags_and_role() -> None:
    account = an_account()
    found = needed(account, "ec2", "CreateFleet", **a_fleet())
    kinds = {(need.action, need.resource.split(":", 5)[5].partition("/")[0]) for need in found}
    of_both = {
        "launch-template",
        "image",
        "instance",
        "network-interface",
        "volume",
        "subnet",
        "security-group",
    }
    assert kinds == {
        ("ec2:CreateFleet", "fleet"), ("ec2:CreateTags", "instance"), ("iam:PassRole", "role"),
        *((f"ec2:{action}", kind) for action in ("CreateFleet", "RunInstances") for kind in of_both),
    }  # fmt: skip
    (template,) = {need for need in found if "launch-template" in need.resource and "Run" in need.action}
    assert ("aws:ResourceTag/slipway:deployment", ("slipway",)) in template.facts
    (role,) = {need for need in found if need.action == "iam:PassRole"}
    assert role.resource == f"arn:aws:iam::{ACCOUNT}:role/slipway-general-host-ap-northeast-1"


def test_tags_on_anything_but_instances_are_not_taken_for_allowed() -> None:
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}]
    with pytest.raises(KeyError, match="volume"):
        needed(an_account(), "ec2", "CreateFleet", **a_fleet(TagSpecifications=tags))


def test_aws_s_own_parameters_are_no_account_s() -> None:
    account = an_account()
    public = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    (need,) = needed(account, "ssm", "GetParameter", Name=public)
    assert need.resource == f"arn:aws:ssm:{REGION}::parameter{public}"
    (need,) = needed(account, "ssm", "GetParameter", Name="/slipway/installation-tokens/1")
    assert need.resource == arn("ssm", "parameter/slipway/installation-tokens/1")


def test_a_record_that_was_written_is_the_same_when_it_is_read(tmp_path: Path) -> None:
    account, record = an_account(), Record()
    record.add("scaler", Call("ec2", "CreateFleet", a_fleet(), 0.0), account)
    record.add("webhook", Call("sqs", "SendMessage", {"QueueUrl": "https://sqs/1/jobs"}, 0.0), account)
    record.write(tmp_path / "needs")
    assert dict(read_record(tmp_path / "needs").needs) == dict(record.needs)
    assert record.needs["webhook"] == {Need("sqs:SendMessage", arn("sqs", "slipway-jobs"))}
