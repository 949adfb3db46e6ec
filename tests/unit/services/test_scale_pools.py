"""Pools of one batch are converged at once: none waits behind what another asks of EC2."""

from __future__ import annotations

from threading import Barrier
from typing import Any, cast

from slipway.adapters.threads import together
from slipway.services.converge import Converged
from slipway.services.scale import Batch, Scale

UNUSED = cast("Any", None)
POOLS = ("alone", "general")


class Meeting:
    """Converges a pool only when the other one is being converged too; of one of them it fails."""

    def __init__(self) -> None:
        self.met = Barrier(len(POOLS))

    def __call__(self, pool: str, _holder: str, **_named: object) -> Converged:
        self.met.wait(timeout=20)
        if pool == "alone":
            raise RuntimeError("the table is away")
        return Converged(pool)


def test_two_pools_are_converged_at_once_and_the_failure_of_one_is_none_of_the_other() -> None:
    converge = Meeting()
    scale = Scale(UNUSED, cast("Any", converge), UNUSED, "jobs", UNUSED, {}, together=together)
    alone, general = Batch(scale, touched=dict.fromkeys(POOLS, 0)).converge("holder", lambda: True)
    assert [repr(fault) for fault in alone.errors] == ["RuntimeError('the table is away')"]
    assert (alone.pool, general) == ("alone", Converged("general"))
