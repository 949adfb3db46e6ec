"""``ecs-managed-instances``: AWS launches, packs and ends the instances of the cluster.

From zero to a container it takes about 40 s (measured once, [ECS-MI-TIMING]); most of the rest is not published, and
what is assumed helps the peer: a task that waits is given room on an instance that boots; tasks that wait together are
packed as cheaply as Slipway packs them; there is no limit of waiting tasks and no time-out. Its AMI is AWS's, so our
image is pulled on each instance [ECS-MI-NO-AMI]. Spot does not fall back to On-Demand. An instance that is idle ends
after ``scaleInAfter``, whose default is not documented: 300 s is an estimate [ECS-MI-SCALE-IN]. The management fee is
not known to us, and is taken for 0.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from local.simulator.outcome import Outcome
from local.simulator.policies.baseline_world import BaselineWorld, Run
from local.simulator.policies.ecs_tasks import ask_for_task, start_task
from local.simulator.policies.hosts import Host, Rooms
from local.simulator.policies.policy import Task
from local.simulator.policies.served import sizes_of
from local.simulator.policies.waiting import WaitingTasks
from local.twin.latency import Phase
from slipway.domain.configuration import Pool
from slipway.domain.filling import Filling, fill_cheaply

NAME = "ecs-managed-instances"
SCALE_IN_AFTER_SECONDS = 300.0  # an estimate [ECS-MI-SCALE-IN]
_BOOT = (
    Phase.CREATE_FLEET_CALL,
    Phase.PENDING_TO_RUNNING,
    Phase.RUNNING_TO_REGISTERED_BOTTLEROCKET,
    Phase.REGISTERED_TO_CONNECTED,
)


def run_managed_instances(task: Task) -> Outcome:
    """Run a workload on capacity that AWS manages."""
    world = BaselineWorld(task, NAME)
    return world.play(_ManagedInstances(world))


@dataclass(slots=True, eq=False)
class _Provider:
    """The capacity provider of a pool."""

    pool: Pool
    rooms: Rooms = field(default_factory=Rooms)
    waiting: WaitingTasks = field(default_factory=WaitingTasks)
    decisions: int = 0
    is_deciding: bool = False


class _ManagedInstances:
    """Implements ``Operator``."""

    def __init__(self, world: BaselineWorld) -> None:
        self._world = world
        pools = {run.served.pool.name: run.served.pool for run in world.runs}
        self._providers = {name: _Provider(pool) for name, pool in pools.items()}

    def learned(self, run: Run) -> None:
        ask_for_task(self._world, run, self._submit)

    def leaving(self, host: Host) -> None:
        self._providers[host.pool.name].rooms.remove(host)

    def gone(self, host: Host) -> None:
        self._decide_soon(self._providers[host.pool.name])

    def freed(self, host: Host) -> None:
        provider = self._providers[host.pool.name]
        provider.rooms.changed(host)
        while not host.is_leaving and (waiting := provider.waiting.next_for(host)) is not None:
            provider.waiting.remove(waiting)
            self._place(provider, waiting, host)
        self._end_if_idle_later(host)

    def _submit(self, run: Run) -> None:
        provider = self._providers[run.served.pool.name]
        host = provider.rooms.fullest_for(run.size)
        if host is not None:
            self._place(provider, run, host)
        else:
            provider.waiting.add(run)
            self._decide_soon(provider)

    def _place(self, provider: _Provider, run: Run, host: Host) -> None:
        host.take(run)
        provider.rooms.changed(host)
        until_ready = max(0.0, host.ready_at - self._world.clock.now())
        start_task(self._world, run, host, until_ready, Phase.IMAGE_PULL)

    def _decide_soon(self, provider: _Provider) -> None:
        if provider.waiting and not provider.is_deciding and self._world.may_launch(provider.pool) > 0:
            provider.is_deciding = True
            provider.decisions += 1
            name = f"decision {provider.decisions} of {provider.pool.name}"
            delay = self._world.draws.of(name, Phase.MANAGED_INSTANCES_DECISION)
            self._world.later(delay, partial(self._decide, provider))

    def _decide(self, provider: _Provider) -> None:
        """Launch instances for all that waits, as far as the pool's limit allows."""
        if (wait := self._world.capacity_in(provider.pool)) > 0:
            self._world.later(wait, partial(self._decide, provider))
            return
        provider.is_deciding = False
        for filling in fill_cheaply(provider.waiting.demand(), sizes_of(provider.pool)):
            for _ in range(min(filling.times, self._world.may_launch(provider.pool))):
                self._launch(provider, filling)

    def _launch(self, provider: _Provider, filling: Filling) -> None:
        world = self._world
        name = filling.host.offerings[0].instance_type
        kind = next(kind for kind in provider.pool.instance_types if kind.name == name)
        host = world.launch(provider.pool, kind)
        host.ready_at = world.clock.now() + sum(world.draws.of(host.name, phase) for phase in _BOOT)
        for shape, count in Counter(dict(filling.load)).items():
            for _ in range(count):
                run = provider.waiting.oldest(shape)
                provider.waiting.remove(run)
                self._place(provider, run, host)
        provider.rooms.add(host)

    def _end_if_idle_later(self, host: Host) -> None:
        if host.is_empty:
            host.idle_since = self._world.clock.now()
            self._world.later(SCALE_IN_AFTER_SECONDS, partial(self._end_if_idle, host, host.idle_since))

    def _end_if_idle(self, host: Host, idle_since: float) -> None:
        if host.ended_at is None and host.is_empty and host.idle_since == idle_since and not host.is_leaving:
            provider = self._providers[host.pool.name]
            provider.rooms.remove(host)
            self._world.terminate(host)
            self._decide_soon(provider)
