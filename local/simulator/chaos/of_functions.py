"""Faults of our own functions' hosts: a pool held by somebody who is dead, clocks that differ."""

from __future__ import annotations

import random

from local.simulator.chaos.storm import Storm
from local.twin_deployment import LEASE_SECONDS


def meddle_with_functions(storm: Storm) -> None:
    """Let holders die and clocks differ."""
    loop = storm.world.loop
    skew = storm.recipe.clock_skew_seconds
    rng = storm.source("clock-skewed")

    def clock_ahead() -> float:
        if not skew:
            return 0.0
        ahead = rng.uniform(-skew, skew)
        storm.fired("clock-skewed", f"by {ahead:.2f} s")
        return ahead

    def hold(rng: random.Random) -> str | None:
        """Take a pool's row and never give it back: its lease has to run out."""
        pool = rng.choice(sorted(loop.configuration.pools))
        now = loop.clock.now()
        wanted = loop.ledger.rows.acquire(pool, f"dead-{now}", now=now, until=now + LEASE_SECONDS)
        return None if wanted is None else pool

    if "clock-skewed" in storm.recipe.rates:
        loop.clock_ahead = clock_ahead
    storm.again_and_again("holder-dead", hold)
