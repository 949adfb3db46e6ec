"""Failures of launches, counted until one succeeds."""

from __future__ import annotations

from slipway.domain.launches import one_more
from slipway.ports.ledger import Ledger

NEVER_REGISTERED = "never registered with ECS"


def note_launch_failure(ledger: Ledger, pool: str, now: float, why: str) -> None:
    """Count one more launch of a pool that failed; ``why`` is EC2's error code or a sentence."""
    known = ledger.snapshots.read(pool, now).launch_failures
    ledger.notes.keep_launch_failures(pool, one_more(known, now, why))
