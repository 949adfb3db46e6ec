"""``ecs-managed-scaling``: ECS cluster auto scaling on an Auto Scaling group, as documented, with its defaults.

Where the documents leave a choice, the one that helps the peer is taken: the image is in the AMI; the group has one
type and one zone, so that a step follows the metric (with several it is the minimum step [ECS-CAS-STEPS]); tasks are
placed by binpack, and a task that waited is given the first room that comes up, before it is tried again. Scaling in
acts on the fifteenth metric without the alarm's and the policy's own delays. A pool of ``isolation: instance`` holds
one task an instance, but the instance is used again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from local.simulator.outcome import Outcome
from local.simulator.policies.baseline_world import BaselineWorld, Run
from local.simulator.policies.ecs_tasks import ask_again, ask_for_task, start_task
from local.simulator.policies.hosts import Host, Rooms
from local.simulator.policies.policy import Task
from local.simulator.policies.served import cheapest_type, tasks_per_host
from local.simulator.policies.target_tracking import (
    MINUTES_BELOW,
    instances_for,
    reservation,
    scale_in,
    scale_out,
)
from local.simulator.policies.target_tracking import TARGET_CAPACITY as TARGET
from local.simulator.policies.waiting import WaitingTasks
from local.twin.clock import Scheduled
from local.twin.latency import Phase
from slipway.domain.configuration import InstanceType, Pool
from slipway.domain.matching import Shape
from slipway.domain.resources import largest

NAME = "ecs-managed-scaling"
PROVISIONING_LIMIT = 500  # tasks of one cluster that may wait for capacity [ECS-CAS-PROVISIONING]
PROVISIONING_TIMEOUT = (600.0, 1800.0)  # seconds after which such a task is stopped [ECS-CAS-PROVISIONING]
_MINUTE = 60.0


def run_managed_scaling(task: Task) -> Outcome:
    """Run a workload on ECS clusters that scale themselves."""
    world = BaselineWorld(task, NAME)
    return world.play(_ManagedScaling(world))


@dataclass(slots=True, eq=False)
class _Group:
    """A capacity provider, its Auto Scaling group of one type, and the tasks that wait for it."""

    pool: Pool
    type: InstanceType
    hosts: dict[int, Host] = field(default_factory=dict)
    rooms: Rooms = field(default_factory=Rooms)
    waiting: WaitingTasks = field(default_factory=WaitingTasks)
    timeouts: dict[int, Scheduled] = field(default_factory=dict)
    steps: int = 0
    is_detecting: bool = False
    is_ticking: bool = False
    warm_at: float = float("-inf")
    minutes_below: int = 0
    scaled_out_at: float = float("-inf")

    @property
    def needed(self) -> int:
        """Return M: the instances that hold tasks, and those that the waiting ones need."""
        used = sum(not host.is_empty for host in self.hosts.values())
        max_tasks = tasks_per_host(self.pool, self.type)
        return used + instances_for(self.waiting.demand(), self.type, max_tasks)


class _ManagedScaling:
    """Implements ``Operator``."""

    def __init__(self, world: BaselineWorld) -> None:
        self._world = world
        self._groups = _groups(world)

    def learned(self, run: Run) -> None:
        ask_for_task(self._world, run, self._submit)

    def leaving(self, host: Host) -> None:
        group = self._group_of(host)
        group.rooms.remove(host)
        group.hosts.pop(host.number, None)
        self._watch(group)

    def gone(self, host: Host) -> None:
        self._watch(self._group_of(host))

    def freed(self, host: Host) -> None:
        group = self._group_of(host)
        group.rooms.changed(host)
        self._place_waiting(group, host)

    def _group_of(self, host: Host) -> _Group:
        return next(g for g in self._groups.values() if g.pool is host.pool and g.type is host.type)

    def _submit(self, run: Run) -> None:
        group = self._groups[run.served.pool.name, run.served.shape]
        host = group.rooms.fullest_for(run.size)
        if host is not None:
            self._place(group, run, host, 0.0)
        elif self._provisioning(group.pool) >= PROVISIONING_LIMIT:
            ask_again(self._world, run, self._submit)  # refused [ECS-CAS-PROVISIONING]; the function fails
        else:
            self._let_wait(group, run)

    def _provisioning(self, pool: Pool) -> int:
        groups = {id(group): group for group in self._groups.values() if group.pool is pool}
        return sum(len(group.waiting) for group in groups.values())

    def _let_wait(self, group: _Group, run: Run) -> None:
        group.waiting.add(run)
        timeout = self._world.draws.chance(run.index, "provisioning", run.calls).uniform(
            *PROVISIONING_TIMEOUT
        )
        group.timeouts[run.index] = self._world.later(timeout, partial(self._time_out, group, run))
        self._watch(group)

    def _time_out(self, group: _Group, run: Run) -> None:
        """ECS stops a task that waited too long; the function hears of it and asks anew."""
        group.waiting.remove(run)
        del group.timeouts[run.index]
        self._world.later(self._world.delay(run, Phase.EVENT_DELAY), partial(self.learned, run))

    def _place(self, group: _Group, run: Run, host: Host, seconds: float) -> None:
        host.take(run)
        group.rooms.changed(host)
        start_task(self._world, run, host, seconds, Phase.IMAGE_FIRST_TOUCH)

    def _place_waiting(self, group: _Group, host: Host) -> None:
        while not host.is_leaving and (run := group.waiting.next_for(host)) is not None:
            group.waiting.remove(run)
            group.timeouts.pop(run.index).cancel()
            self._place(group, run, host, self._world.delay(run, Phase.CAS_PLACEMENT_RETRY))

    def _watch(self, group: _Group) -> None:
        """Let the metric, the alarm and target tracking take their time, once no instance warms up [ECS-CAS-WARMUP]."""
        if not group.waiting or group.is_detecting or self._world.may_launch(group.pool) <= 0:
            self._tick_on(group)
            return
        group.is_detecting = True
        group.steps += 1
        name = f"step {group.steps} of {group.pool.name} {group.type.name}"
        phases = (Phase.CAS_METRIC_PUBLISH, Phase.CAS_ALARM_EVALUATION, Phase.CAS_TRACKING_TO_LAUNCH)
        blocked = max(0.0, group.warm_at - self._world.clock.now())
        delay = blocked + sum(self._world.draws.of(name, phase) for phase in phases)
        self._world.later(delay, partial(self._step, group))

    def _step(self, group: _Group) -> None:
        """Launch what the metric of this moment asks for."""
        if (wait := self._world.capacity_in(group.pool)) > 0:
            self._world.later(wait, partial(self._step, group))  # the group goes on trying
            return
        group.is_detecting = False
        count = scale_out(group.needed, len(group.hosts)) if group.waiting else 0
        for _ in range(min(count, self._world.may_launch(group.pool))):
            self._launch(group)
        self._tick_on(group)

    def _launch(self, group: _Group) -> None:
        world = self._world
        host = world.launch(group.pool, group.type)
        group.hosts[host.number] = host
        group.scaled_out_at = world.clock.now()
        running = world.draws.of(host.name, Phase.PENDING_TO_RUNNING)
        registered = sum(
            world.draws.of(host.name, phase)
            for phase in (Phase.RUNNING_TO_REGISTERED, Phase.REGISTERED_TO_CONNECTED)
        )
        warm_up = world.draws.of(host.name, Phase.CAS_WARMUP)
        group.warm_at = max(group.warm_at, world.clock.now() + running + warm_up)
        world.later(running + registered, partial(self._ready, group, host))

    def _ready(self, group: _Group, host: Host) -> None:
        host.ready_at = self._world.clock.now()
        if host.ended_at is None and not host.is_leaving:
            group.rooms.add(host)
            self._place_waiting(group, host)
            self._watch(group)

    def _tick_on(self, group: _Group) -> None:
        if not group.is_ticking and (group.hosts or group.waiting):
            group.is_ticking = True
            self._world.later(_MINUTE - self._world.clock.now() % _MINUTE, partial(self._tick, group))

    def _tick(self, group: _Group) -> None:
        """Read the metric of a minute."""
        group.is_ticking = False
        needed, running = group.needed, len(group.hosts)
        group.minutes_below = group.minutes_below + 1 if reservation(needed, running) < TARGET else 0
        is_rested = self._world.clock.now() >= group.scaled_out_at + MINUTES_BELOW * _MINUTE
        if group.minutes_below >= MINUTES_BELOW and is_rested:
            empty = [host for host in group.rooms if host.is_empty]
            for host in sorted(empty, key=lambda host: host.number)[: scale_in(needed, running)]:
                group.rooms.remove(host)
                del group.hosts[host.number]
                self._world.terminate(host)
        self._watch(group)


def _groups(world: BaselineWorld) -> dict[tuple[str, Shape], _Group]:
    """Return a group for each pool: of its first type that holds all of its tasks.

    Where no type holds all, each shape has the group of the cheapest type that holds it: in one group the tasks which
    do not fit the smallest type would wait for ever [ECS-CAS-SMALLEST].
    """
    shapes: dict[str, dict[Shape, Pool]] = {}
    for run in world.runs:
        shapes.setdefault(run.served.pool.name, {})[run.served.shape] = run.served.pool
    groups: dict[tuple[str, str], _Group] = {}
    found: dict[tuple[str, Shape], _Group] = {}
    for name, pools in shapes.items():
        fitting = {shape: pool for shape, pool in pools.items() if cheapest_type(pool, shape.size)}
        most = largest(shape.size for shape in fitting)
        for shape, pool in fitting.items():
            holds_all = (kind for kind in pool.instance_types if most.fits(kind.registered))
            kind = next(holds_all, None) or cheapest_type(pool, shape.size)
            if kind is not None:
                group = groups.setdefault((name, kind.name), _Group(pool, kind))
                found[name, shape] = group
    return found
