"""What ``Ref`` and ``Fn::GetAtt`` of a resource give, where that follows from its properties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.infra_check.sam.parameters import Place

Property = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the name and the ARN of a type of resource follow from its properties."""

    name: str  # the property that names it
    arn: str  # service and resource of its ARN; {} is the name
    ref: str = "name"  # what Ref gives: the name, the ARN, or an address
    has_region: bool = True
    arn_attribute: str = "Arn"


# A chosen part of an ARN is a mark: <version>, <suffix>.
_KINDS = {
    "AWS::CloudWatch::Alarm": _Kind("AlarmName", "cloudwatch:alarm:{}"),
    "AWS::DynamoDB::Table": _Kind("TableName", "dynamodb:table/{}"),
    "AWS::ECS::Cluster": _Kind("ClusterName", "ecs:cluster/{}"),
    "AWS::ECS::TaskDefinition": _Kind("Family", "ecs:task-definition/{}:<revision>", ref="arn"),
    "AWS::Events::Rule": _Kind("Name", "events:rule/{}"),
    "AWS::IAM::InstanceProfile": _Kind("InstanceProfileName", "iam:instance-profile/{}", has_region=False),
    "AWS::IAM::Role": _Kind("RoleName", "iam:role/{}", has_region=False),
    "AWS::Lambda::Function": _Kind("FunctionName", "lambda:function:{}"),
    "AWS::Lambda::LayerVersion": _Kind("LayerName", "lambda:layer:{}:<version>", ref="arn"),
    "AWS::Logs::LogGroup": _Kind("LogGroupName", "logs:log-group:{}:*"),
    "AWS::SNS::Topic": _Kind("TopicName", "sns:{}", ref="arn", arn_attribute="TopicArn"),
    "AWS::SQS::Queue": _Kind("QueueName", "sqs:{}", ref="url"),
    "AWS::Scheduler::Schedule": _Kind("Name", "scheduler:schedule/default/{}"),
    "AWS::SecretsManager::Secret": _Kind("Name", "secretsmanager:secret:{}-<suffix>", ref="arn"),
}


def reference_to(logical_id: str, kind: str, property_of: Property, place: Place) -> str:
    """Return what ``Ref`` gives; a mark `<LogicalId>` where AWS chooses it."""
    known = _KINDS.get(kind)
    name = property_of(known.name) if known else None
    if known is None or name is None:
        return f"<{logical_id}>"
    if known.ref == "url":
        return f"https://sqs.{place.region}.{place.url_suffix}/{place.account_id}/{name}"
    return _arn(known, name, place) if known.ref == "arn" else str(name)


def attribute_of(logical_id: str, attribute: str, kind: str, property_of: Property, place: Place) -> Any:
    """Return what ``Fn::GetAtt`` gives; a mark `<LogicalId.Attribute>` where AWS chooses it."""
    known = _KINDS.get(kind)
    name = property_of(known.name) if known else None
    if known is not None and name is not None:
        if attribute == known.arn_attribute:
            return _arn(known, name, place)
        if attribute == known.name:
            return name
    return f"<{logical_id}.{attribute}>"


def _arn(kind: _Kind, name: str, place: Place) -> str:
    service, _, resource = kind.arn.partition(":")
    region = place.region if kind.has_region else ""
    return f"arn:{place.partition}:{service}:{region}:{place.account_id}:{resource.format(name)}"
