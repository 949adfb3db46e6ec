"""Pace: a pool of thousands is read whole for each plan, and no oftener than its partition of the table bears.

What arrives meanwhile is in the next plan. A pool of hundreds is let go at once.
"""

from __future__ import annotations

from slipway.domain.snapshot import Snapshot

READ_UNITS_A_SECOND = 1_500.0  # half of what one serves [DDB-PARTITION]: claims and the reaper read too
UNITS_AN_ITEM = 0.12  # a runner has some 540 bytes, a waiting job 350, read consistently [DDB-CAPACITY]
SMALL = 1_000  # items: they are read in the time that a round takes anyway


def seconds_for(snapshot: Snapshot) -> float:
    """Return how long one reading of a pool should serve, in seconds from its ``now``; 0 for a small one."""
    items = sum(
        map(len, (snapshot.jobs, snapshot.runners, snapshot.instances, snapshot.intents, snapshot.orphans))
    )
    return items * UNITS_AN_ITEM / READ_UNITS_A_SECOND if items >= SMALL else 0.0
