"""What is asked of EC2 for tasks without room, for the tests of capacity."""

from __future__ import annotations

from collections import Counter

from slipway.domain.capacity import NewCapacity
from slipway.domain.configuration import Market
from slipway.domain.intents import LaunchInstances
from slipway.domain.matching import Shape
from slipway.domain.policy import Policy
from slipway.domain.reasons import Why
from slipway.domain.snapshot import ANY, Snapshot, UnavailableOffering
from tests.builders import NOW, a_snapshot


def find(
    policy: Policy, *shapes: Shape, snapshot: Snapshot | None = None, allowed: int = 100
) -> tuple[list[Why], tuple[LaunchInstances, ...]]:
    capacity = NewCapacity(policy, snapshot or a_snapshot(), allowed)
    return [reason.code for reason in capacity.find(shapes)], capacity.requests()


def refused(*offerings: tuple[str, Market], subnet: str = ANY, until: float = NOW + 60) -> Snapshot:
    return a_snapshot(
        unavailable=tuple(UnavailableOffering(name, subnet, market, until) for name, market in offerings)
    )


def wanted(requests: tuple[LaunchInstances, ...]) -> Counter[Shape]:
    """Return what all the loads of some requests add up to."""
    tasks = Counter[Shape]()
    for request in requests:
        for load, count in request.loads:
            for shape, of_it in load:
                tasks[shape] += of_it * count
    return tasks
