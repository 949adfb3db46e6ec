"""The reader: what a template would deploy, with names, ARNs and conditions worked out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.infra_check.sam.conditionless import without_conditions
from local.infra_check.sam.faults import TemplateFaultError
from local.infra_check.sam.parameters import Place
from local.infra_check.sam.translated import Resource, stack, translated
from local.infrastructure.cloudformation.template_text import Template, read_template

NEEDED = {"WebhookPath": "0123456789abcdef"}
ARN = "arn:aws:{}:eu-west-1:111122223333:{}"
KEY = ARN.format("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")


def by_id(template: Path, **parameters: str) -> dict[str, Resource]:
    return {one.logical_id: one for one in translated(template, {**NEEDED, **parameters})}


def value(expression: str, **more: Any) -> Any:
    """What CloudFormation would make of one expression."""
    template: Template = {
        "Parameters": {
            "Name": {"Type": "String", "Default": "one"},
            "Size": {"Type": "Number", "Default": 3},
            "List": {"Type": "CommaDelimitedList", "Default": "a, b"},
        },
        "Mappings": {"Map": {"One": {"Two": "mapped"}}},
        "Conditions": {
            "Is": {"Fn::Equals": [{"Ref": "Name"}, "one"]},
            "IsNot": {"Fn::Not": [{"Condition": "Is"}]},
        },
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${Name}-jobs"}}},
            "Unnamed": {"Type": "AWS::SQS::Queue"},
            "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {}},
            "Gone": {"Type": "AWS::SQS::Queue", "Condition": "IsNot"},
        },
        "Outputs": {"Value": {"Value": read_template(f"a: {expression}")["a"]}},
        **more,
    }
    return stack(template).outputs["Value"]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("!Ref Name", "one"),
        ("!Ref Size", 3),
        ("!Ref List", ["a", "b"]),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Ref Queue", "https://sqs.eu-west-1.amazonaws.com/111122223333/one-jobs"),
        ("!GetAtt Queue.Arn", ARN.format("sqs", "one-jobs")),
        ("!GetAtt Queue.QueueName", "one-jobs"),
        ("!Ref Unnamed", "<Unnamed>"),
        ("!GetAtt Unnamed.Arn", "<Unnamed.Arn>"),
        ("!Ref Api", "<Api>"),
        ("!GetAtt Api.ApiEndpoint", "<Api.ApiEndpoint>"),
        ('!Sub "${Name}/${Queue.QueueName}/${Api}/${!Name}"', "one/one-jobs/<Api>/${Name}"),
        ('!Sub ["${a}-${Name}", {a: !If [Is, b, !Ref Nothing]}]', "b-one"),
        ("!If [IsNot, !Ref Gone, other]", "other"),
        ("[1, !If [IsNot, 2, !Ref AWS::NoValue], 3]", [1, 3]),
        ("{a: !Ref AWS::NoValue, b: 2}", {"b": 2}),
        ('!Join ["-", [a, !Ref Size, !Ref AWS::NoValue]]', "a-3"),
        ('!Select [1, !Split [",", "a,b"]]', "b"),
        ("!FindInMap [Map, One, Two]", "mapped"),
        ("!ImportValue shared", "<import shared>"),
        ('!Select [2, !GetAZs ""]', "eu-west-1c"),
        ("!Select [1, !Cidr [10.0.0.0/16, 2, 13]]", "10.0.32.0/19"),
        ("!Base64 text", "dGV4dA=="),
        ("!Or [!Equals [a, b], !Condition Is]", True),
        ("!And [!Condition Is, !Condition IsNot]", False),
        ('!Equals [true, "true"]', True),
        # A policy's condition is no condition of the template.
        ("{Condition: {StringEquals: {a: !Ref Name}}}", {"Condition": {"StringEquals": {"a": "one"}}}),
    ],
)
def test_a_function_gives_what_cloudformation_would_give(expression: str, wanted: object) -> None:
    assert value(expression) == wanted


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("!Ref Nothing", "no parameter or resource Nothing"),
        ("!GetAtt Gone.Arn", "Gone is referred to and not deployed"),
        ("!If [Maybe, 1, 2]", "no condition Maybe"),
        ("!FindInMap [Map, One, Three]", r"no Map\.One\.Three"),
        ("!Select [2, [a, b]]", "no element 2"),
        ("!Transform {Name: x}", "Fn::Transform is not known"),
    ],
)
def test_what_cloudformation_would_refuse_is_refused_with_the_reason(expression: str, fault: str) -> None:
    with pytest.raises(TemplateFaultError, match=fault):
        value(expression)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "no value for the parameter WebhookPath"),
        ({"WebhookPath": "short"}, "16 to 128"),
        ({**NEEDED, "Deployment": "other"}, "'other' is none of slipway"),
        ({**NEEDED, "ClaimRate": "0"}, "ClaimRate: 0 is out of bounds"),
        ({**NEEDED, "Speed": "1"}, "no parameter Speed"),
        ({**NEEDED, "KmsKeyArn": "alias/mine"}, "the ARN of a KMS key"),
        ({**NEEDED, "ClaimApi": "private"}, "needs ClaimVpcEndpointIds"),
        ({**NEEDED, "FunctionSubnetIds": "subnet-0a1b2c3d"}, "need FunctionSecurityGroupIds"),
    ],
)
def test_a_parameter_that_is_missing_or_wrong_stops_it(
    enterprise: Path, given: dict[str, str], fault: str
) -> None:
    with pytest.raises(TemplateFaultError, match=fault):
        translated(enterprise, given)


def test_a_template_is_read_for_its_own_region_and_refused_for_another(enterprise: Path) -> None:
    queue = by_id(enterprise)["DeadLettersQueue"].properties["RedriveAllowPolicy"]["sourceQueueArns"][0]
    assert queue == "arn:aws:sqs:ap-northeast-1:111122223333:slipway-jobs"
    with pytest.raises(TemplateFaultError, match="made for ap-northeast-1"):
        translated(enterprise, NEEDED, Place("eu-west-1"))


def test_sam_s_own_resources_become_cloudformation_s(enterprise: Path) -> None:
    resources = by_id(enterprise)
    assert not [one.type for one in resources.values() if one.type.startswith("AWS::Serverless")]
    function = resources["ScalerFunction"].properties
    assert function["Role"] == "arn:aws:iam::111122223333:role/slipway-scaler-ap-northeast-1"
    assert function["Code"] == {"S3Bucket": "packages", "S3Key": "functions/scaler.zip"}
    assert function["Layers"] == [
        f"arn:aws:lambda:ap-northeast-1:111122223333:layer:slipway-{name}:<version>"
        for name in ("core", "vendor")
    ]
    assert function["Environment"]["Variables"]["SLIPWAY_TABLE"] == "slipway"
    assert "VpcConfig" not in function
    mapping = resources["ScalerFunctionJobs"].properties
    assert mapping["EventSourceArn"] == "arn:aws:sqs:ap-northeast-1:111122223333:slipway-jobs"
    assert resources["ScalerFunction"].attributes["DependsOn"] == "ScalerLogs"


def test_options_decide_what_is_deployed(two_regions: Path) -> None:
    plain = by_id(two_regions)
    full = by_id(
        two_regions,
        ClaimApi="private",
        ClaimVpcEndpointIds="vpce-0a1b2c3d4e5f60001,vpce-0a1b2c3d4e5f60002",
        FunctionSubnetIds="subnet-0a1b2c3d4e5f60001",
        FunctionSecurityGroupIds="sg-0a1b2c3d4e5f60001",
        KmsKeyArn=KEY,
        PermissionsBoundaryArn="arn:aws:iam::111122223333:policy/boundary",
        ReserveConcurrency="false",
        DeletionProtection="false",
        AlarmEmail="oncall@example.com",
        CreateSpotRole="true",
    )
    assert {"ClaimApiPublic", "ClaimRoute", "ClaimStage"} <= plain.keys() - full.keys()
    assert {
        "ClaimApiPrivate",
        "ClaimMethod",
        "AlarmSubscription",
        "SpotRole",
    } <= full.keys() - plain.keys()
    assert full["SpotRole"].attributes["DeletionPolicy"] == "RetainExceptOnCreate"  # it is the account's
    assert plain["ReaperFunction"].properties["ReservedConcurrentExecutions"] == 1
    assert "ReservedConcurrentExecutions" not in full["ReaperFunction"].properties
    assert full["ReaperFunction"].properties["VpcConfig"] == {
        "SubnetIds": ["subnet-0a1b2c3d4e5f60001"],
        "SecurityGroupIds": ["sg-0a1b2c3d4e5f60001"],
    }
    assert plain["Table"].properties["DeletionProtectionEnabled"] is True
    assert full["Table"].properties["DeletionProtectionEnabled"] is False
    assert "SSESpecification" not in plain["Table"].properties
    assert full["Table"].properties["SSESpecification"]["KMSMasterKeyId"] == KEY
    assert plain["JobsQueue"].properties["SqsManagedSseEnabled"] is True
    assert full["JobsQueue"].properties["KmsMasterKeyId"] == KEY
    roles = [one for one in full.values() if one.type == "AWS::IAM::Role"]
    assert {one.properties["PermissionsBoundary"] for one in roles} == {
        "arn:aws:iam::111122223333:policy/boundary"
    }
    assert not [one for one in plain.values() if "PermissionsBoundary" in one.properties]


def test_the_claim_address_follows_the_kind_of_api(two_regions: Path) -> None:
    template = read_template(two_regions.read_text("utf-8"))
    public = stack(template, NEEDED)
    private = stack(template, {**NEEDED, "ClaimApi": "private", "ClaimVpcEndpointIds": "vpce-0a1b2c3d"})
    by_several = stack(
        template, {**NEEDED, "ClaimApi": "private", "ClaimVpcEndpointIds": "vpce-0a1b2c3d,vpce-0a1b2c3e"}
    )
    assert public.outputs["ClaimUrl"] == "https://<ClaimApiPublic>.execute-api.eu-west-1.amazonaws.com"
    of_endpoint = "https://<ClaimApiPrivate>-vpce-0a1b2c3d.execute-api.eu-west-1.amazonaws.com/live"
    assert private.outputs["ClaimUrl"] == of_endpoint
    assert by_several.outputs["ClaimUrl"] == of_endpoint.replace("-vpce-0a1b2c3d", "")
    for made, api in ((public, "<ClaimApiPublic>"), (private, "<ClaimApiPrivate>")):
        assert made.outputs["ClaimApiId"] == api
        found = {one.logical_id: one.properties for one in made.resources}
        environment = found["ProfileStandardTaskDefinition"]["ContainerDefinitions"][0]["Environment"]
        assert {"Name": "SLIPWAY_CLAIM_URL", "Value": made.outputs["ClaimUrl"]} in environment
        (policy,) = found["PoolGeneralTaskRole"]["Policies"]
        allowed = policy["PolicyDocument"]["Statement"][0]["Resource"]
        assert allowed[0] == ARN.format("execute-api", f"{api}/*/POST/v1/claim")


def test_another_region_s_template_is_read_with_what_the_home_region_puts_out(two_regions: Path) -> None:
    other = two_regions.parent / "region-us-east-1.yaml"
    given = {"ClaimUrl": "https://claims.example.com", "ClaimApiId": "a1b2c3d4e5"}
    resources = {one.logical_id: one for one in translated(other, given)}
    assert resources["TasksRule"].properties["Targets"] == [
        {
            "Id": "home",
            "Arn": ARN.format("events", "event-bus/default"),
            "RoleArn": "arn:aws:iam::111122223333:role/acme-events-eu-west-1",
        }
    ]


def test_nothing_is_left_to_work_out_but_what_aws_looks_up(two_regions: Path) -> None:
    for one in by_id(two_regions).values():
        text = json.dumps(dict(one.properties)).replace("{{resolve:ssm:", "")
        text = text.replace("${PROP(", "")  # CloudWatch's own, in a dashboard's labels
        assert "Fn::" not in text, one.logical_id
        assert '"Ref"' not in text, one.logical_id
        assert "${" not in text, one.logical_id


def test_a_decided_template_has_references_left_and_no_choice(two_regions: Path) -> None:
    text = json.dumps(
        without_conditions(read_template(two_regions.read_text("utf-8")), NEEDED, Place("eu-west-1"))
    )
    assert '"Fn::GetAtt"' in text
    assert "Fn::If" not in text
    assert "AWS::NoValue" not in text
    assert '"Conditions"' not in text
    assert "ClaimApiPrivate" not in text
