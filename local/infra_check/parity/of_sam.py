"""What the SAM tree would deploy, from its templates after SAM's transform. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.infra_check.parity.facts import Facts, Told, alike, gathered, path_of, policy, widgets
from local.infra_check.sam.translated import Resource

Properties = Mapping[str, Any]
Stacks = Mapping[str, Iterable[Resource]]  # a stack's resources by its region


def facts_of(stacks: Stacks, names: Mapping[str, str] | None = None) -> Facts:
    """Return the facts of the stacks of all regions together; ``names`` of APIs replace ids given for them."""
    told: list[Told] = []
    for region, resources in stacks.items():
        kept = list(resources)
        marks = {**_api_names(kept), **(names or {})}
        integrations = {
            resource.logical_id: resource.properties
            for resource in kept
            if resource.type == "AWS::ApiGatewayV2::Integration"
        }
        parents = {
            resource.logical_id: (
                resource.properties["ParentId"].strip("<>"),
                resource.properties["PathPart"],
            )
            for resource in kept
            if resource.type == "AWS::ApiGateway::Resource"
        }
        for resource in kept:
            properties = _renamed(resource.properties, marks)
            if resource.type == "AWS::ApiGatewayV2::Route":
                told.append(_route(properties, integrations))
            elif resource.type == "AWS::ApiGateway::Method":
                told.append(_method(properties, parents))
            elif reader := _READERS.get(resource.type):
                told += reader(properties, region)
    return gathered(told)


def _api_names(resources: Iterable[Resource]) -> dict[str, str]:
    """Return what stands for an API's id in its place: Terraform's stub takes an API's name for it."""
    return {
        f"<{resource.logical_id}>": str(resource.properties["Name"])
        for resource in resources
        if resource.type in {"AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi"}
    }


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for mark, name in names.items():
            value = value.replace(mark, name)
        return value
    if isinstance(value, Mapping):
        return {key: _renamed(part, names) for key, part in value.items()}
    return [_renamed(part, names) for part in value] if isinstance(value, list) else value


def _function(properties: Properties, _region: str) -> list[Told]:
    vpc = properties.get("VpcConfig", {})
    facts = {
        "handler": properties["Handler"],
        "runtime": properties["Runtime"],
        "architectures": properties["Architectures"],
        "memory": properties["MemorySize"],
        "timeout": properties["Timeout"],
        "environment": properties.get("Environment", {}).get("Variables", {}),
        "layers": [arn.split(":")[6] for arn in properties.get("Layers", [])],
        "role": properties["Role"],
        "package": properties["Code"]["S3Key"],
        "reserved": properties.get("ReservedConcurrentExecutions"),
        "subnets": list(vpc.get("SubnetIds", [])),
        "security_groups": list(vpc.get("SecurityGroupIds", [])),
        "key": properties.get("KmsKeyArn"),
    }
    return [("function", properties["FunctionName"], facts)]


def _role(properties: Properties, _region: str) -> list[Told]:
    statements = [
        statement
        for inline in properties.get("Policies", [])
        for statement in policy(inline["PolicyDocument"])
    ]
    facts = {
        "trust": policy(properties["AssumeRolePolicyDocument"]),
        "boundary": properties.get("PermissionsBoundary"),
        "statements": statements,
    }
    if properties.get("ManagedPolicyArns"):
        facts["attached"] = list(properties["ManagedPolicyArns"])
    return [("role", properties["RoleName"], facts)]


def _rule(properties: Properties, region: str) -> list[Told]:
    facts = {
        "pattern": alike(properties["EventPattern"]),
        "targets": [[target["Arn"], target.get("RoleArn")] for target in properties["Targets"]],
    }
    return [("rule", f"{region}/{properties['Name']}", facts)]


def _route(properties: Properties, integrations: Mapping[str, Properties]) -> Told:
    integration = integrations[properties["Target"].removeprefix("integrations/").strip("<>")]
    return (
        "route",
        f"{properties['ApiId']} {properties['RouteKey']}",
        {
            "authorizer": properties.get("AuthorizationType", "NONE"),
            "function": integration["IntegrationUri"],
            "payload": integration["PayloadFormatVersion"],
        },
    )


def _method(properties: Properties, parents: Mapping[str, tuple[str, str]]) -> Told:
    integration = properties["Integration"]
    path = path_of(properties["ResourceId"].strip("<>"), parents)
    return (
        "route",
        f"{properties['RestApiId']} {properties['HttpMethod']} {path}",
        {
            "authorizer": properties["AuthorizationType"],
            "function": integration["Uri"],
            "type": [integration["Type"], integration["IntegrationHttpMethod"]],
        },
    )


