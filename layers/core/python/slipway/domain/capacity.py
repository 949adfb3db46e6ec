"""Capacity: which instances to ask EC2 for, within the pool's limits, for tasks that found no room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from slipway.domain.configuration import Market
from slipway.domain.filling import Filling, content_of, fill_cheaply
from slipway.domain.instances import InstanceState, Load
from slipway.domain.intents import LaunchInstances, Offering, StartInstances
from slipway.domain.matching import Shape
from slipway.domain.offerings import (
    MAX_OFFERINGS_PER_CALL,
    HostSize,
    Refusals,
    asked_again,
    has_none,
    host_sizes,
    stand_ins,
)
from slipway.domain.packing import FirstFit
from slipway.domain.policy import Policy
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import NOTHING, Resources, smallest
from slipway.domain.snapshot import REFUSED_LATELY_SECONDS, Snapshot

Launch = tuple[Market, tuple[HostSize, ...]]


def instances_allowed(snapshot: Snapshot, policy: Policy) -> int:
    """Return how many more instances may run: the pool's limit, less what runs, boots, drains or was asked for."""
    running = sum(instance.runs for instance in snapshot.instances)
    asked = sum(
        intent.request.count
        for intent in snapshot.intents
        if isinstance(intent.request, LaunchInstances | StartInstances)
    )
    return max(0, policy.pool.max_instances - running - asked)


def probes_allowed(snapshot: Snapshot, allowed: int) -> int:
    """Return how many of these may be launched while launches fail: none before the next try, then one at a time."""
    failures = snapshot.launch_failures
    if failures is None or not failures.is_circuit_open:
        return allowed
    under_way = any(instance.state is InstanceState.LAUNCHING for instance in snapshot.instances) or any(
        isinstance(intent.request, StartInstances)
        or (isinstance(intent.request, LaunchInstances) and not intent.request.for_stopped_tier)
        for intent in snapshot.intents
    )
    return 0 if under_way or snapshot.now < failures.next_try_at else min(allowed, 1)


