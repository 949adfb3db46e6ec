"""botocore clients, one a service and region, made when first asked for.

They are what boto3 hands out as clients; without boto3 around them a cold start takes 60 ms less.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import Session

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
# What starts tasks and instances is called once, and repeated by its intent alone: were botocore to repeat a call
# whose reply was lost, a throttle of the second try would pass for a definite no about the first, and what
# that one started would be forgotten. (`max_attempts` would count the repeats only, so that 1 makes two calls.)
_ONE_CALL = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))


@cache
def dynamodb(region: str) -> DynamoDBClient:
    """Return the DynamoDB client of a region."""
    client: DynamoDBClient = _client("dynamodb", region, _CONFIG)
    return client


@cache
def ecs(region: str) -> ECSClient:
    """Return the ECS client of a region."""
    client: ECSClient = _client("ecs", region, _ONE_CALL)
    return client


@cache
def ec2(region: str) -> EC2Client:
    """Return the EC2 client of a region."""
    client: EC2Client = _client("ec2", region, _ONE_CALL)
    return client


@cache
def sqs(region: str) -> SQSClient:
    """Return the SQS client of a region."""
    client: SQSClient = _client("sqs", region, _CONFIG)
    return client


@cache
def secretsmanager(region: str) -> SecretsManagerClient:
    """Return the Secrets Manager client of a region."""
    client: SecretsManagerClient = _client("secretsmanager", region, _CONFIG)
    return client


@cache
def ssm(region: str) -> SSMClient:
    """Return the Systems Manager client of a region."""
    client: SSMClient = _client("ssm", region, _CONFIG)
    return client


def _client(service: str, region: str, config: Config) -> Any:
    return _session().create_client(service, region_name=region, config=config)


@cache
def _session() -> Session:
    """Keep one session: each would read the endpoints of all services anew."""
    return Session()
