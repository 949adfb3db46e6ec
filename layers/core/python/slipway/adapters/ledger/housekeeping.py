"""What repair remembers, in the table."""

from __future__ import annotations

import json
from collections.abc import Mapping

from slipway.adapters.ledger.items import DAY, keyed
from slipway.adapters.ledger.table import Key, Put, Table

_PLACE_REFRESH_SECONDS = 3_600
_PLACE_TTL_SECONDS = (
    3 * DAY
)  # longer than GitHub keeps a registration that never connected, 1 day [GH-JIT-1DAY]
_SUSPECTS = Key("REAPER", "SUSPECTS")


class DynamoHousekeeping:
    """Implements ``ports.ledger.Housekeeping``."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._noted: dict[str, float] = {}

    def note_place(self, reach: str, at: float) -> None:
        """Remember that a runner was registered in an organization or repository, at most hourly a process."""
        if at - self._noted.get(reach, float("-inf")) < _PLACE_REFRESH_SECONDS:
            return
        place = {"at": at, "expires_at": int(at) + _PLACE_TTL_SECONDS}
        self._table.write(Put(keyed(Key("PLACES", reach), place)))
        self._noted[reach] = at

    def places(self, since: float) -> list[str]:
        """Return where runners were registered since a time."""
        return [item["sk"] for item in self._table.query("PLACES") if item["at"] >= since]

    def suspects(self) -> dict[str, float]:
        """Return what looked stale at the last reading, and since when."""
        item = self._table.get(_SUSPECTS)
        return {key: float(since) for key, since in json.loads(item["suspects"]).items()} if item else {}

    def keep_suspects(self, suspects: Mapping[str, float]) -> None:
        """Replace what looks stale."""
        self._table.write(Put(keyed(_SUSPECTS, {"suspects": json.dumps(dict(suspects), sort_keys=True)})))

    def cursor(self, name: str) -> float | None:
        """Return how far a repeated check came."""
        item = self._table.get(Key("CURSOR", name))
        return float(item["at"]) if item else None

    def move_cursor(self, name: str, to: float) -> None:
        """Note how far a repeated check came."""
        self._table.write(Put(keyed(Key("CURSOR", name), {"at": to})))