@dataclass(slots=True)
class NewCapacity:
    """The new instances that one plan asks for. ``allowed`` is how many those may be."""

    policy: Policy
    snapshot: Snapshot
    allowed: int
    fell_short: bool = False  # the limit left some without a place
    _launches: dict[Launch, Counter[Load]] = field(default_factory=dict)
    _refusals: Refusals = field(init=False)
    _lately: Refusals = field(init=False)
    _markets: tuple[tuple[Market, tuple[HostSize, ...]], ...] = ()  # looked up when a task finds no room

    def __post_init__(self) -> None:
        now, unavailable = self.snapshot.now, self.snapshot.unavailable
        self._refusals = Refusals(unavailable, now)
        self._lately = Refusals(unavailable, now - REFUSED_LATELY_SECONDS)

    def may_be_had(self, size: Resources) -> bool:
        """Say whether an instance for a size may be asked for now."""
        return self.allowed > 0 and not has_none(self.policy.pool, size, self._refusals)

    def is_in_doubt(self, size: Resources) -> bool:
        """Say whether EC2 is asked again for a size of which it had none until a moment ago: it may refuse again."""
        pool = self.policy.pool
        return has_none(pool, size, self._lately) and not has_none(pool, size, self._refusals)

    def find(self, shapes: Sequence[Shape]) -> list[Reason]:
        """Ask for room for tasks, given in fair order; return for each what came of it.

        All of them get the cheapest instances. Where the pool's limit allows too few of those, it is filled up with
        the largest instances in the order given, so that the limit holds back those with the least claim.
        """
        if not shapes:
            return []
        self._look_up_markets()
        wanted = Counter(shapes)
        markets = {shape: self._market_for(shape.size) for shape in wanted}
        refused = {shape: self._refusal(shape.size) for shape, market in markets.items() if market is None}
        fillings = [
            (market, filling)
            for market, hosts in self._markets
            for filling in self._fill(market, hosts, wanted, markets)
        ]
        if sum(filling.times for _, filling in fillings) <= self.allowed:
            for market, filling in fillings:
                self._ask(market, filling.load, filling.times)
            starting = Reason(Why.INSTANCE_STARTING, {"since": self.snapshot.now})
            return [refused.get(shape, starting) for shape in shapes]
        return self._fill_up(shapes, markets, refused)

    def requests(self) -> tuple[LaunchInstances, ...]:
        """Return one request for each set of types that will do, the cheapest preferred."""
        return tuple(
            _request(market, sizes, loads)
            for (market, sizes), loads in sorted(
                self._launches.items(),
                key=lambda item: (item[0][0], item[0][1][0].offerings[0].instance_type, str(item[0])),
            )
        )

    def _look_up_markets(self) -> None:
        pool = self.policy.pool
        # EC2 does not fall back from Spot to On-Demand within one call [EC2-FLEET-INSTANT].
        markets = dict.fromkeys((pool.market, Market.ON_DEMAND))
        self._markets = tuple((market, host_sizes(pool, market, self._refusals)) for market in markets)

    def _market_for(self, size: Resources) -> Market | None:
        for market, hosts in self._markets:
            if any(size.fits(host.room) for host in hosts):
                return market
        return None

    def _fill(
        self,
        market: Market,
        hosts: Sequence[HostSize],
        wanted: Counter[Shape],
        markets: dict[Shape, Market | None],
    ) -> list[Filling]:
        here = {shape: count for shape, count in wanted.items() if markets[shape] is market}
        return fill_cheaply(here, hosts) if here else []

    def _fill_up(
        self, shapes: Sequence[Shape], markets: dict[Shape, Market | None], refused: dict[Shape, Reason]
    ) -> list[Reason]:
        self.fell_short = True
        hosts = dict(self._markets)
        opened: list[_NewBin] = []
        fit = FirstFit(opened)
        starting = Reason(Why.INSTANCE_STARTING, {"since": self.snapshot.now})
        over = self._over_limit()
        reasons = []
        for shape in shapes:
            market = markets[shape]
            if market is None:
                reasons.append(refused[shape])
                continue
            if fit.place(shape) is None:
                if len(opened) >= self.allowed:
                    reasons.append(over)
                    continue
                opened.append(_NewBin(market, hosts[market]))
                fit.place(shape)
            reasons.append(starting)
        for bin in opened:
            self._ask(bin.market, tuple(sorted(bin.load.items(), key=str)), 1)
        return reasons

    def _ask(self, market: Market, load: Load, times: int) -> None:
        tasks = sum(count for _, count in load)
        sizes = stand_ins(content_of(load), tasks, dict(self._markets)[market])
        self._launches.setdefault((market, sizes), Counter())[load] += times

    def _over_limit(self) -> Reason:
        failures = self.snapshot.launch_failures
        if failures is not None and failures.is_circuit_open:
            return Reason(
                Why.LAUNCHES_FAIL,
                {"failures": failures.count, "why": failures.why, "until": failures.next_try_at},
            )
        return Reason(Why.POOL_LIMIT, {"limit": self.policy.pool.max_instances})

    def _refusal(self, size: Resources) -> Reason:
        pool = self.policy.pool
        if not any(size.fits(offered.registered) for offered in pool.instance_types):
            return Reason(Why.TOO_LARGE, size.as_parameters())
        until, subnets = asked_again(pool, size, self._refusals)
        return Reason(Why.NO_CAPACITY, {"until": until, "subnets": ",".join(subnets)})


@dataclass(slots=True)
class _NewBin:
    """A new instance whose type is open: it keeps the sizes that still hold what it was given."""

    market: Market
    hosts: Sequence[HostSize]
    content: Resources = NOTHING
    load: Counter[Shape] = field(default_factory=Counter)

    def take(self, shape: Shape) -> bool:
        """Give it one more task, if any size holds that."""
        content, tasks = self.content + shape.size, self.load.total() + 1
        still = [host for host in self.hosts if tasks <= host.max_tasks and content.fits(host.room)]
        if not still:
            return False
        self.hosts, self.content = still, content
        self.load[shape] += 1
        return True


def for_stopped_tier(policy: Policy, snapshot: Snapshot, count: int) -> tuple[LaunchInstances, ...]:
    """Return the request for instances that boot only to be stopped; Spot ones cannot be [EC2-SPOT-NO-STOP]."""
    hosts = host_sizes(policy.pool, Market.ON_DEMAND, Refusals(snapshot.unavailable, snapshot.now))
    sizes = stand_ins(policy.slot, 1, hosts) if any(policy.slot.fits(host.room) for host in hosts) else ()
    if count < 1 or not sizes:
        return ()
    request = _request(Market.ON_DEMAND, sizes, {(): count})
    return (
        LaunchInstances(request.offerings, request.market, count, request.each, (), for_stopped_tier=True),
    )


def _request(
    market: Market, sizes: Sequence[HostSize], loads: Counter[Load] | dict[Load, int]
) -> LaunchInstances:
    offerings: list[Offering] = [offering for size in sizes for offering in size.offerings]
    return LaunchInstances(
        offerings=tuple(offerings[:MAX_OFFERINGS_PER_CALL]),
        market=market,
        count=sum(loads.values()),
        each=smallest(size.room for size in sizes),
        loads=tuple(sorted(loads.items(), key=str)),
    )
