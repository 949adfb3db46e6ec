"""Interrupted jobs in the table: one small partition, empty on most days."""

from __future__ import annotations

from dataclasses import asdict

from slipway.adapters.ledger.items import keyed, known_of
from slipway.adapters.ledger.table import ConditionFailedError, Delete, Item, Key, Table, Update
from slipway.domain.interruptions import Interruption
from slipway.domain.jobs import LONGEST_WAIT_SECONDS, JobKey

_PARTITION = "INTERRUPTED"


class DynamoInterruptions:
    """Implements ``ports.ledger.Interruptions``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def pending(self) -> list[Interruption]:
        """List them, the one that is due first first."""
        found = [_interruption_from(item) for item in self._table.query(_PARTITION)]
        return sorted(found, key=lambda item: (item.due_at, item.task_id))

    def look_again(self, interruption: Interruption, at: float) -> None:
        """Put one off."""
        later = Update(_key(interruption), set={"due_at": at}, condition="attribute_exists(#pk)")
        try:
            self._table.write(later)
        except ConditionFailedError:
            return  # it was settled meanwhile

    def settle(self, interruption: Interruption) -> None:
        """Forget one."""
        self._table.write(Delete(_key(interruption)))


def interruption_to(interruption: Interruption) -> Item:
    """Return the whole item of an interruption."""
    body = {**asdict(interruption), "job": str(interruption.job)}
    expires_at = int(interruption.at) + 2 * LONGEST_WAIT_SECONDS
    return keyed(_key(interruption), {**body, "expires_at": expires_at})


def _interruption_from(item: Item) -> Interruption:
    return Interruption(**{**known_of(Interruption, item), "job": JobKey.parse(item["job"])})


def _key(interruption: Interruption) -> Key:
    return Key(_PARTITION, interruption.task_id)
