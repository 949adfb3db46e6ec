"""The templates created on moto: what CloudFormation would make of names, wiring, policies and queues.

moto plays CloudFormation for the types that it knows. It is not AWS: what passes here has been read, resolved and made
in an order that works; whether AWS would take each value is not shown.
"""

from __future__ import annotations

import ast
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.parsing import resource_class_from_type

from local.infra_check.sam.conditionless import without_conditions
from local.infra_check.sam.parameters import Place
from local.infra_check.sam.transform import BUCKET
from local.infra_check.sam.translated import Resource, translated
from local.infrastructure.cloudformation.template_text import read_template

ACCOUNT = "123456789012"  # moto's
HOME = Place("eu-west-1", ACCOUNT)
NEEDED = {"WebhookPath": "0123456789abcdef"}
# What moto 5.2.5 knows nothing of in a template; one that it has learned since is to be taken out here.
NOT_ON_MOTO = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::Scheduler::Schedule",
    "AWS::CloudWatch::Alarm",
    "AWS::SecretsManager::ResourcePolicy",
    "AWS::SecretsManager::Secret",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A stack on moto, and what was wanted of it."""

    wanted: dict[str, Resource]
    made: set[str]
    session: Any

    def client(self, service: str) -> Any:
        return self.session.client(service)


@pytest.fixture(scope="module")
def home(two_regions: Path) -> Iterator[Made]:
    """The home region's stack. Queues and functions of moto's are real enough to be asked."""
    template = without_conditions(read_template(two_regions.read_text("utf-8")), NEEDED, HOME)
    wanted = {one.logical_id: one for one in translated(two_regions, NEEDED, HOME)}
    template["Resources"] = {
        name: one for name, one in template["Resources"].items() if one["Type"] not in NOT_ON_MOTO
    }
    template["Outputs"] = {}  # they name what moto does not make
    # Nor does it know of addresses that only those give.
    text = (
        json.dumps(template)
        .replace('{"Ref": "ClaimApiPublic"}', '"claims"')
        .replace("${WebhookApi}", "webhook")
    )
    text = text.replace("${ClaimApiPublic}", "claims").replace('{"Ref": "WebhookApi"}', '"webhook"')
    with mock_aws():
        session = boto3.session.Session("key", "secret", region_name=HOME.region)
        _upload_packages(session, json.loads(text))
        cloudformation = session.client("cloudformation")
        cloudformation.create_stack(
            StackName=HOME.stack_name,
            TemplateBody=text,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in NEEDED.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        (stack,) = cloudformation.describe_stacks(StackName=HOME.stack_name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=HOME.stack_name)
        made = {one["LogicalResourceId"] for page in pages for one in page["StackResourceSummaries"]}
        yield Made(wanted, made, session)


def _upload_packages(session: Any, template: dict[str, Any]) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("empty.py", "")
    storage = session.client("s3")
    storage.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": HOME.region})
    for resource in template["Resources"].values():
        place = resource["Properties"].get("Code") or resource["Properties"].get("Content")
        if place:
            storage.put_object(Bucket=place["S3Bucket"], Key=place["S3Key"], Body=stream.getvalue())


def test_everything_is_made_but_what_moto_lacks(home: Made, capsys: pytest.CaptureFixture[str]) -> None:
    lacking = {name for name in home.wanted if name not in home.made}
    assert lacking == {name for name, one in home.wanted.items() if one.type in NOT_ON_MOTO}
    with capsys.disabled():
        print(f"created on moto: {len(home.made)} of {len(home.wanted)} resources", end=" ")
    assert len(home.made) >= 40


@pytest.mark.parametrize("kind", sorted(NOT_ON_MOTO))
def test_moto_still_lacks_what_is_left_out(kind: str) -> None:
    assert resource_class_from_type(kind) is None


def test_functions_have_their_names_roles_and_settings(home: Made) -> None:
    made = {one["FunctionName"]: one for one in home.client("lambda").list_functions()["Functions"]}
    wanted = {
        one.properties["FunctionName"]: one.properties
        for one in home.wanted.values()
        if one.type == "AWS::Lambda::Function"
    }
    assert made.keys() == wanted.keys()
    for name, properties in wanted.items():
        function = made[name]
        assert function["Environment"]["Variables"] == properties["Environment"]["Variables"]
        assert function["Role"] == properties["Role"]
        assert (function["MemorySize"], function["Timeout"]) == (
            properties["MemorySize"],
            properties["Timeout"],
        )
        assert (function["Runtime"], function["Handler"]) == ("python3.13", properties["Handler"])


def test_the_scaler_reads_both_queues_and_nothing_else_reads_any(home: Made) -> None:
    mappings = home.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    found = {
        (one["EventSourceArn"].rpartition(":")[2], one["FunctionArn"].rpartition(":")[2]) for one in mappings
    }
    assert found == {("acme-jobs", "acme-scaler"), ("acme-events", "acme-scaler")}
    assert {one["BatchSize"] for one in mappings} == {10}


def test_roles_have_exactly_the_statements_that_the_reader_reports(home: Made) -> None:
    iam = home.client("iam")
    roles = [one.properties for one in home.wanted.values() if one.type == "AWS::IAM::Role"]
    assert len(roles) > 10
    for role in roles:
        for policy in role["Policies"]:
            made = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy["PolicyName"])
            wanted = json.dumps(policy["PolicyDocument"])
            for mark, name in (("<ClaimApiPublic>", "claims"), ("<WebhookApi>", "webhook")):
                wanted = wanted.replace(mark, name)
            assert _document(made["PolicyDocument"]) == json.loads(wanted), role["RoleName"]
        trust = iam.get_role(RoleName=role["RoleName"])["Role"]["AssumeRolePolicyDocument"]
        assert _document(trust) == role["AssumeRolePolicyDocument"]


def _document(value: Any) -> Any:
    """A role's policy that came from a template, which moto answers as Python would print it."""
    return ast.literal_eval(value) if isinstance(value, str) else value


