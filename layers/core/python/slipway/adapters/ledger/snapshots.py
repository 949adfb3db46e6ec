"""Snapshots: one strongly consistent query reads a pool whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar

from slipway.adapters.ledger.items import (
    github_pause_from,
    instance_from,
    intent_from,
    launch_failures_from,
    offering_from,
    orphan_from,
    runner_from,
    start_failures_from,
    waiting_from,
)
from slipway.adapters.ledger.notes import (
    CONTROL,
    GITHUB,
    LAUNCH_FAILURES,
    START_FAILURES,
    TEMPLATE,
    TIER_FAILURES,
)
from slipway.adapters.ledger.table import Item, Table
from slipway.domain.snapshot import REFUSED_LATELY_SECONDS, Control, Snapshot

T = TypeVar("T")


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
        lately = now - REFUSED_LATELY_SECONDS
        control, failures, tier_failures, template = (
            kinds[note][0] if kinds[note] else None
            for note in (CONTROL, LAUNCH_FAILURES, TIER_FAILURES, TEMPLATE)
        )

        def known(read: Callable[[Item], T], kind: str) -> tuple[T, ...]:
            return self.parse(read, kinds[kind])

        return Snapshot(
            pool=pool,
            now=now,
            jobs=known(waiting_from, "JOB"),
            runners=known(runner_from, "RUNNER"),
            instances=known(instance_from, "INSTANCE"),
            intents=known(intent_from, "INTENT"),
            unavailable=tuple(item for item in known(offering_from, "OFFERING") if item.until > lately),
            orphans=known(orphan_from, "ORPHAN"),
            control=Control(control["order"]) if control else Control.RUN,
            launch_failures=launch_failures_from(failures) if failures else None,
            tier_failures=launch_failures_from(tier_failures) if tier_failures else None,
            template_version=template["version"] if template else None,
            github_pauses=known(github_pause_from, GITHUB),
            start_failures=known(start_failures_from, START_FAILURES),
        )

    def parse(self, read: Callable[[Item], T], items: Iterable[Item]) -> tuple[T, ...]:
        """Read items of a pool; a table whose items never change in place may remember what was read."""
        return tuple(map(read, items))
