"""What is known of EC2 instance types: the dated default that ships with Slipway."""

from __future__ import annotations

import csv
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from slipway.domain.resources import CPU_UNITS_PER_VCPU, Resources

PRICES_AS_OF = "2026-07-20"
LIST_PRICES = f"list prices of us-east-1, as of {PRICES_AS_OF}"
SPOT_PRICE_SHARE = 0.4  # what a Spot instance costs, as a share of the list price: an estimate
_FILE = Path(__file__).with_name("ec2.csv")
_USABLE_SHARE = 0.965  # the rest goes to firmware tables and the kernel
_RESERVED_MIB = 256  # ECS agent, dockerd, log and metric agents


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One instance type: size as advertised and as ECS will register it, list price in us-east-1."""

    name: str
    architecture: str
    vcpu: int
    nominal_memory_mib: int
    registered: Resources
    on_demand_usd_per_hour: float
    max_enis: int


def registered_memory_mib(nominal_mib: int) -> int:
    """Estimate, on the low side, what ECS registers of a type's nominal memory [EC2-REGISTERED-MEMORY]."""
    return max(0, math.floor(nominal_mib * _USABLE_SHARE) - _RESERVED_MIB)


@functools.cache
def catalogue() -> Mapping[str, CatalogueEntry]:
    """Return the instance types that ship with Slipway, by name."""
    with _FILE.open(encoding="ascii", newline="") as file:
        entries = [_entry(row) for row in csv.DictReader(file)]
    return MappingProxyType({entry.name: entry for entry in entries})


def _entry(row: Mapping[str, str]) -> CatalogueEntry:
    vcpu, nominal_mib = int(row["vcpu"]), int(row["memory_mib_nominal"])
    return CatalogueEntry(
        name=row["instance_type"],
        architecture=row["architecture"],
        vcpu=vcpu,
        nominal_memory_mib=nominal_mib,
        registered=Resources(vcpu * CPU_UNITS_PER_VCPU, registered_memory_mib(nominal_mib), int(row["gpus"])),
        on_demand_usd_per_hour=float(row["on_demand_usd_per_hour_us_east_1"]),
        max_enis=int(row["max_enis"]),
    )
