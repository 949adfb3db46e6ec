"""What repair remembers, in the table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from slipway.adapters.ledger.items import DAY, keyed
from slipway.adapters.ledger.table import ConditionFailedError, Key, Put, Table, Update
from slipway.domain.redelivery import Resent
from slipway.domain.sweeping import Lap, SweepState

_PLACE_REFRESH_SECONDS = 3_600
_PLACE_TTL_SECONDS = (
    3 * DAY
)  # longer than GitHub keeps a registration that never connected, 1 day [GH-JIT-1DAY]
_RESENT_TTL_SECONDS = 2 * DAY  # longer than anything is asked for again
_SUSPECTS = Key("REAPER", "SUSPECTS")
_TOLD = Key("REAPER", "TOLD")
_SWEEP = Key("SWEEP", "STATE")


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
        self._table.write(Update(Key("PLACES", reach), place))
        self._noted[reach] = at

    def places(self, since: float) -> dict[str, float]:
        """Return where runners were registered since a time, and when each place was listed last; never is 0."""
        found = (item for item in self._table.query("PLACES") if item["at"] >= since)
        return {item["sk"]: float(item.get("listed_at", 0.0)) for item in found}

    def note_listed(self, reach: str, at: float) -> None:
        """Remember that the registrations of a place are listed; one that has expired stays forgotten."""
        with suppress(ConditionFailedError):
            self._table.write(
                Update(Key("PLACES", reach), {"listed_at": at}, condition="attribute_exists(#at)")
            )

    def suspects(self) -> dict[str, float]:
        """Return what looked stale at the last reading, and since when."""
        return {key: float(since) for key, since in self._read(_SUSPECTS).items()}

    def keep_suspects(self, suspects: Mapping[str, float]) -> None:
        """Replace what looks stale."""
        self._keep(_SUSPECTS, suspects)

    def told(self) -> dict[str, float]:
        """Return which notices were given, and when."""
        return {key: float(at) for key, at in self._read(_TOLD).items()}

    def keep_told(self, told: Mapping[str, float]) -> None:
        """Replace the notices that were given."""
        self._keep(_TOLD, told)

    def resent(self, hook: str) -> dict[str, Resent]:
        """Return the deliveries of a hook that were sent again lately, by GUID."""
        found = self._table.query(f"RESENT#{hook}")
        return {item["sk"]: Resent(item["first_at"], item["last_at"], item["delivery_id"]) for item in found}

    def note_resent(self, hook: str, guid: str, resent: Resent) -> None:
        """Remember for two days that a delivery was sent again."""
        # An item each: after an outage they would not fit into one.
        memory = {**asdict(resent), "expires_at": int(resent.last_at) + _RESENT_TTL_SECONDS}
        self._table.write(Put(keyed(Key(f"RESENT#{hook}", guid), memory)))

    def sweep_state(self) -> SweepState | None:
        """Return where the sweep stands, if it ever ran."""
        memory = self._read(_SWEEP)
        if not memory:
            return None
        laps = tuple(Lap(*lap) for lap in memory["laps"])
        return SweepState(memory["at"], memory["calls"], laps, memory["next_lap"])

    def keep_sweep_state(self, state: SweepState) -> None:
        """Note where the sweep stands."""
        self._keep(_SWEEP, {**asdict(state), "laps": [[lap.began_at, lap.last] for lap in state.laps]})

    def cursor(self, name: str) -> float | None:
        """Return how far a repeated check came."""
        item = self._table.get(Key("CURSOR", name))
        return float(item["at"]) if item else None

    def move_cursor(self, name: str, to: float) -> None:
        """Note how far a repeated check came."""
        self._table.write(Put(keyed(Key("CURSOR", name), {"at": to})))

    def _read(self, key: Key) -> dict[str, Any]:
        item = self._table.get(key)
        return dict(json.loads(item["memory"])) if item else {}

    def _keep(self, key: Key, memory: Mapping[str, Any]) -> None:
        text = json.dumps(dict(memory), sort_keys=True, separators=(",", ":"))
        self._table.write(Put(keyed(key, {"memory": text})))
