"""What is known of EC2 instance types: their sizes, and their list prices in a region on a day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from slipway.domain.resources import CPU_UNITS_PER_VCPU, Resources

SPOT_PRICE_SHARE = 0.4  # what a Spot instance costs, as a share of the list price: an estimate
_USABLE_SHARE = 0.965  # the rest goes to firmware tables and the kernel
_RESERVED_MIB = 256  # ECS agent, dockerd, log and metric agents


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One instance type in one region, as a row of the file has it; memory as advertised, in MiB."""

    region: str
    name: str
    vcpu: int
    memory_mib: int
    architecture: str
    gpus: int
    on_demand_usd_per_hour: float
    as_of: str

    @property
    def registered(self) -> Resources:
        """Return what ECS will register of it, as far as that can be told before."""
        memory_mib = registered_memory_mib(self.memory_mib)
        return Resources(self.vcpu * CPU_UNITS_PER_VCPU, memory_mib, self.gpus)


def registered_memory_mib(nominal_mib: int) -> int:
    """Estimate, on the low side, what ECS registers of a type's nominal memory [EC2-REGISTERED-MEMORY]."""
    return max(0, math.floor(nominal_mib * _USABLE_SHARE) - _RESERVED_MIB)


def nominal_memory_mib(registered_mib: int) -> int:
    """Return the least nominal memory of which that is the estimate."""
    return math.ceil((registered_mib + _RESERVED_MIB) / _USABLE_SHARE)


@dataclass(frozen=True, slots=True)
class PriceList:
    """The instance types of one region, by name."""

    region: str
    entries: Mapping[str, CatalogueEntry]

    @property
    def told(self) -> str:
        """Return whose prices these are, and of which day: of the oldest of its rows."""
        return f"{self.region}, as of {min(entry.as_of for entry in self.entries.values())}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The price lists of a file, by region; ``stand_in`` is the one that serves every region, where there is one."""

    name: str
    lists: Mapping[str, PriceList]
    stand_in: PriceList | None = None

    def of(self, region: str) -> PriceList | None:
        """Return the types of a region, or None where the file has none of it."""
        return self.stand_in or self.lists.get(region)

    def entries(self) -> tuple[CatalogueEntry, ...]:
        """Return every row, in the order of regions and types."""
        return tuple(
            self.lists[region].entries[name]
            for region in sorted(self.lists)
            for name in sorted(self.lists[region].entries)
        )

    def told(self, regions: Iterable[str]) -> str:
        """Return whose list prices those of pools in these regions are."""
        if self.stand_in is not None:
            return f"list prices of {self.stand_in.told}"
        named = sorted(self.lists.keys() & set(regions)) or sorted(self.lists)
        return "list prices of " + " and of ".join(self.lists[region].told for region in named)


def catalogue_of(name: str, entries: Iterable[CatalogueEntry]) -> Catalogue:
    """Return a catalogue of some rows."""
    lists: dict[str, dict[str, CatalogueEntry]] = {}
    for entry in entries:
        lists.setdefault(entry.region, {})[entry.name] = entry
    return Catalogue(name, {region: PriceList(region, types) for region, types in lists.items()})
