"""A deployment in the AWS twin: what Terraform or SAM would make in an account."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.infrastructure.description import pool_tags
from local.infrastructure.event_rules import event_rules
from local.infrastructure.places import QUEUES, Places, instance_role
from local.infrastructure.task_definitions import task_definitions
from local.twin.aws.account import AwsTwin
from local.twin.aws.ec2 import BootPlan
from local.twin.aws.ec2.user_data import ecs_user_data
from local.twin.aws.event_patterns import compile_patterns
from slipway.domain.configuration import Configuration, Pool

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
TABLE = "slipway"
HOST_IMAGE = "ami-0123456789abcdef0"
DAY = 86_400.0
LEASE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class DeployedFunction:
    """How long a function may run, what its handler keeps of that for one step more, and how often a schedule calls."""

    timeout_seconds: float
    last_step_seconds: float = 0.0
    every_seconds: float = 0.0


#: As both trees in ``infra/`` deploy them. The scaler's schedule is the tick.
FUNCTIONS = {
    "webhook": DeployedFunction(9.0),
    "scaler": DeployedFunction(60.0, last_step_seconds=25.0, every_seconds=60.0),
    "registrar": DeployedFunction(29.0),
    "reaper": DeployedFunction(60.0, last_step_seconds=25.0, every_seconds=60.0),
    "redelivery": DeployedFunction(60.0, last_step_seconds=35.0, every_seconds=60.0),
    "environments": DeployedFunction(120.0, last_step_seconds=30.0, every_seconds=300.0),
}


def deploy(aws: AwsTwin, configuration: Configuration, claim_url: str) -> None:
    """Make queues, table, clusters, launch templates, and the task definitions that `slipway config render` writes."""
    for name in reversed(QUEUES):
        attributes = {"VisibilityTimeout": str(int(6 * FUNCTIONS["scaler"].timeout_seconds))}
        if name != "dead-letters":
            target = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead-letters"
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": "5"})
        aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)
    aws.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    drawn = aws.ec2.lifecycle.boot_plan
    # What the hosts' user data does: those of the stopped tier pull their images and power off before ECS knows them.
    aws.ec2.lifecycle.boot_plan = lambda instance: (
        BootPlan.POWER_OFF if instance.tags.get("slipway:tier") == "stopped" else drawn(instance)
    )
    for architecture, image_id in (("x86_64", HOST_IMAGE), ("arm64", "ami-0123456789abcdef1")):
        name = f"al2023-ami-ecs-hvm-2023.0.20261015-kernel-6.1-{architecture}"
        aws.ec2.images.release(image_id, name, architecture, age_seconds=30 * DAY)
    for pool in configuration.pools.values():
        _deploy_pool(aws, pool, pool_tags(configuration, pool))
    for request in definitions(configuration, claim_url).values():
        aws.client("ecs").register_task_definition(**request)


def deployed_rules(configuration: Configuration) -> Callable[[Mapping[str, Any]], bool]:
    """Return what says whether an event reaches the scaler: the patterns that are deployed.

    The twin is one region, whatever the pools' are.
    """
    pools = [replace(pool, region=REGION) for pool in configuration.pools.values()]
    return compile_patterns(event_rules(pools, Places(ACCOUNT, claim_region=REGION)).values())


def definitions(configuration: Configuration, claim_url: str) -> dict[str, dict[str, Any]]:
    """Return the task definitions of the deployment by family."""
    made = task_definitions(configuration, Places(ACCOUNT, claim_url, REGION, "claims"))
    return {request["family"]: request for request in made.values()}


def _deploy_pool(aws: AwsTwin, pool: Pool, tags: Mapping[str, str]) -> None:
    settings = {"ECS_ENABLE_SPOT_INSTANCE_DRAINING": "true", "ECS_CONTAINER_STOP_TIMEOUT": "120s"}
    user_data = ecs_user_data(pool.cluster, {"slipway.pool": pool.name}, settings)
    profile = f"arn:aws:iam::{ACCOUNT}:instance-profile/{instance_role(pool)}"
    aws.client("ecs").create_cluster(clusterName=pool.cluster)
    aws.client("ec2").create_launch_template(
        LaunchTemplateName=pool.launch_template,
        # By this tag the functions' policies know the template.
        TagSpecifications=[
            {
                "ResourceType": "launch-template",
                "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
            }
        ],
        LaunchTemplateData={
            "ImageId": HOST_IMAGE,
            "UserData": user_data,
            "IamInstanceProfile": {"Arn": profile},
            "SecurityGroupIds": list(pool.security_groups),
            **_disks(pool),
        },
    )


def _disks(pool: Pool) -> dict[str, Any]:
    """Return a disk by the pool's own key, where it has one."""
    if pool.disk_key is None:
        return {}
    volume = {"Encrypted": True, "KmsKeyId": pool.disk_key}
    return {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": volume}]}
