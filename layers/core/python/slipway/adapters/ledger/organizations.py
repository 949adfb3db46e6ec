"""The organizations with a series of their own, in the table: one item, replaced on the condition that it was read."""

from __future__ import annotations

from slipway.adapters.ledger.items import keyed
from slipway.adapters.ledger.table import ConditionFailedError, Key, Put, Table
from slipway.domain.series import Named

_KEY = Key("METRICS", "ORGANIZATIONS")


class DynamoOrganizations:
    """Implements ``ports.ledger.Organizations``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def named(self) -> Named:
        """Return which are named."""
        item = self._table.get(_KEY)
        return Named(tuple(item["names"]), str(item["day"]), int(item["version"])) if item else Named()

    def keep(self, named: Named, *, seen: int) -> bool:
        """Replace them, if they are still of the version that was seen; say whether they were."""
        body = {"names": list(named.names), "day": named.day, "version": named.version}
        condition = "attribute_not_exists(#pk) OR #version = :seen"
        try:
            self._table.write(Put(keyed(_KEY, body), condition=condition, values={"seen": seen}))
        except ConditionFailedError:
            return False
        return True
