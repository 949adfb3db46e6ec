"""Draining: which instances take no new work, and which may end. Nothing busy is ever among the latter.

``held`` are everywhere the container instances that hold a task: a plan works them out once.
"""

from __future__ import annotations

from collections.abc import Collection

from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import RunTasks
from slipway.domain.policy import Policy
from slipway.domain.snapshot import Control, Snapshot

DISCONNECTED_SECONDS = 600  # an empty host whose agent stays away this long is replaced
STALE_SHARE = 10  # one in ten of the hosts that take tasks may be drained at once for its age


def idle_marks(snapshot: Snapshot, held: Collection[str]) -> dict[str, float | None]:
    """Return the instances whose idle mark changes: since when they hold no task, or None for no longer."""
    marks: dict[str, float | None] = {}
    for instance in snapshot.instances:
        if instance.state is InstanceState.READY:
            is_empty = instance.arn not in held
            if is_empty and instance.idle_since is None:
                marks[instance.instance_id] = snapshot.now
            elif not is_empty and instance.idle_since is not None:
                marks[instance.instance_id] = None
    return marks


def to_drain_first(snapshot: Snapshot, policy: Policy, held: Collection[str]) -> tuple[str, ...]:
    """Return the instances that take no new task whatever waits: the plan must not count on their room.

    All of them when the pool drains. Those that EC2 takes away. In exclusive pools those with a task: another
    RunTask could land there between the task's end and the instance's [ECS-DRAIN-RACE]. Empty ones whose agent stays
    away. And those past their age, or of an older launch template: the empty ones first, and few at a time, for each
    must be made good.
    """
    ready = [instance for instance in snapshot.instances if instance.state is InstanceState.READY]
    if snapshot.control is Control.DRAIN:
        return _sorted(ready)
    now = [
        instance
        for instance in ready
        if instance.lost_at is not None
        or (policy.pool.exclusive and instance.arn in held)
        or (instance.arn not in held and _is_cut_off(instance, snapshot.now))
    ]
    going = {instance.instance_id for instance in now}
    rest = [instance for instance in ready if instance.instance_id not in going]
    stale = [i for i in rest if is_stale(i, i.launched_at, snapshot, policy)]
    budget = max(1, len(ready) // STALE_SHARE) - _renewals_under_way(snapshot, policy)
    if snapshot.launch_failures is not None:
        budget = 0  # what is drained now might not be made good
    stale.sort(key=lambda instance: (instance.arn in held, instance.launched_at, instance.instance_id))
    return _sorted([*now, *stale[: max(0, budget)]])


def idle_to_drain(
    snapshot: Snapshot, policy: Policy, held: Collection[str], untouched: Collection[str]
) -> tuple[str, ...]:
    """Return the idle instances that nobody needs: empty past the pool's timeout, and left alone by the plan.

    ``untouched`` are those on which the plan counts for nothing, headroom included. Draining comes before RunTask, so
    that no task of this plan lands there; while an earlier RunTask has no answer one may have landed already.
    """
    if any(isinstance(intent.request, RunTasks) for intent in snapshot.intents):
        return ()
    timeout = policy.pool.idle_timeout_seconds
    return _sorted(
        [
            instance
            for instance in snapshot.instances
            if instance.state is InstanceState.READY
            and instance.instance_id in untouched
            and instance.arn not in held
            and instance.idle_since is not None
            and snapshot.now - instance.idle_since >= timeout
        ]
    )


def to_end(snapshot: Snapshot, held: Collection[str]) -> tuple[str, ...]:
    """Return the draining instances that hold no task in the ledger; ECS is asked twice before they end.

    None while a RunTask has no answer: its tasks may have been placed before the instance drained.
    """
    if any(isinstance(intent.request, RunTasks) for intent in snapshot.intents):
        return ()
    return _sorted(
        [
            instance
            for instance in snapshot.instances
            if instance.state is InstanceState.DRAINING and instance.arn not in held
        ]
    )


def arns_with_tasks(snapshot: Snapshot) -> frozenset[str]:
    """Return the container instances that hold a task, whatever its runner does."""
    return frozenset(runner.instance_arn for runner in snapshot.runners if runner.instance_arn)


def _is_cut_off(instance: Instance, now: float) -> bool:
    return (
        not instance.connected
        and instance.disconnected_at is not None
        and now - instance.disconnected_at >= DISCONNECTED_SECONDS
    )


def _renewals_under_way(snapshot: Snapshot, policy: Policy) -> int:
    """Count the stale hosts that drain, and what boots as long as no host of the newest template has come up.

    A version that does not come up must not empty a pool that is well.
    """
    draining = sum(
        instance.state is InstanceState.DRAINING
        and is_stale(instance, instance.launched_at, snapshot, policy)
        for instance in snapshot.instances
    )
    is_proven = snapshot.template_version is None or any(
        instance.ready_at is not None and instance.template_version == snapshot.template_version
        for instance in snapshot.instances
    )
    booting = sum(instance.state is InstanceState.LAUNCHING for instance in snapshot.instances)
    return draining + (0 if is_proven else booting)


def is_stale(instance: Instance, since: float, snapshot: Snapshot, policy: Policy) -> bool:
    """Say whether an instance that has been what it is ``since`` then is past its age, or of an older template."""
    return snapshot.now - since >= policy.pool.max_age_seconds or is_outdated(instance, snapshot)


def is_outdated(instance: Instance, snapshot: Snapshot) -> bool:
    """Say whether the pool's launch template has a newer version than the instance was made from."""
    made_from, newest = instance.template_version, snapshot.template_version
    return made_from is not None and newest is not None and made_from < newest


def _sorted(instances: Collection[Instance]) -> tuple[str, ...]:
    """Return the ids, the longest empty first."""
    longest = sorted(instances, key=lambda i: (i.idle_since is None, i.idle_since or 0.0, i.instance_id))
    return tuple(instance.instance_id for instance in longest)
