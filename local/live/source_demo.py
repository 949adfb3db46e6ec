"""The demo's ledger, read under the lock of its world."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.deployment import TABLE
from local.live.reading import Reading, read_pools
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.usage import JobUsage

if TYPE_CHECKING:
    from local.demo.world import World


def read_demo(world: World) -> Reading:
    """Look at the demo's ledger; what looking calls is not counted as the deployment's."""
    with world.lock:
        calls = world.aws.calls
        counted = dict(calls)
        ledger = dynamo_ledger(world.aws.client("dynamodb"), TABLE)
        now = world.clock.now()
        pools = read_pools(ledger, world.configuration.pools, now)
        lines = list(ledger.usage.of_day(f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"))
        calls.clear()
        calls.update(counted)
    return Reading(now, pools, tuple(line for line in lines if isinstance(line, JobUsage)))
