"""What must hold of the resources of a deployment, whatever the options: one sentence for each fault."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.infra_check.sam.translated import Resource

VISIBILITY_FACTOR = 6  # times the function's timeout, so that no message is handled twice while it is handled
_RETRIES = 5


def faults(resources: Sequence[Resource]) -> list[str]:
    """Return every fault of a deployment, in the template's order; none is as it should be."""
    return [
        *_functions_without_logs(resources),
        *_shared_roles(resources),
        *_queues(resources),
        *_open_claims(resources),
        *_open_permissions(resources),
        *_weak_hosts(resources),
    ]


def _of(resources: Sequence[Resource], kind: str) -> list[Resource]:
    return [resource for resource in resources if resource.type == kind]


def _functions_without_logs(resources: Sequence[Resource]) -> Iterator[str]:
    """Lambda makes a log group that is kept for ever, unless there is one before the function's first line."""
    groups = {one.properties["LogGroupName"]: one for one in _of(resources, "AWS::Logs::LogGroup")}
    for function in _of(resources, "AWS::Lambda::Function"):
        group = groups.get(f"/aws/lambda/{function.properties['FunctionName']}")
        if group is None:
            yield f"{function.logical_id} has no log group"
        elif group.logical_id not in _listed(function.attributes.get("DependsOn", [])):
            yield f"{function.logical_id} may be made before its log group"
    for name, group in groups.items():
        if "RetentionInDays" not in group.properties:
            yield f"{name} is kept for ever"


def _shared_roles(resources: Sequence[Resource]) -> Iterator[str]:
    held: dict[str, str] = {}
    for function in _of(resources, "AWS::Lambda::Function"):
        other = held.setdefault(function.properties["Role"], function.logical_id)
        if other != function.logical_id:
            yield f"{function.logical_id} shares its role with {other}"


def _queues(resources: Sequence[Resource]) -> Iterator[str]:
    queues = {_arn_end(one): one for one in _of(resources, "AWS::SQS::Queue")}
    functions = {one.properties["FunctionName"]: one for one in _of(resources, "AWS::Lambda::Function")}
    for mapping in _of(resources, "AWS::Lambda::EventSourceMapping"):
        queue = queues[mapping.properties["EventSourceArn"].rpartition(":")[2]].properties
        needed = VISIBILITY_FACTOR * functions[mapping.properties["FunctionName"]].properties["Timeout"]
        if queue.get("VisibilityTimeout", 30) < needed:
            yield f"{queue['QueueName']} shows its messages again before {needed} s"
        if queue.get("RedrivePolicy", {}).get("maxReceiveCount", 0) < _RETRIES:
            yield f"{queue['QueueName']} gives a message up too early, or never"
        if mapping.properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{mapping.logical_id}: one bad message fails its whole batch"
        if mapping.properties.get("ScalingConfig", {}).get("MaximumConcurrency", 0) < 2:
            yield f"{mapping.logical_id} has no bound of its own"
    yield from _queues_without_policy(resources, queues)


def _queues_without_policy(resources: Sequence[Resource], queues: Mapping[str, Resource]) -> Iterator[str]:
    denied: dict[str, set[str]] = {name: set() for name in queues}
    for policy in _of(resources, "AWS::SQS::QueuePolicy"):
        for queue in policy.properties["Queues"]:
            denied[queue.rpartition("/")[2]] |= {
                json.dumps(one["Condition"])
                for one in policy.properties["PolicyDocument"]["Statement"]
                if (one["Effect"], one["Principal"]) == ("Deny", "*")
            }
    for name, conditions in denied.items():
        if not any("aws:SecureTransport" in one for one in conditions):
            yield f"{name} takes messages that are not encrypted on their way"
        if not any("aws:PrincipalArn" in one for one in conditions):
            yield f"{name} does not name who may send"


def _open_claims(resources: Sequence[Resource]) -> Iterator[str]:
    """Every route but GitHub's is behind IAM, which is what tells the registrar who calls."""
    for route in _of(resources, "AWS::ApiGatewayV2::Route"):
        is_webhook = route.properties["RouteKey"].startswith("POST /webhook/")
        if not is_webhook and route.properties.get("AuthorizationType") != "AWS_IAM":
            yield f"{route.logical_id} lets everyone claim"
    for method in _of(resources, "AWS::ApiGateway::Method"):
        if method.properties.get("AuthorizationType") != "AWS_IAM":
            yield f"{method.logical_id} lets everyone claim"


def _open_permissions(resources: Sequence[Resource]) -> Iterator[str]:
    for permission in _of(resources, "AWS::Lambda::Permission"):
        if not permission.properties.get("SourceArn"):
            yield f"{permission.logical_id}: any API of any account may invoke the function"


def _weak_hosts(resources: Sequence[Resource]) -> Iterator[str]:
    for template in _of(resources, "AWS::EC2::LaunchTemplate"):
        data = template.properties["LaunchTemplateData"]
        options = data.get("MetadataOptions", {})
        if (options.get("HttpTokens"), options.get("HttpPutResponseHopLimit")) != ("required", 1):
            yield f"{template.logical_id}: containers may reach the metadata of their host"
        if not all(disk["Ebs"].get("Encrypted") for disk in data.get("BlockDeviceMappings", [])):
            yield f"{template.logical_id} has a disk that is not encrypted"
    for group in _of(resources, "AWS::EC2::SecurityGroup"):
        if any(
            not one.get("SourceSecurityGroupId") for one in group.properties.get("SecurityGroupIngress", [])
        ):
            yield f"{group.logical_id} lets the world in"


def _arn_end(queue: Resource) -> str:
    return str(queue.properties["QueueName"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
