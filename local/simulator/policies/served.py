"""Which jobs of a workload a configuration serves, and where each goes: the same answer for every policy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from local.catalogue import Catalogue, CatalogueEntry
from local.simulator.workload.jobs import SimulatedJob, Workload
from slipway.domain.configuration import Configuration, InstanceType, Market, Pool
from slipway.domain.matching import Route, Shape, Unserved, route
from slipway.domain.offerings import HostSize, Refusals, host_sizes
from slipway.domain.resources import Resources

_RUN = re.compile(r"/run=([0-9]{1,18})-([0-9]{1,4})$")


@dataclass(frozen=True, slots=True)
class ServedJob:
    """A job that a profile serves: its place in the workload, the shape of its task, its pool and image."""

    index: int
    job: SimulatedJob
    shape: Shape
    pool: Pool
    image: str

    @property
    def size(self) -> Resources:
        """Return what its task occupies."""
        return self.shape.size


def served_jobs(workload: Workload, configuration: Configuration) -> tuple[ServedJob, ...]:
    """Return the jobs that a profile serves, in the workload's order; the others are left out by every policy."""
    routes: dict[tuple[tuple[str, ...], str], Route | Unserved] = {}
    served = []
    for index, job in enumerate(workload.jobs):
        key = (
            job.labels,
            "" if job.labels else job.full_name,
        )  # only a job without labels is told by its repository
        if key not in routes:
            routes[key] = route(job.labels, run_of(job), job.full_name, configuration.profiles)
        found = routes[key]
        if isinstance(found, Route):
            image = configuration.profiles[found.shape.profile].image
            served.append(ServedJob(index, job, found.shape, configuration.pools[found.pool], image))
    return tuple(served)


def run_of(job: SimulatedJob) -> tuple[int, int]:
    """Return the run and attempt that a job's label names; a trace has no run ids of its own."""
    named = next((found for label in job.labels if (found := _RUN.search(label))), None)
    return (int(named[1]), int(named[2])) if named else (0, 1)


def sizes_of(pool: Pool) -> tuple[HostSize, ...]:
    """Return the sizes of instance that a pool may have at list prices, the cheapest first."""
    return host_sizes(pool, Market.ON_DEMAND, Refusals((), 0))


def cheapest_type(pool: Pool, size: Resources) -> InstanceType | None:
    """Return the pool's cheapest type that holds a task of this size, of equals the first listed; None: none does."""
    return cheapest_of(pool.instance_types, size)


def cheapest_of(kinds: Iterable[InstanceType], size: Resources) -> InstanceType | None:
    """Return the cheapest type that holds a task of this size, of equals the first; None: none does."""
    fitting = (kind for kind in kinds if size.fits(kind.registered))
    return min(fitting, key=lambda kind: kind.usd_per_hour, default=None)


def types_for_one_job(pool: Pool, catalogue: Catalogue) -> tuple[InstanceType, ...]:
    """Return the types of a pool, and of a shared one also the smaller ones of their families.

    A pool of ``isolation: instance`` has types as large as one job already.
    """
    prices = catalogue.of(pool.region)
    if pool.exclusive or prices is None:
        return pool.instance_types
    smaller = (
        InstanceType(entry.name, entry.registered, entry.on_demand_usd_per_hour)
        for entry in prices.entries.values()
        if any(_is_smaller(entry, kind) for kind in pool.instance_types)
    )
    return (*pool.instance_types, *smaller)


def _is_smaller(entry: CatalogueEntry, kind: InstanceType) -> bool:
    same_family = entry.name.partition(".")[0] == kind.name.partition(".")[0]
    return same_family and entry.registered.cpu_units < kind.registered.cpu_units


def tasks_per_host(pool: Pool, kind: InstanceType) -> int:
    """Return how many tasks share an instance: one in a pool of ``isolation: instance``."""
    return 1 if pool.exclusive else kind.max_tasks
