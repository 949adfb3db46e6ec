"""The arithmetic of ECS managed scaling: what its metric says, and what target tracking makes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from slipway.domain.configuration import InstanceType
from slipway.domain.filling import fill_cheaply
from slipway.domain.matching import Shape
from slipway.domain.offerings import HostSize

TARGET_CAPACITY = 100  # the default: no spare instances [ECS-CAS-TARGET]
FROM_ZERO = 2  # instances of the first step, whatever is asked for [ECS-CAS-FROM-ZERO]
MINIMUM_STEP, MAXIMUM_STEP = 1, 10_000  # [ECS-CAS-STEPS]
MINUTES_BELOW = 15  # of the metric below its target before instances are taken away [ECS-CAS-SCALE-IN]


def reservation(needed: int, running: int) -> float:
    """Return CapacityProviderReservation: M / N × 100 %, and for N = 0 either 100 or 200 [ECS-CAS-METRIC]."""
    if running == 0:
        return 200.0 if needed else 100.0
    return 100.0 * needed / running


def instances_for(waiting: Mapping[Shape, int], kind: InstanceType, max_tasks: int) -> int:
    """Return how many instances of a type the waiting tasks need: ECS bin-packs them [ECS-CAS-METRIC]."""
    if not waiting:
        return 0
    host = HostSize(kind.registered, max_tasks, kind.usd_per_hour, ())
    return sum(filling.times for filling in fill_cheaply(waiting, (host,)))


def scale_out(needed: int, running: int, target: int = TARGET_CAPACITY) -> int:
    """Return how many instances a step launches; 0 when the metric is not above its target."""
    if reservation(needed, running) <= target:
        return 0
    if running == 0:
        return FROM_ZERO
    wanted = math.ceil(100 * needed / target)
    return min(MAXIMUM_STEP, max(MINIMUM_STEP, wanted - running))


def scale_in(needed: int, running: int, target: int = TARGET_CAPACITY) -> int:
    """Return how many instances a minute takes away: at most half of the group, one at least [ECS-CAS-SCALE-IN]."""
    if reservation(needed, running) >= target:
        return 0
    surplus = running - math.ceil(100 * needed / target)
    return min(surplus, max(1, running // 2))
