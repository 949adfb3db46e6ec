"""Capacity: how many instances of which types to ask EC2 for, within the pool's limit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from slipway.domain.configuration import InstanceType, Market, Pool
from slipway.domain.instances import InstanceState
from slipway.domain.intents import LaunchInstances
from slipway.domain.packing import Bin, empty_bin, place
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import Resources
from slipway.domain.snapshot import Snapshot


@dataclass(slots=True)
class NewCapacity:
    """Instances that are being decided on for one pool; each takes jobs first fit."""

    pool: Pool
    snapshot: Snapshot
    bins: list[Bin] = field(default_factory=list)
    _chosen: Counter[tuple[Market, InstanceType]] = field(default_factory=Counter)

    def add(self, size: Resources) -> Reason:
        """Find room for one task on the new instances, opening another where allowed; say what came of it."""
        if place(size, self.bins):
            return Reason(Why.INSTANCE_STARTING, {"since": self.snapshot.now})
        if not any(size.fits(offered.registered) for offered in self.pool.instance_types):
            return Reason(Why.TOO_LARGE, {"cpu_units": size.cpu_units, "memory_mib": size.memory_mib})
        if self._existing() + self._chosen.total() >= self.pool.max_instances:
            return Reason(Why.POOL_LIMIT, {"limit": self.pool.max_instances})
        choice = self._choose(size)
        if choice is None:
            return Reason(Why.NO_CAPACITY, {"until": self._asked_again_at(size)})
        self._chosen[choice] += 1
        opened = empty_bin("new", choice[1].registered, exclusive=self.pool.exclusive)
        opened.take(size)
        self.bins.append(opened)
        return Reason(Why.INSTANCE_STARTING, {"since": self.snapshot.now})

    def requests(self) -> tuple[LaunchInstances, ...]:
        """Return one request for each kind of instance chosen, the types that would do as well behind it."""
        return tuple(
            LaunchInstances(
                types=(chosen.name, *self._as_good(chosen, market)),
                market=market,
                count=count,
                each=chosen.registered,
            )
            for (market, chosen), count in sorted(
                self._chosen.items(), key=lambda item: (item[0][0], item[0][1].name)
            )
        )

    def _existing(self) -> int:
        alive = sum(instance.state is not InstanceState.GONE for instance in self.snapshot.instances)
        asked = sum(
            intent.request.count
            for intent in self.snapshot.intents
            if isinstance(intent.request, LaunchInstances)
        )
        return alive + asked

    def _choose(self, size: Resources) -> tuple[Market, InstanceType] | None:
        """Pick the first type that fits and is not refused right now; On-Demand where Spot has none left."""
        for market in dict.fromkeys((self.pool.market, Market.ON_DEMAND)):
            for offered in self.pool.instance_types:
                if size.fits(offered.registered) and not self._is_refused(offered.name, market):
                    return market, offered
        return None

    def _as_good(self, chosen: InstanceType, market: Market) -> tuple[str, ...]:
        return tuple(
            other.name
            for other in self.pool.instance_types
            if other != chosen
            and chosen.registered.fits(other.registered)
            and not self._is_refused(other.name, market)
        )

    def _asked_again_at(self, size: Resources) -> float:
        """Return when the first refusal of a type that would do is over."""
        fitting = {offered.name for offered in self.pool.instance_types if size.fits(offered.registered)}
        markets = (self.pool.market, Market.ON_DEMAND)
        return min(
            offering.until
            for offering in self.snapshot.unavailable
            if offering.until > self.snapshot.now
            and offering.instance_type in fitting
            and offering.market in markets
        )

    def _is_refused(self, instance_type: str, market: Market) -> bool:
        return any(
            offering.instance_type == instance_type
            and offering.market is market
            and offering.until > self.snapshot.now
            for offering in self.snapshot.unavailable
        )
