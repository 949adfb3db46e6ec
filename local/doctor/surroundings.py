"""What checks look at: a valid configuration, the operator's AWS account, and what the command line added."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from local.operator_account import Account
from slipway.domain.configuration import Configuration, Pool
from slipway.domain.environments.settings import Environments


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
