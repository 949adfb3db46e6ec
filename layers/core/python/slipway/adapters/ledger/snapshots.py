"""Snapshots: one strongly consistent query reads a pool whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from slipway.adapters.ledger.items import (
    instance_from,
    intent_from,
    keyed,
    offering_from,
    orphan_from,
    pool_key,
    runner_from,
    waiting_from,
)
from slipway.adapters.ledger.table import Item, Put, Table
from slipway.domain.snapshot import Control, Snapshot, UnavailableOffering


class DynamoSnapshots:
    """Implements ``ports.ledger.Snapshots``.

    Open work lives in the pool's own partition, never in an index: index reads are always eventually
    consistent [DDB-GSI-EVENTUAL], and a convergence woken by a job could miss it.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, pool: str, now: float) -> Snapshot:
        """Return the pool's state by strongly consistent reads."""
        kinds: dict[str, list[Item]] = defaultdict(list)
        for item in self._table.query(f"POOL#{pool}"):
            kinds[item["sk"].partition("#")[0]].append(item)
        control = Control(kinds["CONTROL"][0]["order"]) if kinds["CONTROL"] else Control.RUN
        offerings = map(offering_from, kinds["OFFERING"])
        return Snapshot(
            pool=pool,
            now=now,
            jobs=tuple(map(waiting_from, kinds["JOB"])),
            runners=tuple(map(runner_from, kinds["RUNNER"])),
            instances=tuple(map(instance_from, kinds["INSTANCE"])),
            intents=tuple(map(intent_from, kinds["INTENT"])),
            unavailable=tuple(offering for offering in offerings if offering.until > now),
            orphans=tuple(map(orphan_from, kinds["ORPHAN"])),
            control=control,
        )

    def refuse(self, pool: str, offerings: Iterable[UnavailableOffering]) -> None:
        """Remember for a while what EC2 has none of."""
        for offering in offerings:
            key = pool_key(pool, f"OFFERING#{offering.instance_type}#{offering.market}")
            body: Item = {
                "instance_type": offering.instance_type,
                "market": offering.market.value,
                "until": offering.until,
                "expires_at": int(offering.until) + 60,
            }
            self._table.write(Put(keyed(key, body)))

    def order(self, pool: str, control: Control) -> None:
        """Pause, drain or run a pool."""
        self._table.write(Put(keyed(pool_key(pool, "CONTROL"), {"order": control.value})))
