"""botocore clients, a service and region at a time, made when first asked for.

They are what boto3 hands out as clients; without boto3 around them a cold start takes 60 ms less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock
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


@dataclass(frozen=True, slots=True)
class Endurance:
    """How long a call is waited for, and how often it is made in all [BOTO-STANDARD-RETRIES].

    What the handlers keep of their time for one step more is worked out from these.
    """

    connect_seconds: int
    read_seconds: int
    tries: int

    @property
    def one_try_seconds(self) -> int:
        """How long a try lasts at most that nobody answers."""
        return self.connect_seconds + self.read_seconds

    @property
    def hangs_seconds(self) -> float:
        """How long a call lasts at most that nobody answers, with the pauses between its tries."""
        return self.tries * self.one_try_seconds + 0.05 * (2.0 ** (self.tries - 1) - 1.0)

    @property
    def told(self) -> Config:
        """What botocore is told. (`max_attempts` would count the repeats only.)"""
        return Config(
            connect_timeout=self.connect_seconds,
            read_timeout=self.read_seconds,
            retries={"mode": "standard", "total_max_attempts": self.tries},
            max_pool_connections=8,
        )


QUICK = Endurance(connect_seconds=1, read_seconds=3, tries=3)
"""The ledger, queues, parameters and secrets: they answer within milliseconds, or a repeat does."""

CONTROL = Endurance(connect_seconds=1, read_seconds=5, tries=3)
"""ECS and EC2, whose lists take longer: what reads, drains, stops, terminates or tags does no harm twice."""

# What starts tasks and instances is called once, and repeated by its intent alone: were botocore to repeat a call
# whose reply was lost, a throttle of the second try would pass for a definite no about the first, and what
# that one started would be forgotten. CreateFleet answers when EC2 has found the instances.
ONCE = Endurance(connect_seconds=1, read_seconds=15, tries=1)
STARTING = frozenset({"run_task", "create_fleet", "start_instances"})

# Clients are made in threads too, and a session of botocore's is not for two at once.
_MAKING = Lock()


class _Twofold:
    """ECS or EC2: two clients in one, each made when it is first needed. What starts is called once."""

    def __init__(self, make: Callable[[Endurance], Any]) -> None:
        self._make = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(ONCE if name in STARTING else CONTROL), name)


@cache
def dynamodb(region: str) -> DynamoDBClient:
    """Return the DynamoDB client of a region."""
    client: DynamoDBClient = _client("dynamodb", region, QUICK)
    return client


@cache
def ecs(region: str) -> ECSClient:
    """Return the ECS client of a region."""
    client: ECSClient = _twofold("ecs", region)
    return client


@cache
def ec2(region: str) -> EC2Client:
    """Return the EC2 client of a region."""
    client: EC2Client = _twofold("ec2", region)
    return client


@cache
def sqs(region: str) -> SQSClient:
    """Return the SQS client of a region."""
    client: SQSClient = _client("sqs", region, QUICK)
    return client


@cache
def secretsmanager(region: str) -> SecretsManagerClient:
    """Return the Secrets Manager client of a region."""
    client: SecretsManagerClient = _client("secretsmanager", region, QUICK)
    return client


@cache
def ssm(region: str) -> SSMClient:
    """Return the Systems Manager client of a region."""
    client: SSMClient = _client("ssm", region, QUICK)
    return client


def endurance_of(service: str, method: str) -> Endurance:
    """Return how long a service's call is waited for; ``method`` is the client's ("run_task")."""
    if service in ("ecs", "ec2"):
        return ONCE if method in STARTING else CONTROL
    return QUICK


def _twofold(service: str, region: str) -> Any:
    return _Twofold(partial(_client, service, region))


def _client(service: str, region: str, endurance: Endurance) -> Any:
    with _MAKING:
        return _session().create_client(service, region_name=region, config=endurance.told)


@cache
def _session() -> Session:
    """Keep one session: each would read the endpoints of all services anew."""
    return Session()
