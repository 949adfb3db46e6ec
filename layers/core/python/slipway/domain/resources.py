"""CPU and memory, in the units in which ECS counts them."""

from __future__ import annotations

from dataclasses import dataclass

CPU_UNITS_PER_VCPU = 1024


@dataclass(frozen=True, slots=True, order=True)
class Resources:
    """An amount of CPU (ECS CPU units, 1,024 a vCPU) and memory (MiB)."""

    cpu_units: int
    memory_mib: int

    def __add__(self, other: Resources) -> Resources:
        return Resources(self.cpu_units + other.cpu_units, self.memory_mib + other.memory_mib)

    def __sub__(self, other: Resources) -> Resources:
        return Resources(self.cpu_units - other.cpu_units, self.memory_mib - other.memory_mib)

    def fits(self, room: Resources) -> bool:
        """Say whether this amount fits into ``room``."""
        return self.cpu_units <= room.cpu_units and self.memory_mib <= room.memory_mib

    def times_in(self, room: Resources) -> int:
        """Count how often this amount fits into ``room``."""
        if self.cpu_units <= 0 or self.memory_mib <= 0:
            raise ValueError(f"a size must be positive, not {self}")
        return max(0, min(room.cpu_units // self.cpu_units, room.memory_mib // self.memory_mib))


NOTHING = Resources(0, 0)
