"""Where what is shown comes from: a deployment's table, or a saved ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.memory_ledger import MemoryTable, memory_ledger
from local.operating.faults import NoSightError
from local.operating.saved_ledger import SavedLedgerError, load_ledger
from local.operator_account import Account, NoRegionError, home_session, lack_of
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


def deployed(configuration: Configuration, region: str | None, *, reads_pages: bool = False) -> Sight:
    """Look at a deployment's table with the operator's own credentials; ``reads_pages``: at months of it.

    Raises:
        NoSightError: there are no credentials, or no region.
    """
    try:
        with told_what_is_needed(configuration):
            session = home_session(region, (pool.region for pool in configuration.pools.values()))
            client = Account(session, reads_pages=reads_pages).client("dynamodb", session.region_name)
    except NoRegionError as fault:
        raise NoSightError(str(fault)) from fault
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
    doing = "read and written" if is_order else "read"
    try:
        yield
    except (BotoCoreError, ClientError, SlipwayError) as fault:
        why = _why(fault, is_order=is_order)
        raise NoSightError(f"the table {configuration.deployment} cannot be {doing}: {why}") from fault


def _why(fault: Exception, *, is_order: bool) -> str:
    """Return what is missing, and what mends it."""
    cause = fault.__cause__ if isinstance(fault, SlipwayError) else fault
    if lack := lack_of(cause):
        return lack.told
    said = str(fault).removesuffix(".")
    if isinstance(cause, ClientError) and cause.response["Error"].get("Code") == "ResourceNotFoundException":
        return f"{said}. Is it deployed, and in this region? --region names the home region"
    may = "dynamodb:Query and dynamodb:GetItem"
    if is_order:
        may = "dynamodb:Query, dynamodb:GetItem, dynamodb:PutItem and dynamodb:UpdateItem"
    return f"{said}. This needs AWS credentials that may {may} it"
