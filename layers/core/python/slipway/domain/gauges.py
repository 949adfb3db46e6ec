"""Gauges: how a pool is at one moment, in numbers. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from slipway.domain.instances import InstanceState
from slipway.domain.resources import NOTHING, Resources, total
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
        fill_percent=round(100 * (fill_of(snapshot) or 0.0), 1),
    )


def fill_of(snapshot: Snapshot) -> float | None:
    """Return how full the instances that are up are, from 0 to 1: a large one weighs more. None where there is none."""
    up = [instance for instance in snapshot.instances if instance.state in _UP]
    arns = {instance.arn for instance in up if instance.arn is not None}
    taken = total([runner.shape.size for runner in snapshot.runners if runner.instance_arn in arns])
    return share_of(taken, total([instance.registered for instance in up])) if up else None


def held_by_instance(snapshot: Snapshot) -> dict[str, Resources]:
    """Return what tasks hold, by their instance's ARN in ECS.

    A task holds its room until ECS says that it stopped, also when its runner is done.
    """
    held: dict[str, Resources] = {}
    for runner in snapshot.runners:
        if runner.instance_arn is not None:
            held[runner.instance_arn] = held.get(runner.instance_arn, NOTHING) + runner.shape.size
    return held


def share_of(held: Resources, whole: Resources) -> float:
    """Return the mean of the shares of CPU and of memory that are held of something."""
    if not whole.is_a_size:
        return 0.0
    return (held.cpu_units / whole.cpu_units + held.memory_mib / whole.memory_mib) / 2
