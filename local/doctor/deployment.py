"""What is there of the deployment that a configuration asks for, and its ledger: nothing, some of it, or all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.doctor.networks import Entry
from local.doctor.surroundings import Surroundings
from local.infrastructure.places import FUNCTIONS, Places, named, partition_of
from local.infrastructure.places import functions_of as functions_of_configuration
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.errors import SlipwayError
from slipway.ports.ledger import Ledger

NOT_THERE = {
    "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ClusterNotFoundException",
    "InvalidLaunchTemplateName.NotFoundException",
    "NotFound",
    "NotFoundException",
}
YOUNG_SECONDS = 3_600  # a deployment's first hour: what it does on schedules may not have happened yet
DEPLOY_AGAIN = "deploy again: the deployment is not whole"


def functions_of(surroundings: Surroundings) -> list[str]:
    """Return the functions that the configuration deploys."""
    return list(functions_of_configuration(surroundings.configuration, surroundings.environments))


def name_of(surroundings: Surroundings, what: str) -> str:
    """Return the whole name of a function, queue, schedule or rule of the deployment."""
    return named(surroundings.configuration.deployment, what)


def function(surroundings: Surroundings, name: str) -> Entry | None:
    """Return how a function is configured, if it is there."""
    client = surroundings.account.client("lambda", surroundings.home_region)
    with absence() as found:
        found.append(client.get_function_configuration(FunctionName=name_of(surroundings, name)))
    return found[0] if found else None


def is_deployed(surroundings: Surroundings) -> bool:
    """Say whether any function of the deployment is there, so that what is missing besides is a fault."""

    def ask() -> bool:
        return any(function(surroundings, name) is not None for name in FUNCTIONS)

    return bool(surroundings.account.remembered("is-deployed", ask))


def is_young(surroundings: Surroundings, name: str) -> bool:
    """Say whether a function is missing, or was deployed within the hour: it may not have had its turn."""
    entry = function(surroundings, name)
    if entry is None or "LastModified" not in entry:
        return True
    changed = datetime.strptime(entry["LastModified"], "%Y-%m-%dT%H:%M:%S.%f%z")
    return time.time() - changed.timestamp() < YOUNG_SECONDS


@contextmanager
def absence() -> Iterator[list[Any]]:
    """Collect what is found inside; where AWS says that there is no such thing, nothing was."""
    found: list[Any] = []
    try:
        yield found
    except ClientError as fault:
        if fault.response["Error"].get("Code") not in NOT_THERE:
            raise


@contextmanager
def reading(surroundings: Surroundings) -> Iterator[Ledger]:
    """Give the deployment's ledger; AWS's own words come out of it, which say what permission is missing."""
    client = surroundings.account.client("dynamodb", surroundings.home_region)
    try:
        yield dynamo_ledger(client, surroundings.configuration.deployment)
    except SlipwayError as fault:
        if isinstance(fault.__cause__, ClientError | BotoCoreError):
            raise fault.__cause__ from fault
        raise


def places(surroundings: Surroundings) -> Places:
    """Return where the deployment is, as its description was rendered for it."""
    account = surroundings.account.client("sts", surroundings.home_region).get_caller_identity()["Account"]
    region = surroundings.home_region
    return Places(account_id=account, claim_region=region, partition=partition_of(region))


def ago(seconds: float) -> str:
    """Return how long something is ago, as a person says it."""
    if seconds < 2 * 3_600:
        return f"{seconds / 60:.0f} minutes ago"
    return f"{seconds / 3_600:.0f} hours ago" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f} days ago"
