"""CPU, memory and GPUs, in the units in which ECS counts them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

CPU_UNITS_PER_VCPU = 1024


@dataclass(frozen=True, slots=True, order=True)
class Resources:
    """An amount of CPU (ECS CPU units, 1,024 a vCPU), memory (MiB) and whole GPUs."""

    cpu_units: int
    memory_mib: int
    gpus: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.cpu_units + other.cpu_units, self.memory_mib + other.memory_mib, self.gpus + other.gpus
        )

    def __sub__(self, other: Resources) -> Resources:
        return Resources(
            self.cpu_units - other.cpu_units, self.memory_mib - other.memory_mib, self.gpus - other.gpus
        )

    def fits(self, room: Resources) -> bool:
        """Say whether this amount fits into ``room``."""
        return (
            self.cpu_units <= room.cpu_units and self.memory_mib <= room.memory_mib and self.gpus <= room.gpus
        )

    @property
    def is_a_size(self) -> bool:
        """Say whether something can be of this size: ECS takes no task, and boots no host, without CPU and memory."""
        return self.cpu_units > 0 and self.memory_mib > 0 and self.gpus >= 0

    def as_parameters(self) -> dict[str, str | int | float]:
        """Return the amount as the parameters of a reason; GPUs only where there are any."""
        gpus = {"gpus": self.gpus} if self.gpus else {}
        return {"cpu_units": self.cpu_units, "memory_mib": self.memory_mib, **gpus}


NOTHING = Resources(0, 0)


def total(sizes: Collection[Resources]) -> Resources:
    """Return all of the sizes together."""
    return Resources(
        sum([size.cpu_units for size in sizes]),
        sum([size.memory_mib for size in sizes]),
        sum([size.gpus for size in sizes]),
    )


def largest(sizes: Iterable[Resources]) -> Resources:
    """Return the smallest amount into which each of the sizes fits."""
    every = list(sizes)
    return Resources(
        max((size.cpu_units for size in every), default=0),
        max((size.memory_mib for size in every), default=0),
        max((size.gpus for size in every), default=0),
    )


def smallest(sizes: Iterable[Resources]) -> Resources:
    """Return the largest amount that fits into each of the sizes, of which there is at least one."""
    every = list(sizes)
    return Resources(
        min(size.cpu_units for size in every),
        min(size.memory_mib for size in every),
        min(size.gpus for size in every),
    )
