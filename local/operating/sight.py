"""Where what is shown comes from: a deployment's table, or a saved ledger."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.memory_ledger import MemoryTable, memory_ledger
from local.operating.faults import NoSightError
from local.operating.saved_ledger import SavedLedgerError, load_ledger
from slipway.adapters.ledger import dynamo_ledger
from slipway.adapters.ledger.environments import DynamoEnvironmentNotes, environment_memory
from slipway.domain.configuration import Configuration
from slipway.domain.environments.found import Note
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.errors import SlipwayError
from slipway.domain.plan import Plan
from slipway.domain.planner import plan
from slipway.domain.policy import Policy, policy_of
from slipway.domain.snapshot import Snapshot
from slipway.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class PoolSight:
    """A pool as the ledger has it, and what the scaler would decide about it now."""

    snapshot: Snapshot
    decided: Plan
    policy: Policy


@dataclass(frozen=True, slots=True)
class Sight:
    """A ledger with its configuration; ``now`` tells the time of which it speaks.

    ``environments`` returns what is remembered of pull requests' environments.
    """

    configuration: Configuration
    ledger: Ledger
    now: Callable[[], float]
    environments: Callable[[], Mapping[EnvironmentKey, Note]] = dict

    def pool(self, name: str) -> PoolSight:
        """Look at a pool.

        What is on offer is read first, as a convergence does.

        Raises:
            NoSightError: the table cannot be read.
        """
        now = self.now()
        with told_what_is_needed(self.configuration):
            on_offer = self.ledger.offers.read(name).jobs
            snapshot = replace(self.ledger.snapshots.read(name, now), on_offer=on_offer)
        policy = policy_of(self.configuration, name, now)
        return PoolSight(snapshot, plan(snapshot, policy), policy)


def home_session(region: str | None) -> boto3.Session:
    """Return a session in the home region: that which is named, or ``AWS_REGION``, which boto3 itself does not read."""
    return boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None)


def deployed(configuration: Configuration, region: str | None) -> Sight:
    """Look at a deployment's table with the operator's own credentials.

    Raises:
        NoSightError: there are no credentials, or no region.
    """
    with told_what_is_needed(configuration):
        client = home_session(region).client("dynamodb")
    table = configuration.deployment
    notes, _ = environment_memory(client, table)
    return Sight(configuration, dynamo_ledger(client, table), time.time, notes.all)


def saved(configuration: Configuration, path: Path) -> Sight:
    """Look at a saved ledger, at the moment when it was saved.

    Raises:
        NoSightError: it is none.
    """
    try:
        store, at = load_ledger(path)
    except SavedLedgerError as fault:
        raise NoSightError(str(fault)) from fault
    notes = DynamoEnvironmentNotes(MemoryTable(store))
    return Sight(configuration, memory_ledger(store), lambda: at, notes.all)


@contextmanager
def told_what_is_needed(configuration: Configuration, *, is_order: bool = False) -> Iterator[None]:
    """Say what is needed where the table cannot be read, or an order not be written.

    Raises:
        NoSightError: it cannot.
    """
    may = "dynamodb:Query and dynamodb:GetItem"
    if is_order:
        may = "dynamodb:Query, dynamodb:GetItem, dynamodb:PutItem and dynamodb:UpdateItem"
    try:
        yield
    except (BotoCoreError, ClientError, SlipwayError) as fault:
        raise NoSightError(
            f"the table {configuration.deployment} cannot be {'read and written' if is_order else 'read'}: {fault}. "
            f"This needs AWS credentials that may {may} it, and the home region (--region or AWS_REGION)"
        ) from fault