@pytest.mark.parametrize("queue", ["JobsQueue", "EventsQueue", "DeadLettersQueue"])
def test_queues_have_their_times_and_redrive(home: Made, queue: str) -> None:
    wanted = home.wanted[queue].properties
    sqs = home.client("sqs")
    url = sqs.get_queue_url(QueueName=wanted["QueueName"])["QueueUrl"]
    made = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert int(made["MessageRetentionPeriod"]) == wanted["MessageRetentionPeriod"]
    if queue != "DeadLettersQueue":
        assert int(made["VisibilityTimeout"]) == wanted["VisibilityTimeout"]
        assert json.loads(made["RedrivePolicy"]) == wanted["RedrivePolicy"]


def test_the_ledger_is_a_table_of_two_keys_that_forgets_by_itself(home: Made) -> None:
    dynamodb = home.client("dynamodb")
    table = dynamodb.describe_table(TableName="acme")["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"]


def test_a_rule_s_events_reach_the_queue(home: Made) -> None:
    events = home.client("events")
    rules = {one["Name"]: one for one in events.list_rules()["Rules"]}
    wanted = [one.properties for one in home.wanted.values() if one.type == "AWS::Events::Rule"]
    assert rules.keys() == {one["Name"] for one in wanted}
    for rule in wanted:
        assert json.loads(rules[rule["Name"]]["EventPattern"]) == rule["EventPattern"]
        (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        assert target["Arn"] == f"arn:aws:sqs:eu-west-1:{ACCOUNT}:acme-events"


def test_a_pool_has_its_cluster_launch_template_and_task_definition(home: Made) -> None:
    ec2, ecs = home.client("ec2"), home.client("ecs")
    (cluster,) = ecs.describe_clusters(clusters=["acme-general"])["clusters"]
    assert cluster["status"] == "ACTIVE"
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateName="acme-general")[
        "LaunchTemplateVersions"
    ]
    data = version["LaunchTemplateData"]
    assert (
        data["UserData"]
        == home.wanted["PoolGeneralLaunchTemplate"].properties["LaunchTemplateData"]["UserData"]
    )
    assert data["SecurityGroupIds"] == ["sg-0a1b2c3d4e5f60001"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    (template,) = ec2.describe_launch_templates(LaunchTemplateNames=["acme-general"])["LaunchTemplates"]
    # By this tag the scaler may launch from it.
    assert {"Key": "slipway:deployment", "Value": "acme"} in template["Tags"]
    definition = ecs.describe_task_definition(taskDefinition="acme-standard")["taskDefinition"]
    wanted = home.wanted["ProfileStandardTaskDefinition"].properties
    assert (definition["family"], definition["networkMode"]) == (wanted["Family"], wanted["NetworkMode"])
    (container,) = definition["containerDefinitions"]
    made = {one["name"]: one["value"] for one in container["environment"]}
    assert made["SLIPWAY_CLAIM_URL"] == "https://claims.execute-api.eu-west-1.amazonaws.com"
