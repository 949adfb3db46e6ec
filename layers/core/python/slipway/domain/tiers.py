"""Tiers: room that is kept free, and instances that are booted and stopped, in the numbers that the policy asks for."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.capacity import for_stopped_tier
from slipway.domain.demand import lost_hosts
from slipway.domain.draining import is_outdated
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import LaunchInstances, StartInstances
from slipway.domain.placing import Want, room_for
from slipway.domain.policy import Policy
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control, Snapshot


@dataclass(frozen=True, slots=True)
class StoppedTier:
    """What to do about the stopped tier: instances to launch for it, instances of it (by id) to terminate."""

    launch: tuple[LaunchInstances, ...] = ()
    retire: tuple[str, ...] = ()


def room_to_keep(snapshot: Snapshot, policy: Policy) -> list[Want]:
    """Return the room that is kept free: headroom, and a slot for each job on a host that EC2 takes away.

    What those hosts run will be cut short and asked for again, or followed by more of its kind; two minutes'
    warning is more than an instance takes to boot [EC2-SPOT-NOTICE].
    """
    lost = lost_hosts(snapshot)
    displaced = sum(
        runner.instance_arn in lost and runner.state in (RunnerState.REGISTERED, RunnerState.BUSY)
        for runner in snapshot.runners
    )
    # All of one size: then the room that there is does not depend on the order in which it is looked at.
    slots = displaced + policy.tiers.headroom_slots
    return [room_for(policy.slot)] * slots if policy.slot.is_a_size else []


def stopped_tier(snapshot: Snapshot, policy: Policy, allowed: int, *, is_quiet: bool) -> StoppedTier:
    """Decide on the stopped tier: refilled and renewed only while nothing waits for an instance.

    An instance is renewed like any other, for its age or for a newer launch template; one at a time, so that the
    tier is never empty. ``allowed`` is how many instances may be launched.
    """
    stopped = _stopped(snapshot)
    wanted = policy.tiers.stopped_instances
    if snapshot.control is Control.DRAIN:
        return StoppedTier(retire=tuple(instance.instance_id for instance in stopped))
    if not is_quiet or snapshot.control is not Control.RUN:
        return StoppedTier()
    coming = _coming(snapshot)
    surplus = len(stopped) - wanted
    if surplus > 0:
        return StoppedTier(retire=tuple(instance.instance_id for instance in stopped[:surplus]))
    missing = min(wanted - len(stopped) - coming, allowed)
    if missing > 0:
        return StoppedTier(launch=for_stopped_tier(policy, snapshot, missing))
    stale = [instance for instance in stopped if _is_stale(instance, snapshot, policy)]
    if coming or not allowed:
        return StoppedTier()
    return StoppedTier(retire=tuple(instance.instance_id for instance in stale[:1]))


def _stopped(snapshot: Snapshot) -> list[Instance]:
    """Return the stopped instances that nobody is starting, the longest stopped first."""
    starting = {
        instance_id
        for intent in snapshot.intents
        if isinstance(intent.request, StartInstances)
        for instance_id in intent.request.instance_ids
    }
    stopped = [
        instance
        for instance in snapshot.instances
        if instance.state is InstanceState.STOPPED and instance.instance_id not in starting
    ]
    return sorted(stopped, key=lambda instance: (instance.stopped_at or 0.0, instance.instance_id))


def _coming(snapshot: Snapshot) -> int:
    warming = sum(instance.state is InstanceState.WARMING for instance in snapshot.instances)
    asked = sum(
        intent.request.count
        for intent in snapshot.intents
        if isinstance(intent.request, LaunchInstances) and intent.request.for_stopped_tier
    )
    return warming + asked


def _is_stale(instance: Instance, snapshot: Snapshot, policy: Policy) -> bool:
    since = instance.stopped_at if instance.stopped_at is not None else instance.launched_at
    return snapshot.now - since >= policy.pool.max_age_seconds or is_outdated(instance, snapshot)
