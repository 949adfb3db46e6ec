"""The ledger on DynamoDB: one table, a class for each part of the port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.adapters.ledger.claims import DynamoClaims
from slipway.adapters.ledger.groups import DynamoCheckedGroups
from slipway.adapters.ledger.housekeeping import DynamoHousekeeping
from slipway.adapters.ledger.instances import DynamoInstances
from slipway.adapters.ledger.intents import DynamoIntents
from slipway.adapters.ledger.interruptions import DynamoInterruptions
from slipway.adapters.ledger.jobs import DynamoJobs
from slipway.adapters.ledger.notes import DynamoPoolNotes
from slipway.adapters.ledger.offers import DynamoOffers
from slipway.adapters.ledger.organizations import DynamoOrganizations
from slipway.adapters.ledger.patience import Patience
from slipway.adapters.ledger.rows import DynamoPoolRows
from slipway.adapters.ledger.runners import DynamoRunners
from slipway.adapters.ledger.snapshots import DynamoSnapshots
from slipway.adapters.ledger.table import Table
from slipway.adapters.ledger.tokens import DynamoTokens
from slipway.adapters.ledger.turns import DynamoTurns
from slipway.adapters.ledger.usage import DynamoUsageRecords
from slipway.ports.ledger import Ledger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def dynamo_ledger(client: DynamoDBClient, table_name: str, patience: Patience | None = None) -> Ledger:
    """Build the ledger on one table of DynamoDB."""
    return ledger_on(Table(client, table_name, patience))


def ledger_on(table: Table) -> Ledger:
    """Build the ledger on a table."""
    return Ledger(
        jobs=DynamoJobs(table),
        runners=DynamoRunners(table),
        claims=DynamoClaims(table),
        instances=DynamoInstances(table),
        rows=DynamoPoolRows(table),
        intents=DynamoIntents(table),
        offers=DynamoOffers(table),
        snapshots=DynamoSnapshots(table),
        notes=DynamoPoolNotes(table),
        housekeeping=DynamoHousekeeping(table),
        groups=DynamoCheckedGroups(table),
        turns=DynamoTurns(table),
        tokens=DynamoTokens(table),
        interruptions=DynamoInterruptions(table),
        usage=DynamoUsageRecords(table),
        organizations=DynamoOrganizations(table),
    )
