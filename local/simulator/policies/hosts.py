"""Instances of a baseline: what they hold, what is free, which of them takes a task."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from slipway.domain.configuration import InstanceType, Pool
from slipway.domain.resources import Resources

if TYPE_CHECKING:
    from local.simulator.policies.baseline_world import Run

_Place = tuple[int, int, int]  # free CPU units, free MiB, number: the fullest first


@dataclass(slots=True, eq=False)
class Host:
    """One instance from its launch to its end; it is billed for all of that time."""

    number: int
    pool: Pool
    type: InstanceType
    launched_at: float
    max_tasks: int
    ready_at: float = float("inf")
    """When its agent is connected; infinite as long as that is not known."""
    ended_at: float | None = None
    idle_since: float = float("-inf")
    is_leaving: bool = False
    """EC2 has warned that it takes the instance away; it gets no task any more [ECS-DRAINING]."""
    free: Resources = field(init=False)
    runs: dict[int, Run] = field(default_factory=dict)
    images: dict[str, float] = field(default_factory=dict)
    """By image, when it is on the disk."""
    place: _Place | None = None
    """Where ``Rooms`` keeps it; None: nowhere."""

    def __post_init__(self) -> None:
        self.free = self.type.registered

    @property
    def name(self) -> str:
        """Return what its chances are drawn by."""
        return f"host {self.number}"

    @property
    def is_empty(self) -> bool:
        """Say whether it holds no task."""
        return not self.runs

    def fits(self, size: Resources) -> bool:
        """Say whether there is room for one more task."""
        return len(self.runs) < self.max_tasks and size.fits(self.free)

    def take(self, run: Run) -> None:
        """Reserve room for a task; more than there is, is a programming error."""
        if not self.fits(run.size):
            raise ValueError(f"{self.name} has no room for {run.size}")
        self.free -= run.size
        self.runs[run.index] = run
        run.host = self

    def give_back(self, run: Run) -> None:
        """Free the room of a task."""
        del self.runs[run.index]
        self.free += run.size
        run.host = None


class Rooms:
    """Hosts that take tasks; the fullest that has room is found without asking all of them."""

    def __init__(self) -> None:
        self._places: list[_Place] = []
        self._hosts: dict[int, Host] = {}

    def add(self, host: Host) -> None:
        """Offer the room of a host."""
        host.place = (host.free.cpu_units, host.free.memory_mib, host.number)
        bisect.insort(self._places, host.place)
        self._hosts[host.number] = host

    def remove(self, host: Host) -> None:
        """Offer it no more; nothing happens if it is not offered."""
        if host.place is not None:
            del self._places[bisect.bisect_left(self._places, host.place)]
            del self._hosts[host.number]
            host.place = None

    def changed(self, host: Host) -> None:
        """Put a host where it belongs after its free room changed."""
        if host.place is not None:
            self.remove(host)
            self.add(host)

    def fullest_for(self, size: Resources) -> Host | None:
        """Return the host that has the least CPU free and room for a task; this is binpack [ECS-STRATEGIES]."""
        first = bisect.bisect_left(self._places, (size.cpu_units, 0, 0))
        for place in self._places[first:]:
            host = self._hosts[place[2]]
            if host.fits(size):
                return host
        return None

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts.values())
