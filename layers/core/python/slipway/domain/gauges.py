"""Gauges: how a pool is at one moment, in numbers. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from slipway.domain.instances import Instance, InstanceState
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Snapshot

_UP = (InstanceState.READY, InstanceState.DRAINING)
_ON_THEIR_WAY = (InstanceState.LAUNCHING, InstanceState.WARMING)


@dataclass(frozen=True, slots=True)
class Gauges:
    """What a pool holds, all of it 0 in an empty one."""

    waiting_jobs: int = 0
    running_jobs: int = 0
    idle_runners: int = 0
    starting_runners: int = 0
    ready_instances: int = 0
    booting_instances: int = 0
    stopped_instances: int = 0
    fill_percent: float = 0.0


def gauges_of(snapshot: Snapshot) -> Gauges:
    """Return the gauges of a pool as it was read."""
    runners = Counter(runner.state for runner in snapshot.runners)
    instances = Counter(instance.state for instance in snapshot.instances)
    return Gauges(
        waiting_jobs=len(snapshot.jobs),
        running_jobs=runners[RunnerState.BUSY],
        idle_runners=runners[RunnerState.REGISTERED],
        starting_runners=runners[RunnerState.STARTING],
        ready_instances=sum(instances[state] for state in _UP),
        booting_instances=sum(instances[state] for state in _ON_THEIR_WAY),
        stopped_instances=instances[InstanceState.STOPPED],
        fill_percent=_fill(snapshot, [one for one in snapshot.instances if one.state in _UP]),
    )


def _fill(snapshot: Snapshot, up: list[Instance]) -> float:
    """Return how full the instances that are up are: a large one weighs more than a small one.

    A task holds its room until ECS says that it stopped, also when its runner is done.
    """
    hosts = {instance.arn for instance in up if instance.arn is not None}
    held = [runner.shape.size for runner in snapshot.runners if runner.instance_arn in hosts]
    shares = [
        _share(sum(size.cpu_units for size in held), sum(one.registered.cpu_units for one in up)),
        _share(sum(size.memory_mib for size in held), sum(one.registered.memory_mib for one in up)),
    ]
    return round(100 * sum(shares) / len(shares), 1)


def _share(held: int, there: int) -> float:
    return held / there if there else 0.0
