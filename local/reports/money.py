"""What each job cost: its share of its instance, and its share of what no job held. Pure, and exact to the nano-dollar.

The rule, as ``docs/reports.md`` states it:

1. An instance costs its type's list price for each second of its life, a minute at least [EC2-BILLING-60S]; on Spot a
   stated share of it, for want of the price that was paid.
2. A container holds the mean of its share of the instance's CPU and of its memory, from its placement to its end. What
   a container that ran a job holds is that job's own cost.
3. All else is overhead: boot, free room, headroom, containers that waited in vain. The jobs of the same pool in the
   same range share it in proportion to their own cost. Where no job ran in a pool nobody owes it, and reports say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from local.catalogue import SPOT_PRICE_SHARE, Catalogue
from local.catalogue.file import shipped
from slipway.domain.configuration import Market
from slipway.domain.resources import Resources
from slipway.domain.usage import InstanceUsage, RunnerUsage

NANO = 1_000_000_000
BILLED_AT_LEAST_SECONDS = 60.0
_PARTS = 1_000_000  # of a container's share of an instance: whole numbers add up, floats do not


@dataclass(frozen=True, slots=True)
class Range:
    """A span of time, epoch seconds, its end not within it."""

    start: float
    end: float

    def overlap(self, start: float, end: float) -> float:
        """Return how many seconds of a span lie within, 0 at least."""
        return max(0.0, min(self.end, end) - max(self.start, start))


@dataclass(frozen=True, slots=True)
class Charge:
    """What one container that ran a job costs, nano-USD: what it held, and its share of the pool's overhead."""

    runner: RunnerUsage
    held: int
    overhead: int

    @property
    def total(self) -> int:
        """Return both together."""
        return self.held + self.overhead


@dataclass(frozen=True, slots=True)
class Bill:
    """All instances of a range, and who pays for them: nano-USD. ``unowned`` is overhead by pool, where no job ran."""

    instances: int
    charges: tuple[Charge, ...]
    unowned: dict[str, int]

    @property
    def total(self) -> int:
        """Return what the parts add up to: ``instances``, exactly."""
        return sum(charge.total for charge in self.charges) + sum(self.unowned.values())


def bill(
    instances: Iterable[InstanceUsage],
    runners: Iterable[RunnerUsage],
    within: Range,
    served: Callable[[RunnerUsage], bool],
    spot_share: float = SPOT_PRICE_SHARE,
) -> Bill:
    """Share the cost of instances among the containers that ran jobs on them, as far as both lie within a range.

    ``served`` says whether a container ran a job. Lines that repeat count once, and their order does not matter.
    """
    placed: dict[str | None, list[RunnerUsage]] = defaultdict(list)
    for runner in sorted(
        {runner.task_id: runner for runner in runners}.values(), key=lambda runner: runner.task_id
    ):
        placed[runner.instance_arn].append(runner)
    lives = sorted({(life.instance_id, life.launched_at): life for life in instances}.items())
    held: dict[str, list[tuple[RunnerUsage, int]]] = defaultdict(list)
    overhead: dict[str, int] = defaultdict(int)
    total = 0
    for _, life in lives:
        cost = cost_of(life, within, spot_share)
        total += cost
        jobs = [runner for runner in placed[life.instance_arn] if served(runner)]
        *shares, rest = apportion(cost, _parts(life, jobs, within))
        overhead[life.pool] += rest
        held[life.pool] += zip(jobs, shares, strict=True)
    charges: list[Charge] = []
    unowned: dict[str, int] = {}
    for pool, cost in sorted(overhead.items()):
        own = [share for _, share in held[pool]]
        if not any(own):
            unowned[pool] = cost
            continue
        shares = apportion(cost, own)
        charges += [
            Charge(runner, share, more) for (runner, share), more in zip(held[pool], shares, strict=True)
        ]
    return Bill(total, tuple(charges), unowned)


@dataclass(frozen=True, slots=True)
class Prices:
    """USD an hour by type: of a catalogue, and ``named`` by whoever asks, which come before all others.

    ``regions`` are those of pools by name, as the configuration that names the catalogue has them.
    """

    catalogue: Catalogue = field(default_factory=shipped)
    regions: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, float] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """Return whose list prices these are."""
        return self.catalogue.told(self.regions.values())

    def of(self, life: InstanceUsage) -> float:
        """Return an instance's price: as named, else that of its launch, else the list's; 0 where none is known."""
        kind = life.instance_type
        return self.named.get(kind) or life.usd_per_hour or self._listed(life.pool, kind)

    def _listed(self, pool: str, kind: str) -> float:
        prices = self.catalogue.of(self.regions.get(pool, ""))
        entry = prices.entries.get(kind) if prices else None
        return entry.on_demand_usd_per_hour if entry else 0.0


def priced(lives: Iterable[InstanceUsage], prices: Prices) -> list[InstanceUsage]:
    """Return them with their prices; one whose launch was never recorded, of which only ECS told, has none of its own.

    Raises:
        NoPriceError: neither has one, for some types; none is ever taken for nothing.
    """
    known = [replace(life, usd_per_hour=prices.of(life)) for life in lives]
    if missing := sorted({life.instance_type for life in known if life.usd_per_hour <= 0}):
        raise NoPriceError(missing)
    return known


class NoPriceError(Exception):
    """Instance types of which no price is known."""

    def __init__(self, types: Sequence[str]) -> None:
        self.types = tuple(types)
        super().__init__(f"no price is known of {', '.join(name or '(unknown type)' for name in types)}")


def cost_of(life: InstanceUsage, within: Range, spot_share: float = SPOT_PRICE_SHARE) -> int:
    """Return what an instance costs within a range, nano-USD."""
    end = max(life.ended_at, life.launched_at + BILLED_AT_LEAST_SECONDS)
    seconds = within.overlap(life.launched_at, end)
    share = spot_share if life.market == Market.SPOT else 1.0
    return round(life.usd_per_hour * share * NANO * seconds / 3600)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number by weights so that the parts add up to it: the largest remainders are rounded up.

    Raises:
        ValueError: a weight is negative, or there is something to split and no weight above 0.
    """
    everything = sum(weights)
    if any(weight < 0 for weight in weights) or (total and not everything):
        raise ValueError(f"{total} cannot be split by {list(weights)[:10]}")
    if not everything:
        return [0] * len(weights)
    parts = [total * weight // everything for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda index: (-(total * weights[index] % everything), index)
    )
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def _parts(life: InstanceUsage, served: Sequence[RunnerUsage], within: Range) -> list[int]:
    """Return what each container held of an instance's life, and the rest, as weights.

    Clocks differ: where containers together seem to hold more than there is, nothing is left over.
    """
    seconds = within.overlap(life.launched_at, life.ended_at)
    whole = round(seconds * _PARTS)
    parts = [
        round(share_of(runner.size, life) * _seconds_together(runner, life, within) * _PARTS)
        for runner in served
    ]
    return [*parts, max(whole - sum(parts), 0 if any(parts) else 1)]


def _seconds_together(runner: RunnerUsage, life: InstanceUsage, within: Range) -> float:
    return within.overlap(max(runner.started_at, life.launched_at), min(runner.stopped_at, life.ended_at))


def share_of(size: Resources, life: InstanceUsage) -> float:
    """Return the part of an instance that a container of this size holds: the mean of its shares of CPU and memory."""
    registered = life.registered
    if not (registered.cpu_units and registered.memory_mib):
        return 1.0
    cpu, memory = size.cpu_units / registered.cpu_units, size.memory_mib / registered.memory_mib
    return min(1.0, (cpu + memory) / 2)
