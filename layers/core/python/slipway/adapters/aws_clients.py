"""boto3 clients, one a service and region, made when first asked for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

# Short timeouts: a call that hangs must leave time to record that its outcome is unknown.
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=15,
    retries={"mode": "standard", "max_attempts": 3},
    max_pool_connections=8,
)
# What starts tasks and instances is called once, and repeated by its intent alone: were boto3 to repeat a call
# whose reply was lost, a throttle of the second try would pass for a definite no about the first, and what
# that one started would be forgotten. (`max_attempts` would count the repeats only, so that 1 makes two calls.)
_ONE_CALL = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))


@cache
def dynamodb(region: str) -> DynamoDBClient:
    """Return the DynamoDB client of a region."""
    return boto3.client("dynamodb", region_name=region, config=_CONFIG)


@cache
def ecs(region: str) -> ECSClient:
    """Return the ECS client of a region."""
    return boto3.client("ecs", region_name=region, config=_ONE_CALL)


@cache
def ec2(region: str) -> EC2Client:
    """Return the EC2 client of a region."""
    return boto3.client("ec2", region_name=region, config=_ONE_CALL)


@cache
def sqs(region: str) -> SQSClient:
    """Return the SQS client of a region."""
    return boto3.client("sqs", region_name=region, config=_CONFIG)


@cache
def secretsmanager(region: str) -> SecretsManagerClient:
    """Return the Secrets Manager client of a region."""
    return boto3.client("secretsmanager", region_name=region, config=_CONFIG)


@cache
def ssm(region: str) -> SSMClient:
    """Return the Systems Manager client of a region."""
    return boto3.client("ssm", region_name=region, config=_CONFIG)