def _rest_api(properties: Properties, _region: str) -> list[Told]:
    facts = {
        "protocol": "REST",
        "endpoint": alike(properties["EndpointConfiguration"]),
        "policy": policy(properties["Policy"]),
    }
    return [("api", properties["Name"], facts)]


def _rest_stage(properties: Properties, _region: str) -> list[Told]:
    [settings] = properties["MethodSettings"]
    limits = {name: settings[name] for name in settings if name.startswith("Throttling")}
    facts = {
        "stage": properties["StageName"],
        "throttle": alike(limits),
        "throttled": f"{settings['HttpMethod']}{settings['ResourcePath']}",
    }
    return [("api", properties["RestApiId"], facts)]


def _schedule(properties: Properties, _region: str) -> list[Told]:
    target = properties["Target"]
    facts = {
        "expression": properties["ScheduleExpression"],
        "flexible": alike(properties["FlexibleTimeWindow"]),
        "target": target["Arn"],
        "role": target["RoleArn"],
        "input": json.loads(target["Input"]),
        "retries": alike(target["RetryPolicy"]),
    }
    return [("schedule", properties["Name"], facts)]


def _launch_template(properties: Properties, region: str) -> list[Told]:
    data = properties["LaunchTemplateData"]
    tags = [tag for tagged in properties.get("TagSpecifications", []) for tag in tagged["Tags"]]
    facts = {
        "image": data["ImageId"].removeprefix("{{resolve:ssm:").removesuffix("}}"),
        "instance_profile": data["IamInstanceProfile"]["Arn"].rpartition("/")[2],
        "security_groups": alike(data["SecurityGroupIds"]),
        "shutdown": data["InstanceInitiatedShutdownBehavior"],
        "metadata": alike(data["MetadataOptions"]),
        "monitoring": alike(data["Monitoring"]),
        "disks": alike(data["BlockDeviceMappings"]),
        "user_data": data["UserData"],
        "tags": _tags(tags),
    }
    return [("launch template", f"{region}/{properties['LaunchTemplateName']}", facts)]


def _task_definition(properties: Properties, region: str) -> list[Told]:
    facts = {
        "containers": alike(properties["ContainerDefinitions"]),
        "size": [properties["Cpu"], properties["Memory"]],
        "network": properties["NetworkMode"],
        "placement": alike(properties["PlacementConstraints"]),
        "volumes": alike(properties.get("Volumes", [])),
        "task_role": properties["TaskRoleArn"],
        "execution_role": properties["ExecutionRoleArn"],
        "compatibilities": properties["RequiresCompatibilities"],
    }
    return [("task definition", f"{region}/{properties['Family']}", facts)]


def _alarm(properties: Properties, _region: str) -> list[Told]:
    dimensions = {item["Name"]: item["Value"] for item in properties.get("Dimensions", [])}
    facts = {
        "description": properties["AlarmDescription"],
        "metric": [properties["Namespace"], properties["MetricName"], properties["Statistic"]],
        "dimensions": alike(dimensions),
        "when": [
            properties["ComparisonOperator"],
            float(properties["Threshold"]),
            properties["TreatMissingData"],
        ],
        "periods": [properties["Period"], properties["EvaluationPeriods"]],
        "tells": properties["AlarmActions"],
    }
    return [("alarm", properties["AlarmName"], facts)]


def _dashboard(properties: Properties, _region: str) -> list[Told]:
    return [("dashboard", properties["DashboardName"], widgets(properties["DashboardBody"]))]


def _table(properties: Properties, _region: str) -> list[Told]:
    attributes = [
        {"name": item["AttributeName"], "type": item["AttributeType"]}
        for item in properties["AttributeDefinitions"]
    ]
    facts = {
        "keys": [item["AttributeName"] for item in properties["KeySchema"]],
        "attributes": alike(attributes),
        "billing": properties["BillingMode"],
        "ttl": alike(properties["TimeToLiveSpecification"]),
        "recovery": alike(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]),
        "protected": alike(properties["DeletionProtectionEnabled"]),
        "key": properties.get("SSESpecification", {}).get("KMSMasterKeyId"),
    }
    return [("table", properties["TableName"], facts)]


def _queue(properties: Properties, _region: str) -> list[Told]:
    redrive = properties.get("RedrivePolicy", {})
    facts = {
        "visibility_seconds": properties.get("VisibilityTimeout"),
        "retention_seconds": properties["MessageRetentionPeriod"],
        "encrypted": alike(properties.get("SqsManagedSseEnabled")),
        "key": properties.get("KmsMasterKeyId"),
        "dead_letters": redrive.get("deadLetterTargetArn"),
        "tries": redrive.get("maxReceiveCount"),
    }
    if "RedriveAllowPolicy" in properties:
        facts["takes_from"] = alike(properties["RedriveAllowPolicy"])
    return [("queue", properties["QueueName"], facts)]


