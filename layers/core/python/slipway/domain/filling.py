"""Filling: the cheapest new instances for many tasks at once.

Variable-size vector bin packing, greedily: price the resources as the fractional optimum does, fill one instance of
each size, take the one that holds most for its price, and repeat that filling as often as the tasks last. The cost
grows with the number of *shapes* and sizes, not with the number of tasks. docs/capacity.md tells how far from the
optimum that ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from slipway.domain.instances import Load
from slipway.domain.matching import Shape
from slipway.domain.offerings import HostSize
from slipway.domain.resources import NOTHING, Resources

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Filling:
    """``times`` instances that hold the same load, and the size which holds it at the best price."""

    host: HostSize
    load: Load
    times: int

    @property
    def content(self) -> Resources:
        """Return what the load of one instance adds up to."""
        return content_of(self.load)


def content_of(load: Load) -> Resources:
    """Return what a load adds up to."""
    total = NOTHING
    for shape, count in load:
        size = shape.size
        total += Resources(size.cpu_units * count, size.memory_mib * count, size.gpus * count)
    return total


def fill_cheaply(wanted: Mapping[Shape, int], hosts: Sequence[HostSize]) -> list[Filling]:
    """Return instances that hold all the wanted tasks. Each shape must fit at least one of the hosts."""
    left = {shape: count for shape, count in sorted(wanted.items(), key=_largest_first) if count > 0}
    total = content_of(tuple(left.items()))
    prices = resource_prices(total, hosts)
    fillings = []
    while left:
        host, load = _best_filling(left, hosts, prices)
        times = min(left[shape] // count for shape, count in load)
        fillings.append(Filling(host, load, times))
        for shape, count in load:
            left[shape] -= count * times
            if not left[shape]:
                del left[shape]
    return fillings


def resource_prices(total: Resources, hosts: Sequence[HostSize]) -> tuple[float, float]:
    """Return the prices per CPU unit and per MiB that add most to ``total`` while no host holds more than it costs.

    These are the dual prices of buying CPU and memory by the fraction of an instance, so ``total`` at these prices
    is what the cheapest fractional purchase costs, and no packing of whole instances costs less.
    """
    rates = [(host.room.cpu_units, host.room.memory_mib, host.usd_per_hour) for host in hosts]
    corners = [(min(usd / cpu for cpu, _, usd in rates), 0.0), (0.0, min(usd / mib for _, mib, usd in rates))]
    for (cpu, mib, usd), (other_cpu, other_mib, other_usd) in combinations(rates, 2):
        determinant = cpu * other_mib - other_cpu * mib
        if determinant:
            per_cpu = (usd * other_mib - other_usd * mib) / determinant
            per_mib = (cpu * other_usd - other_cpu * usd) / determinant
            if per_cpu >= 0 and per_mib >= 0:
                corners.append((per_cpu, per_mib))
    feasible = [
        (per_cpu, per_mib)
        for per_cpu, per_mib in corners
        if all(per_cpu * cpu + per_mib * mib <= usd * (1 + _ROUNDING) for cpu, mib, usd in rates)
    ]
    return max(feasible, key=lambda prices: prices[0] * total.cpu_units + prices[1] * total.memory_mib)


def _best_filling(
    left: Mapping[Shape, int], hosts: Sequence[HostSize], prices: tuple[float, float]
) -> tuple[HostSize, Load]:
    """Return the host whose filling is worth most for its price; of equals the larger, that is the fewer."""
    best: tuple[float, float, HostSize, Load] | None = None
    for host in hosts:
        load = _fill(left, host)
        content = content_of(load)
        worth = prices[0] * content.cpu_units + prices[1] * content.memory_mib
        rate = round(worth / host.usd_per_hour, 9)
        if load and (best is None or (rate, worth) > best[:2]):
            best = (rate, worth, host, load)
    if best is None:
        raise ValueError(f"no host holds any of {', '.join(map(str, left))}")
    return best[2], best[3]


@dataclass(slots=True)
class _Free:
    """What is free on the host that is being filled."""

    cpu_units: int
    memory_mib: int
    gpus: int
    tasks: int

    def times(self, size: Resources) -> int:
        """Return how many tasks of a size still fit."""
        fit = min(self.cpu_units // size.cpu_units, self.memory_mib // size.memory_mib, self.tasks)
        return min(fit, self.gpus // size.gpus) if size.gpus else fit

    def take(self, size: Resources, times: int) -> None:
        """Reserve room for so many tasks."""
        self.cpu_units -= size.cpu_units * times
        self.memory_mib -= size.memory_mib * times
        self.gpus -= size.gpus * times
        self.tasks -= times


def _fill(left: Mapping[Shape, int], host: HostSize) -> Load:
    """Fill one host: next comes the task that points most into the direction of what is still free.

    That keeps CPU and memory going out together; many small tasks are put in by eighths of what still fits.
    """
    room = host.room
    free = _Free(room.cpu_units, room.memory_mib, room.gpus, host.max_tasks)
    across_cpu, across_mib = 1 / room.cpu_units**2, 1 / room.memory_mib**2
    load: dict[Shape, int] = {}
    waiting = dict(left)
    while True:
        best, best_score, best_fit = None, -1.0, 0
        for shape, count in list(waiting.items()):
            size = shape.size
            fit = min(count, free.times(size))
            if fit < 1:
                del waiting[shape]  # room only shrinks
                continue
            along_cpu = size.cpu_units * free.cpu_units * across_cpu
            score = along_cpu + size.memory_mib * free.memory_mib * across_mib + size.gpus
            if score > best_score:
                best, best_score, best_fit = shape, score, fit
        if best is None:
            return tuple(sorted(load.items(), key=_largest_first))
        some = max(1, best_fit // 8)
        free.take(best.size, some)
        load[best] = load.get(best, 0) + some
        waiting[best] -= some


def _largest_first(item: tuple[Shape, int]) -> tuple[int, int, str]:
    shape = item[0]
    return -shape.size.cpu_units, -shape.size.memory_mib, str(shape)
