"""Tiers: room that is kept free, and instances that are booted and stopped, in the numbers that the policy asks for."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.capacity import for_stopped_tier
from slipway.domain.demand import lost_hosts
from slipway.domain.draining import is_stale
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import LaunchInstances, being_started
from slipway.domain.launches import FailedLaunch
from slipway.domain.placing import Want, room_for
from slipway.domain.policy import Policy
from slipway.domain.rooms import stopped_instances
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control, Snapshot

DISPLACED_SECONDS = 300


@dataclass(frozen=True, slots=True)
class StoppedTier:
    """What to do about the stopped tier: instances to launch for it, instances of it (by id) to terminate."""

    launch: tuple[LaunchInstances, ...] = ()
    retire: tuple[str, ...] = ()


def room_to_keep(snapshot: Snapshot, policy: Policy) -> list[Want]:
    """Return the room that is kept free: headroom, and a slot for each job on a host that EC2 takes away.

    What those hosts run will be cut short and asked for again, or followed by more of its kind; two minutes'
    warning is more than an instance takes to boot [EC2-SPOT-NOTICE]. After some minutes it was not: a rebalance
    recommendation may be followed by nothing for hours.
    """
    lost = lost_hosts(snapshot, since=snapshot.now - DISPLACED_SECONDS)
    displaced = sum(
        runner.instance_arn in lost and runner.state in (RunnerState.REGISTERED, RunnerState.BUSY)
        for runner in (snapshot.runners if lost else ())
    )
    # All of one size: then the room that there is does not depend on the order in which it is looked at.
    slots = displaced + policy.tiers.headroom_slots
    slot = policy.slot
    return [room_for(slot)] * slots if slot.is_a_size else []


def stopped_tier(snapshot: Snapshot, policy: Policy, allowed: int, *, is_quiet: bool) -> StoppedTier:
    """Decide on the stopped tier: refilled and renewed only while nothing waits for an instance.

    An instance is renewed like any other, for its age or for a newer launch template, one at a time. ``allowed`` is
    how many instances may be launched. One that joined the cluster instead of powering off keeps its place in the
    tier while it lives: another one would do the same.
    """
    starting = being_started(snapshot.intents)
    stopped = [i for i in stopped_instances(snapshot) if i.instance_id not in starting]
    wanted = policy.tiers.stopped_instances
    if snapshot.control is Control.DRAIN:
        return StoppedTier(retire=tuple(instance.instance_id for instance in stopped))
    if not is_quiet or snapshot.control is not Control.RUN:
        return StoppedTier()
    coming = _coming(snapshot)
    surplus = len(stopped) - wanted
    if surplus > 0:
        return StoppedTier(retire=tuple(instance.instance_id for instance in stopped[:surplus]))
    missed = sum(instance.missed_the_tier for instance in snapshot.instances)
    missing = min(wanted - len(stopped) - coming - missed, allowed)
    if missing > 0 and not _is_held_back(snapshot):
        return StoppedTier(launch=for_stopped_tier(policy, snapshot, missing))
    stale = [instance for instance in stopped if _is_stale(instance, snapshot, policy)]
    if coming or not allowed:
        return StoppedTier()
    return StoppedTier(retire=tuple(instance.instance_id for instance in stale[:1]))


def missed_launches(snapshot: Snapshot) -> tuple[FailedLaunch, ...]:
    """Return the launches for the tier whose hosts joined the cluster, those that were not counted yet."""
    missed = [instance for instance in snapshot.instances if instance.missed_the_tier]
    counted_to = snapshot.tier_failures.last_at if snapshot.tier_failures else 0.0
    why = "its host joined the cluster instead of powering off"
    return tuple(
        FailedLaunch(instance.launched_at, snapshot.now, why, of_tier=True)
        for instance in sorted(missed, key=lambda instance: instance.instance_id)
        if instance.launched_at > counted_to
    )


def _is_held_back(snapshot: Snapshot) -> bool:
    """Say whether launches fail, the tier's own or any: then what is scarce is not spent on the tier."""
    of_tier, failures = snapshot.tier_failures, snapshot.launch_failures
    is_backing_off = of_tier is not None and snapshot.now < of_tier.tier_next_try_at
    return is_backing_off or (failures is not None and failures.is_circuit_open)


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
    return is_stale(instance, since, snapshot, policy)