def _mapping(properties: Properties, _region: str) -> list[Told]:
    queue = properties["EventSourceArn"].rpartition(":")[2]
    facts = {
        "batch": properties["BatchSize"],
        "window_seconds": properties["MaximumBatchingWindowInSeconds"],
        "responses": properties["FunctionResponseTypes"],
        "concurrency": properties["ScalingConfig"]["MaximumConcurrency"],
    }
    return [("event source mapping", f"{queue} to {properties['FunctionName']}", facts)]


def _queue_policy(properties: Properties, _region: str) -> list[Told]:
    statements = policy(properties["PolicyDocument"])
    return [("queue", url.rpartition("/")[2], {"policy": statements}) for url in properties["Queues"]]


def _topic_policy(properties: Properties, _region: str) -> list[Told]:
    statements = policy(properties["PolicyDocument"])
    return [("topic", arn.rpartition(":")[2], {"policy": statements}) for arn in properties["Topics"]]


def _tags(tags: Iterable[Mapping[str, str]]) -> Any:
    return alike({tag["Key"]: tag["Value"] for tag in tags})


def _one(
    kind: str, name: str, told: Callable[[Properties], Mapping[str, Any]]
) -> Callable[[Properties, str], list[Told]]:
    return lambda properties, _region: [(kind, properties[name], told(properties))]


_READERS: Mapping[str, Callable[[Properties, str], list[Told]]] = {
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::EventInvokeConfig": _one(
        "function",
        "FunctionName",
        lambda p: {"invocations": [p["MaximumRetryAttempts"], p["MaximumEventAgeInSeconds"]]},
    ),
    "AWS::Lambda::LayerVersion": _one(
        "layer",
        "LayerName",
        lambda p: {"runtimes": p["CompatibleRuntimes"], "architectures": p["CompatibleArchitectures"]},
    ),
    "AWS::Lambda::Permission": lambda p, _: [
        ("permission", f"{p['Principal']} to {p['FunctionName']}", {"sources": [p["SourceArn"]]})
    ],
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::IAM::Role": _role,
    "AWS::IAM::ServiceLinkedRole": lambda p, _: [("service-linked role", p["AWSServiceName"], {})],
    "AWS::IAM::InstanceProfile": _one(
        "instance profile", "InstanceProfileName", lambda p: {"roles": list(p["Roles"])}
    ),
    "AWS::Logs::LogGroup": lambda p, region: [
        (
            "log group",
            f"{region}/{p['LogGroupName']}",
            {"days": p["RetentionInDays"], "key": p.get("KmsKeyId")},
        )
    ],
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::DynamoDB::Table": _table,
    "AWS::ApiGatewayV2::Api": _one("api", "Name", lambda p: {"protocol": p["ProtocolType"]}),
    "AWS::ApiGatewayV2::Stage": _one(
        "api",
        "ApiId",
        lambda p: {"stage": p["StageName"], "throttle": alike(p["DefaultRouteSettings"])},
    ),
    "AWS::ApiGateway::RestApi": _rest_api,
    "AWS::ApiGateway::Stage": _rest_stage,
    "AWS::Events::Rule": _rule,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::SecretsManager::Secret": _one("secret", "Name", lambda p: {"key": p.get("KmsKeyId")}),
    "AWS::SecretsManager::ResourcePolicy": lambda p, _: [
        (
            "secret",
            p["SecretId"].partition(":secret:")[2].removesuffix("-<suffix>"),
            {"policy": policy(p["ResourcePolicy"])},
        )
    ],
    "AWS::SNS::Topic": _one("topic", "TopicName", lambda p: {"key": p.get("KmsMasterKeyId")}),
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::ECS::Cluster": lambda p, region: [
        (
            "cluster",
            f"{region}/{p['ClusterName']}",
            {"settings": alike(p["ClusterSettings"]), "tags": _tags(p.get("Tags", []))},
        )
    ],
    "AWS::EC2::LaunchTemplate": _launch_template,
    "AWS::ECS::TaskDefinition": _task_definition,
}

# Routes are put together from several resources.
COMPARED = _READERS.keys() | {
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Resource",
}
NOT_COMPARED = {
    "AWS::ApiGateway::Deployment": "made anew of what a changed API serves: by its logical id, by a trigger",
    "AWS::SNS::Subscription": "made on request only",
}
