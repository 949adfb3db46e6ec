"""What a pool remembers, in its own partition, so that the snapshot's one query reads it too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from slipway.adapters.ledger.items import keyed, pool_key, start_failures_from
from slipway.adapters.ledger.table import Delete, Item, Key, Put, Table
from slipway.domain.launches import LaunchFailures
from slipway.domain.snapshot import (
    REFUSED_LATELY_SECONDS,
    Control,
    GitHubPause,
    StartFailures,
    UnavailableOffering,
)

CONTROL, TEMPLATE, GITHUB = "CONTROL", "TEMPLATE", "GITHUB"
LAUNCH_FAILURES, TIER_FAILURES, START_FAILURES = "LAUNCH_FAILURES", "TIER_FAILURES", "START_FAILURES"
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
            expires_at = int(offering.until) + REFUSED_LATELY_SECONDS
            items.append(keyed(key, {**body, "expires_at": expires_at}))
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

    def start_failures(self, pool: str, profile: str) -> StartFailures | None:
        """Return what is known of a profile's containers that ended before they took a job."""
        item = self._table.get(_starts_key(pool, profile))
        return start_failures_from(item) if item else None

    def keep_start_failures(self, pool: str, failures: StartFailures) -> None:
        """Replace what is known of a profile's containers that ended before they took a job."""
        self._table.write(Put(keyed(_starts_key(pool, failures.profile), asdict(failures))))

    def forget_start_failures(self, pool: str, profiles: Iterable[str]) -> None:
        """Forget it: containers of those profiles start again."""
        for profile in profiles:
            self._table.write(Delete(_starts_key(pool, profile)))

    def keep_template_version(self, pool: str, version: int) -> None:
        """Remember the newest version of the pool's launch template."""
        self._table.write(Put(keyed(pool_key(pool, TEMPLATE), {"version": version})))

    def pause_github(self, pool: str, pause: GitHubPause) -> None:
        """Remember until when GitHub asked to register no runner of a reach."""
        body = {**asdict(pause), "expires_at": int(pause.until) + _KEPT_SECONDS}
        self._table.write(Put(keyed(pool_key(pool, f"{GITHUB}#{pause.reach}"), body)))


def _starts_key(pool: str, profile: str) -> Key:
    return pool_key(pool, f"{START_FAILURES}#{profile}")
