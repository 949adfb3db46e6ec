"""Offerings: which instance types, in which subnets and market, EC2 may be asked for now, and what they cost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from slipway.domain.configuration import InstanceType, Market, Pool
from slipway.domain.intents import Offering
from slipway.domain.resources import Resources
from slipway.domain.snapshot import ANY, UnavailableOffering

MAX_OFFERINGS_PER_CALL = 300  # overrides that one CreateFleet takes [EC2-FLEET-OVERRIDES]
# A type may stand in for the cheapest one that fits at up to this multiple of its price.
DEAREST_STAND_IN = 1.5


@dataclass(frozen=True, slots=True)
class HostSize:
    """Instance types that ECS counts alike, in the operator's order; the price is that of the preferred one."""

    room: Resources
    max_tasks: int
    usd_per_hour: float
    offerings: tuple[Offering, ...]


class Refusals:
    """What EC2 has none of right now, by type, subnet and market."""

    def __init__(self, unavailable: Iterable[UnavailableOffering], now: float) -> None:
        self._until: dict[tuple[str, str, Market], float] = {}
        for item in unavailable:
            if item.until > now:
                key = (item.instance_type, item.subnet, item.market)
                self._until[key] = max(item.until, self._until.get(key, item.until))

    def until(self, offering: Offering, market: Market) -> float | None:
        """Return when an offering may be asked for again; None: now."""
        if not self._until:
            return None
        found = [
            self._until[key]
            for key in (
                (offering.instance_type, offering.subnet, market),
                (offering.instance_type, ANY, market),
                (ANY, offering.subnet, market),
                (ANY, ANY, market),
            )
            if key in self._until
        ]
        return max(found, default=None)


def host_sizes(pool: Pool, market: Market, refusals: Refusals) -> tuple[HostSize, ...]:
    """Return what may be asked for in a market now, the cheapest first."""
    groups: dict[tuple[Resources, int], list[InstanceType]] = {}
    for offered in pool.instance_types:
        groups.setdefault((offered.registered, offered.max_tasks), []).append(offered)
    sizes = []
    for (room, max_tasks), types in groups.items():
        free = [
            (offered, offering)
            for offered in types
            for offering in (Offering(offered.name, subnet) for subnet in pool.subnets)
            if refusals.until(offering, market) is None
        ]
        if free and room.is_a_size:
            price, most = free[0][0].usd_per_hour, 1 if pool.exclusive else max_tasks
            near = tuple(item for offered, item in free if offered.usd_per_hour <= DEAREST_STAND_IN * price)
            sizes.append(HostSize(room, most, price, near))
    return tuple(
        sorted(sizes, key=lambda size: (size.usd_per_hour, size.room, size.offerings[0].instance_type))
    )


def stand_ins(content: Resources, tasks: int, sizes: Sequence[HostSize]) -> tuple[HostSize, ...]:
    """Return the sizes that hold a load, the cheapest first, without those that would waste money."""
    fitting = [size for size in sizes if tasks <= size.max_tasks and content.fits(size.room)]
    return tuple(size for size in fitting if size.usd_per_hour <= DEAREST_STAND_IN * fitting[0].usd_per_hour)


def has_none(pool: Pool, size: Resources, refusals: Refusals) -> bool:
    """Say whether EC2 refuses all that would hold a size, in either market."""
    return all(
        refusals.until(Offering(offered.name, subnet), market) is not None
        for market in (pool.market, Market.ON_DEMAND)
        for offered in pool.instance_types
        if size.fits(offered.registered)
        for subnet in pool.subnets
    )


def asked_again(pool: Pool, size: Resources, refusals: Refusals) -> tuple[float, Collection[str]]:
    """Return when the first refusal of a type that holds a size is over, and in which subnets it was refused."""
    refused = [
        (until, offering.subnet)
        for market in (pool.market, Market.ON_DEMAND)
        for offered in pool.instance_types
        if size.fits(offered.registered)
        for offering in (Offering(offered.name, subnet) for subnet in pool.subnets)
        if (until := refusals.until(offering, market)) is not None
    ]
    return min(until for until, _ in refused), sorted({subnet for _, subnet in refused})
