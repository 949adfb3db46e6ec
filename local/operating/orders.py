"""Orders of an operator: written into the ledger, obeyed by the next plan."""

from __future__ import annotations

from local.operating.sight import Sight, told_what_is_needed
from slipway.domain.snapshot import Control


def give(sight: Sight, pool: str, control: Control) -> dict[str, str]:
    """Order something of a pool; return it with what was ordered before.

    The pool is wanted then, so that one which rests is planned at the next tick, which comes once a minute.

    Raises:
        NoSightError: the table cannot be read or written.
    """
    with told_what_is_needed(sight.configuration, is_order=True):
        before = sight.ledger.snapshots.read(pool, sight.now()).control
        sight.ledger.notes.order(pool, control)
        sight.ledger.rows.want(pool)
    return {"pool": pool, "order": control.value, "before": before.value}
