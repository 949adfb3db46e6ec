"""Rooms: the room of a pool's instances as a snapshot tells of it, now and to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from slipway.domain.configuration import Market
from slipway.domain.demand import unanswered_tasks
from slipway.domain.instances import Instance, InstanceState, Load
from slipway.domain.intents import Intent, LaunchInstances, Offering, RunTasks, being_started
from slipway.domain.launches import REGISTERS_WITHIN_SECONDS, WARMS_WITHIN_SECONDS
from slipway.domain.offerings import Refusals
from slipway.domain.packing import Bin, FirstFit, a_bin, fullest_first
from slipway.domain.policy import Policy
from slipway.domain.resources import Resources
from slipway.domain.snapshot import Snapshot

LOADED_SECONDS = 120  # what an instance was started for is placed in the first convergences after it came up
AWAY_SECONDS = 90  # agents come and go several times an hour, as a rule for seconds [ECS-AGENT-RECONNECTS]


@dataclass(slots=True)
class Rooms:
    """The room that there is or may be.

    ``usable``: where ECS would place a task now, the fullest first. ``booting``: on its way. ``stopped``: could be
    started, with the offering by instance id. ``sizes``: what each usable instance would hold if it were empty.
    ``since``: when each that boots was launched, started or asked for.
    """

    usable: list[Bin]
    booting: list[Bin]
    stopped: list[Bin]
    offerings: dict[str, Offering]
    sizes: dict[str, Resources]
    since: dict[str, float]


def rooms_of(snapshot: Snapshot, policy: Policy, leaving: Collection[str]) -> Rooms:
    """Return a pool's room, without the instances that are ``leaving``: they are about to be drained.

    A task holds its room until ECS reports it stopped, also when its runner is done. A RunTask without an answer
    holds its room already.
    """
    held = _held(snapshot)
    staying = [
        instance
        for instance in snapshot.instances
        if instance.lost_at is None and instance.instance_id not in leaving
    ]
    usable = [
        i for i in staying if i.is_usable and not (i.full_until is not None and i.full_until > snapshot.now)
    ]
    coming = sorted(
        (instance for instance in staying if _is_coming(instance, snapshot.now)),
        key=lambda instance: (instance.launched_at, instance.instance_id),
    )
    rooms = Rooms(
        usable=fullest_first(_bin(i, held, policy, _load(i, held, snapshot.now)) for i in usable),
        booting=[_bin(i, held, policy, _load(i, held, snapshot.now)) for i in coming],
        stopped=[],
        offerings={},
        sizes={instance.instance_id: instance.registered for instance in usable},
        since={instance.instance_id: instance.launched_at for instance in coming},
    )
    _add_stopped(rooms, snapshot, policy)
    for intent in _by_age(snapshot):
        asked_for = list(_asked_for(intent, policy))
        rooms.booting += asked_for
        rooms.since.update({bin.name: intent.created_at for bin in asked_for})
    fit = FirstFit(rooms.usable)
    for shape in sorted(
        unanswered_tasks(snapshot).elements(), key=lambda shape: (shape.size, shape.profile), reverse=True
    ):
        fit.place(shape)
    return rooms


def overdue(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the instances that should have registered by now, or stopped, and did not: they never will."""
    limits = {InstanceState.LAUNCHING: REGISTERS_WITHIN_SECONDS, InstanceState.WARMING: WARMS_WITHIN_SECONDS}
    return tuple(
        sorted(
            instance.instance_id
            for instance in snapshot.instances
            if instance.state in limits and snapshot.now - instance.launched_at > limits[instance.state]
        )
    )


def overbooked(
    snapshot: Snapshot, refusing: Collection[str | None], size: Resources, token: str
) -> tuple[str, ...]:
    """Return the instances, among those refusing a task for want of room, that have it by our account.

    None while another RunTask is under way: its tasks may have taken the room, and are not recorded yet. ``token`` is
    the one that was refused.
    """
    if any(isinstance(i.request, RunTasks) and i.token != token for i in snapshot.intents):
        return ()
    held = _held(snapshot)
    wrong = []
    for instance in snapshot.instances:
        if instance.arn is not None and instance.arn in refusing:
            cpu, memory, gpus, _ = held[instance.arn]
            if size.fits(instance.registered - Resources(cpu, memory, gpus)):
                wrong.append(instance.instance_id)
    return tuple(sorted(wrong))


