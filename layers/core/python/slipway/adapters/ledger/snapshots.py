"""Snapshots: one strongly consistent query reads a pool whole."""

from __future__ import annotations

from collections import defaultdict

from slipway.adapters.ledger.items import (
    github_pause_from,
    instance_from,
    intent_from,
    launch_failures_from,
    offering_from,
    orphan_from,
    runner_from,
    waiting_from,
)
from slipway.adapters.ledger.notes import CONTROL, GITHUB, LAUNCH_FAILURES, TEMPLATE, TIER_FAILURES
from slipway.adapters.ledger.table import Item, Table
from slipway.domain.snapshot import Control, Snapshot


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
        control, failures, tier_failures, template = (
            kinds[note][0] if kinds[note] else None
            for note in (CONTROL, LAUNCH_FAILURES, TIER_FAILURES, TEMPLATE)
        )
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
            control=Control(control["order"]) if control else Control.RUN,
            launch_failures=launch_failures_from(failures) if failures else None,
            tier_failures=launch_failures_from(tier_failures) if tier_failures else None,
            template_version=template["version"] if template else None,
            github_pauses=tuple(map(github_pause_from, kinds[GITHUB])),
        )
