"""What a pool remembers, in its own partition, so that the snapshot's one query reads it too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from slipway.adapters.ledger.items import keyed, pool_key
from slipway.adapters.ledger.table import Delete, Item, Put, Table
from slipway.domain.launches import LaunchFailures
from slipway.domain.snapshot import Control, GitHubPause, UnavailableOffering

CONTROL, TEMPLATE, GITHUB = "CONTROL", "TEMPLATE", "GITHUB"
LAUNCH_FAILURES, TIER_FAILURES = "LAUNCH_FAILURES", "TIER_FAILURES"
_KEPT_SECONDS = 60  # after it is over, for the eye of whoever looks


class DynamoPoolNotes:
    """Implements ``ports.ledger.PoolNotes``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def refuse(self, pool: str, offerings: Iterable[UnavailableOffering]) -> None:
        """Remember for a while what EC2 has none of."""
        items = []
        for offering in offerings:
            key = pool_key(pool, f"OFFERING#{offering.instance_type}#{offering.subnet}#{offering.market}")
            body: Item = {**asdict(offering), "market": offering.market.value}
            items.append(keyed(key, {**body, "expires_at": int(offering.until) + _KEPT_SECONDS}))
        self._table.write_many(items)

    def order(self, pool: str, control: Control) -> None:
        """Pause, drain or run a pool."""
        self._table.write(Put(keyed(pool_key(pool, CONTROL), {"order": control.value})))

    def keep_launch_failures(
        self, pool: str, failures: LaunchFailures | None, *, of_tier: bool = False
    ) -> None:
        """Replace what is known of launches that failed; None when launches succeed."""
        key = pool_key(pool, TIER_FAILURES if of_tier else LAUNCH_FAILURES)
        self._table.write(Put(keyed(key, asdict(failures))) if failures else Delete(key))

    def keep_template_version(self, pool: str, version: int) -> None:
        """Remember the newest version of the pool's launch template."""
        self._table.write(Put(keyed(pool_key(pool, TEMPLATE), {"version": version})))

    def pause_github(self, pool: str, pause: GitHubPause) -> None:
        """Remember until when GitHub asked to register no runner of a reach."""
        body = {**asdict(pause), "expires_at": int(pause.until) + _KEPT_SECONDS}
        self._table.write(Put(keyed(pool_key(pool, f"{GITHUB}#{pause.reach}"), body)))
