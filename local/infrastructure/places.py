"""What a configuration does not say: the account, and where the functions run. And the names that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.configuration import Configuration, Pool
from slipway.domain.environments.settings import Environments


class DescriptionError(ValueError):
    """A valid ``slipway.yaml`` that AWS would not take."""


@dataclass(frozen=True, slots=True)
class Places:
    """What only a deployment knows; what it does not say stays a placeholder, as Terraform and SAM fill them in.

    ``claim_region`` is the home region: that of the claim API, the functions, queues and table, which may be another
    than a pool's.
    """

    account_id: str = "${account_id}"
    claim_url: str = "${claim_url}"
    claim_region: str = "${claim_region}"
    claim_api_id: str = "${claim_api_id}"
    webhook_api_id: str = "${webhook_api_id}"
    partition: str = "aws"

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        """Return the ARN of a resource of this account, in the home region where none is named."""
        region = self.claim_region if region is None else region
        return f"arn:{self.partition}:{service}:{region}:{self.account_id}:{resource}"

    def secret_arn(self, secret: str) -> str:
        """Return the ARN of a secret that is named by its ARN or its name, as a policy matches it.

        Secrets Manager adds six characters to a secret's name in its ARN [IAM-SECRETS-SUFFIX].
        """
        return secret if secret.startswith("arn:") else self.arn("secretsmanager", f"secret:{secret}-??????")

    def role_arn(self, role: str) -> str:
        """Return the ARN of a role of this account."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{role}"


def partition_of(region: str) -> str:
    """Return the AWS partition of a region: the second word of its ARNs."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def partition_of_pools(configuration: Configuration) -> str:
    """Return the partition of a deployment: an account, and so all of its pools, is in one."""
    return partition_of(next(iter(configuration.pools.values())).region)


FUNCTIONS = ("webhook", "scaler", "registrar", "reaper", "redelivery")
QUEUES = ("jobs", "events", "dead-letters")
ENVIRONMENTS = "environments"  # the optional function and its queue, neither of which serves jobs


def functions_of(configuration: Configuration, environments: Environments | None) -> tuple[str, ...]:
    """Return the functions that a configuration deploys: redelivery needs an App, environments their section."""
    has_app = bool(configuration.github.app_secret)
    served = tuple(name for name in FUNCTIONS if has_app or name != "redelivery")
    return (*served, ENVIRONMENTS) if environments else served


def queues_of(environments: Environments | None) -> tuple[str, ...]:
    """Return the queues that are deployed, that of dead letters last."""
    return QUEUES if environments is None else ("jobs", "events", ENVIRONMENTS, "dead-letters")


def named(deployment: str, what: str) -> str:
    """Return the name of a deployment's own function or queue: `slipway-scaler`, `slipway-jobs`."""
    return f"{deployment}-{what}"


def execution_role(pool: Pool) -> str:
    """Return the name of the role with which ECS pulls a pool's images and writes its logs."""
    return f"{pool.cluster}-exec-{pool.region}"  # short: the longest names still have room in 64 characters


def instance_role(pool: Pool) -> str:
    """Return the name of the role of a pool's hosts."""
    return f"{pool.cluster}-host-{pool.region}"


def log_group(pool: Pool) -> str:
    """Return the name of the log group of a pool's containers."""
    return f"/ecs/{pool.cluster}"
