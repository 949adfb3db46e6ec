"""Packing: first fit of tasks on the room of instances, in time that grows with tasks plus instances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from slipway.domain.instances import Load
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources


class Room(Protocol):
    """Something that takes tasks until it is full. What it refused once it refuses ever after."""

    def take(self, shape: Shape) -> bool:
        """Reserve room for one task of the shape; say whether there was any."""


@dataclass(slots=True)
class Bin:
    """Room for tasks on one instance, in plain numbers because a plan touches it a hundred thousand times.

    ``load`` is what the instance was started for. ``held_for`` keeps it for tasks of one shape. ``taken`` counts
    what this plan put there.
    """

    name: str
    cpu_units: int
    memory_mib: int
    gpus: int
    tasks_left: int
    load: Load = ()
    held_for: Shape | None = None
    taken: int = 0

    def take(self, shape: Shape) -> bool:
        """Reserve room for one task of the shape; say whether there was any."""
        size = shape.size
        if (
            size.cpu_units > self.cpu_units
            or size.memory_mib > self.memory_mib
            or size.gpus > self.gpus
            or self.tasks_left < 1
            or (self.held_for is not None and self.held_for != shape)
        ):
            return False
        self.cpu_units -= size.cpu_units
        self.memory_mib -= size.memory_mib
        self.gpus -= size.gpus
        self.tasks_left -= 1
        self.taken += 1
        return True

    @property
    def free(self) -> Resources:
        """Return the room that is left."""
        return Resources(self.cpu_units, self.memory_mib, self.gpus)


def a_bin(name: str, free: Resources, tasks_left: int, load: Load = ()) -> Bin:
    """Return the room of an instance."""
    return Bin(name, free.cpu_units, free.memory_mib, free.gpus, tasks_left, load)


R = TypeVar("R", bound=Room)


@dataclass(slots=True)
class FirstFit(Generic[R]):
    """Places tasks on the first of its rooms that takes them.

    For each shape it remembers where it stopped: room only shrinks, so what refused a shape once need never be
    asked again, and a plan costs tasks + shapes × rooms instead of tasks × rooms.
    """

    rooms: Sequence[R]
    _next: dict[Shape, int] = field(default_factory=dict)

    def place(self, shape: Shape) -> R | None:
        """Reserve room for one task; None when nothing takes it."""
        rooms = self.rooms
        first = self._next.get(shape, 0)
        if first == len(rooms):
            return None
        for index in range(first, len(rooms)):
            if rooms[index].take(shape):
                self._next[shape] = index
                return rooms[index]
        self._next[shape] = len(rooms)
        return None


def fullest_first(bins: Iterable[Bin]) -> list[Bin]:
    """Return bins the fullest first, so that the emptiest stay empty and can end."""
    return sorted(bins, key=lambda bin: (bin.cpu_units, bin.memory_mib, bin.gpus, bin.name))
