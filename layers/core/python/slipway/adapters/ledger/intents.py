"""Intents in the table."""

from __future__ import annotations

from slipway.adapters.ledger.items import intent_key, intent_to, keyed
from slipway.adapters.ledger.table import Delete, Put, Table
from slipway.domain.intents import Intent


class DynamoIntents:
    """Implements ``ports.ledger.Intents``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def write(self, intent: Intent) -> None:
        """Write an intent down before it is acted on."""
        self._table.write(Put(keyed(intent_key(intent.pool, intent.token), intent_to(intent))))

    def settle(self, intent: Intent) -> None:
        """Forget an intent whose outcome is recorded."""
        self._table.write(Delete(intent_key(intent.pool, intent.token)))
