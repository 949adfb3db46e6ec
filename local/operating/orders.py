"""Orders of an operator: written into the ledger, obeyed by the next plan."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from local.operating.sight import Sight, unreadable
from slipway.domain.errors import SlipwayError
from slipway.domain.snapshot import Control


def give(sight: Sight, pool: str, control: Control) -> dict[str, str]:
    """Order something of a pool; return it with what was ordered before.

    The pool is wanted then, so that one which rests is planned at the next tick, which comes once a minute.

    Raises:
        NoSightError: the table cannot be read or written.
    """
    try:
        before = sight.ledger.snapshots.read(pool, sight.now()).control
        sight.ledger.notes.order(pool, control)
        sight.ledger.rows.want(pool)
    except (BotoCoreError, ClientError, SlipwayError) as fault:
        raise unreadable(sight.configuration, fault) from fault
    return {"pool": pool, "order": control.value, "before": before.value}