def _held(snapshot: Snapshot) -> dict[str, list[int]]:
    """Return CPU units, MiB, GPUs and tasks that are taken, by container instance."""
    held: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for runner in snapshot.runners:
        if runner.instance_arn is not None:
            size, sums = runner.shape.size, held[runner.instance_arn]
            sums[0] += size.cpu_units
            sums[1] += size.memory_mib
            sums[2] += size.gpus
            sums[3] += 1
    return held


def _bin(instance: Instance, held: dict[str, list[int]], policy: Policy, load: Load = ()) -> Bin:
    most, room = policy.max_tasks_on(instance.instance_type), instance.registered
    if instance.arn is None or instance.arn not in held:
        return a_bin(instance.instance_id, room, most, load)
    cpu, memory, gpus, tasks = held[instance.arn]
    free = Resources(room.cpu_units - cpu, room.memory_mib - memory, room.gpus - gpus)
    return a_bin(instance.instance_id, free, most - tasks, load)


def _is_coming(instance: Instance, now: float) -> bool:
    """Say whether an instance will be usable soon: it boots, or its agent is away for a moment."""
    if instance.state is InstanceState.LAUNCHING:
        return now - instance.launched_at <= REGISTERS_WITHIN_SECONDS
    away_since = instance.disconnected_at if instance.disconnected_at is not None else instance.launched_at
    return (
        instance.state is InstanceState.READY and not instance.connected and now - away_since <= AWAY_SECONDS
    )


def _load(instance: Instance, held: Collection[str], now: float) -> Load:
    """Return what an instance was started for, until its first task or for a while after it came up."""
    is_over = instance.arn in held or (
        instance.ready_at is not None and now - instance.ready_at > LOADED_SECONDS
    )
    return () if is_over else instance.load


def _add_stopped(rooms: Rooms, snapshot: Snapshot, policy: Policy) -> None:
    """Add the stopped instances that may be started, and among those that boot the ones being started."""
    starting = being_started(snapshot.intents)
    refusals = Refusals(snapshot.unavailable, snapshot.now)
    for instance in stopped_instances(snapshot):
        offering = Offering(instance.instance_type, instance.subnet or "")
        if instance.instance_id in starting:
            load, since = starting[instance.instance_id]
            rooms.booting.append(_bin(instance, {}, policy, load))
            rooms.since[instance.instance_id] = since
        elif _may_start(instance, snapshot.now) and refusals.until(offering, Market.ON_DEMAND) is None:
            rooms.stopped.append(_bin(instance, {}, policy))
            rooms.since[instance.instance_id] = snapshot.now
            rooms.offerings[instance.instance_id] = offering


def _may_start(instance: Instance, now: float) -> bool:
    is_held_back = instance.full_until is not None and instance.full_until > now
    return instance.registered.is_a_size and not is_held_back


def stopped_instances(snapshot: Snapshot) -> list[Instance]:
    """Return the stopped instances, the longest stopped first."""
    stopped = (instance for instance in snapshot.instances if instance.state is InstanceState.STOPPED)
    return sorted(stopped, key=lambda instance: (instance.stopped_at or 0.0, instance.instance_id))


def _by_age(snapshot: Snapshot) -> list[Intent]:
    return sorted(snapshot.intents, key=lambda intent: (intent.created_at, intent.token))


def _asked_for(intent: Intent, policy: Policy) -> Iterator[Bin]:
    request = intent.request
    if isinstance(request, LaunchInstances) and not request.for_stopped_tier:
        most = min(policy.max_tasks_on(name) for name in request.types)
        for number in range(request.count):
            yield a_bin(f"{intent.token}-{number}", request.each, most, request.load_of(number))
