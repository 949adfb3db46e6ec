"""What checks look at: a valid configuration, the operator's AWS account, and what the command line added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from slipway.domain.configuration import Configuration, Pool
from slipway.domain.environments.settings import Environments

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

# A person waits: what does not answer is told soon, and tried once more.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2})


class Account:
    """The account that the operator's own credentials lead to; clients are made when they are first asked for."""

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        self._clients: dict[tuple[str, str], Any] = {}
        self._answers: dict[str, Any] = {}

    def client(self, service: str, region: str) -> Any:
        """Return a boto3 client; services whose answers are read as they come have no type of their own."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._session.client(  # type: ignore[call-overload]
                service, region_name=region, config=_CONFIG
            )
        return self._clients[service, region]

    def remembered(self, question: str, ask: Callable[[], Any]) -> Any:
        """Return an answer that several checks need, asked for once; a failure is not remembered."""
        if question not in self._answers:
            self._answers[question] = ask()
        return self._answers[question]

    def forget(self) -> None:
        """Ask everything anew."""
        self._answers.clear()

    def ec2(self, region: str) -> EC2Client:
        """Return the EC2 client of a region."""
        client: EC2Client = self.client("ec2", region)
        return client


@dataclass(frozen=True, slots=True)
class Reach:
    """Reach functions by name or ARN, and the targets that they are asked about besides GitHub."""

    functions: tuple[str, ...] = ()
    targets: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that a check may look at.

    ``ca_bundle`` is the operator's own file, whose name the compiled configuration does not have. ``has_private_api``
    says how the claim API is deployed, which ``slipway.yaml`` does not say. ``build`` is the folder that was deployed.
    """

    configuration: Configuration
    account: Account
    home_region: str
    ca_bundle: Path | None = None
    has_private_api: bool = False
    webhook_url: str | None = None
    build: Path | None = None
    reach: Reach = field(default_factory=Reach)
    environments: Environments | None = None

    def pools(self) -> list[Pool]:
        """Return the pools in the order of their names."""
        return [pool for _, pool in sorted(self.configuration.pools.items())]

    def pools_by_region(self) -> dict[str, list[Pool]]:
        """Return the pools of each region, both in order."""
        regions = sorted({pool.region for pool in self.pools()})
        return {region: [pool for pool in self.pools() if pool.region == region] for region in regions}

    def takes_addresses(self, pool: Pool) -> int:
        """Return how many addresses an instance of the pool takes: one more where its task has one [ECS-AWSVPC]."""
        profiles = [one for one in self.configuration.profiles.values() if one.pool == pool.name]
        return 2 if any(one.docker == "privileged" for one in profiles) else 1
