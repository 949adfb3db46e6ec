"""Checked runner groups in the table: one look at GitHub serves every function that mints."""

from __future__ import annotations

from slipway.adapters.ledger.items import DAY, keyed
from slipway.adapters.ledger.table import Delete, Key, Put, Table


class DynamoCheckedGroups:
    """Implements ``ports.ledger.CheckedGroups``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def checked(self, organization: str) -> tuple[int, float] | None:
        """Return the id of an organization's runner group and when it was checked, if it was."""
        item = self._table.get(_key(organization))
        return (int(item["group_id"]), float(item["at"])) if item else None

    def keep_checked(self, organization: str, group_id: int, at: float) -> None:
        """Remember a runner group that was found in order."""
        group = {"group_id": group_id, "at": at, "expires_at": int(at) + DAY}
        self._table.write(Put(keyed(_key(organization), group)))

    def forget_checked(self, organization: str) -> None:
        """Let a runner group be looked for anew."""
        self._table.write(Delete(_key(organization)))


def _key(organization: str) -> Key:
    return Key(f"GROUP#{organization}", "GROUP")
