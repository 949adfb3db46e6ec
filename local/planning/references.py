"""What a snapshot file names of its configuration: profiles, instance types, subnets; a slip gets the nearest word."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from local.catalogue import Catalogue
from local.configuration.faults import Fault, Path, nearest, printable
from slipway.domain.configuration import Configuration, Market, Pool
from slipway.domain.instances import Load
from slipway.domain.intents import Offering
from slipway.domain.matching import Shape
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.snapshot import ANY

if TYPE_CHECKING:
    from local.planning.model import Size

_SHAPE = re.compile(r"(.{0,40})-([0-9]{1,7})-([0-9]{1,8})", re.ASCII)


class References:
    """Looks names up. What is not there becomes one of ``faults``, and a stand-in is returned: the file is refused."""

    def __init__(
        self, configuration: Configuration, catalogue: Catalogue, pool: str, instance_ids: Collection[str]
    ) -> None:
        self.configuration = configuration
        self.faults: list[Fault] = []
        self._pool_name = pool
        self._instance_ids = instance_ids
        # A type has one size in all regions.
        self._types = {entry.name: entry.registered for entry in catalogue.entries()}
        if self.pool is not None:
            self._types |= {offered.name: offered.registered for offered in self.pool.instance_types}

    @property
    def pool(self) -> Pool | None:
        """Return the pool of the snapshot, if the configuration has it."""
        return self.configuration.pools.get(self._pool_name)

    @property
    def market(self) -> Market:
        """Return the pool's market."""
        return self.pool.market if self.pool is not None else Market.SPOT

    def fault(self, path: Path, message: str, near: str | None = None) -> None:
        """Note one fault."""
        self.faults.append(Fault(path, message, near))

    def size_of_profile(
        self, path: Path, name: str, cpu_units: int | None, memory_mib: int | None, gpus: int | None = None
    ) -> Resources:
        """Return the profile's size with what is given instead; only a whole size makes up for a missing profile."""
        profile = self.configuration.profiles.get(name)
        if profile is None and (cpu_units is None or memory_mib is None):
            message = f"no profile is called '{printable(name)}' (one that is gone needs its size)"
            self.fault((*path, "profile"), message, nearest(name, self.configuration.profiles))
        own = profile.size if profile is not None else NOTHING
        return Resources(
            own.cpu_units if cpu_units is None else cpu_units,
            own.memory_mib if memory_mib is None else memory_mib,
            own.gpus if gpus is None else gpus,
        )

    def size_of_type(self, path: Path, name: str, given: Size | None) -> Resources:
        """Return what ECS registers of an instance type, or what the file says that it registered."""
        if given is not None:
            return as_resources(given)
        if name not in self._types:
            message = f"'{printable(name)}' is neither in the pool nor in the catalogue, and registered is not given"
            self.fault(path, message, nearest(name, self._types))
        return self._types.get(name, NOTHING)

    def check_refused(self, path: Path, offering: Offering) -> None:
        """Check that what EC2 is said to have none of is something that the pool may ask for, or ``*``."""
        kind, subnet = offering.instance_type, offering.subnet
        if kind != ANY and kind not in self._types:
            message = f"'{printable(kind)}' is neither in the pool nor in the catalogue, nor '{ANY}'"
            self.fault((*path, "type"), message, nearest(kind, self._types))
        subnets = self.pool.subnets if self.pool is not None else None
        if subnets is not None and subnet != ANY and subnet not in subnets:
            message = f"'{printable(subnet)}' is no subnet of pool '{self._pool_name}', nor '{ANY}'"
            self.fault((*path, "subnet"), message, nearest(subnet, subnets))

    def instance(self, path: Path, name: str) -> str:
        """Return the id of an instance which the file holds."""
        if name not in self._instance_ids:
            near = nearest(name, self._instance_ids)
            self.fault(path, f"no instance of this file is called '{printable(name)}'", near)
        return name

    def load(self, path: Path, asked: Mapping[str, int]) -> Load:
        """Return a load: how many tasks of each profile, or of a shape written PROFILE-CPU_UNITS-MEMORY_MIB.

        A shape without a profile is room alone.
        """
        load = [(self._shape((*path, word), word), count) for word, count in asked.items()]
        return tuple(sorted(load, key=lambda item: (item[0].size, str(item[0])), reverse=True))

    def _shape(self, path: Path, word: str) -> Shape:
        profiles = self.configuration.profiles
        if word in profiles:
            return Shape(word, profiles[word].size)
        match = _SHAPE.fullmatch(word)
        if match is None:
            message = f"'{printable(word)}' is neither a profile nor PROFILE-CPU_UNITS-MEMORY_MIB"
            self.fault(path, message, nearest(word, profiles))
            return Shape(word, NOTHING)
        gpus = profiles[match[1]].size.gpus if match[1] in profiles else 0
        return Shape(match[1], Resources(int(match[2]), int(match[3]), gpus))


def as_resources(size: Size) -> Resources:
    """Return an amount as the planner counts it."""
    return Resources(size.cpu_units, size.memory_mib, size.gpus)
