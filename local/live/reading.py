"""One look at a ledger: each pool's snapshot with what is on offer, and jobs that finished since the last look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from slipway.domain.snapshot import Snapshot
from slipway.domain.usage import JobUsage
from slipway.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Reading:
    """What the ledger had ``at`` a moment (epoch seconds). ``finished`` may name jobs that were named before."""

    at: float
    pools: tuple[Snapshot, ...]
    finished: tuple[JobUsage, ...] = ()


def read_pools(ledger: Ledger, pools: Iterable[str], now: float) -> tuple[Snapshot, ...]:
    """Read pools as a convergence does: what is on offer before all else."""
    found = []
    for pool in sorted(pools):
        published = ledger.offers.read(pool)
        found.append(replace(ledger.snapshots.read(pool, now), on_offer=published.jobs))
    return tuple(found)
