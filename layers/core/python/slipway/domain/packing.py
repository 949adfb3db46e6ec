"""Packing: which waiting tasks fit on which instances, first fit in the order given.

The capacity planner will replace this simple packing behind the same functions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import Intent, LaunchInstances
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.runners import Runner


@dataclass(slots=True)
class Bin:
    """Room for tasks on one instance; ``slots_left`` is 1 where an instance takes one job only."""

    name: str
    free: Resources
    slots_left: int

    def take(self, size: Resources) -> bool:
        """Reserve room for one task; say whether there was any."""
        if self.slots_left < 1 or not size.fits(self.free):
            return False
        self.free -= size
        self.slots_left -= 1
        return True


_MANY = 1_000_000


def usable_bins(instances: Iterable[Instance], runners: Iterable[Runner], *, exclusive: bool) -> list[Bin]:
    """Return the room on instances where ECS would place a task now, the fullest first.

    A task holds its room until ECS reports it stopped, also when its runner is done.
    """
    usable = [instance for instance in instances if instance.is_usable]
    return _ordered(_with_tasks(usable, runners, exclusive=exclusive))


def booting_bins(
    instances: Iterable[Instance], runners: Iterable[Runner], intents: Iterable[Intent], *, exclusive: bool
) -> list[Bin]:
    """Return the room on instances that boot, wait for their agent, or were asked for without an answer yet.

    The smallest comes first, so that the large ones are left to the tasks for which they were asked.
    """
    waiting = [
        instance
        for instance in instances
        if instance.state is InstanceState.LAUNCHING
        or (instance.state is InstanceState.READY and not instance.connected)
    ]
    bins = _with_tasks(waiting, runners, exclusive=exclusive)
    for intent in intents:
        if isinstance(intent.request, LaunchInstances):
            bins += [
                empty_bin(f"{intent.token}-{number}", intent.request.each, exclusive=exclusive)
                for number in range(intent.request.count)
            ]
    return _ordered(bins)


def empty_bin(name: str, room: Resources, *, exclusive: bool) -> Bin:
    """Return the room of an instance that holds no task."""
    return Bin(name, room, 1 if exclusive else _MANY)


def place(size: Resources, bins: Iterable[Bin]) -> Bin | None:
    """Reserve room on the first bin that has it, in the order given."""
    return next((bin for bin in bins if bin.take(size)), None)


def _with_tasks(instances: Iterable[Instance], runners: Iterable[Runner], *, exclusive: bool) -> list[Bin]:
    held: dict[str | None, list[Resources]] = defaultdict(list)
    for runner in runners:
        held[runner.instance_arn].append(runner.shape.size)
    bins = []
    for instance in instances:
        tasks = held[instance.arn] if instance.arn else []
        bin = empty_bin(instance.instance_id, instance.registered - sum(tasks, NOTHING), exclusive=exclusive)
        if exclusive and tasks:
            bin.slots_left = 0
        bins.append(bin)
    return bins


def _ordered(bins: Iterable[Bin]) -> list[Bin]:
    return sorted(bins, key=lambda bin: (bin.free, bin.name))
