"""Draining: which instances take no new work, and which may end. Nothing busy is ever among the latter."""

from __future__ import annotations

from slipway.domain.configuration import Pool
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import RunTasks
from slipway.domain.snapshot import Control, Snapshot


def idle_marks(snapshot: Snapshot) -> dict[str, float | None]:
    """Return the instances whose idle mark changes: since when they hold no task, or None for no longer."""
    held = _arns_with_tasks(snapshot)
    marks: dict[str, float | None] = {}
    for instance in snapshot.instances:
        if instance.state is InstanceState.READY:
            is_empty = instance.arn not in held
            if is_empty and instance.idle_since is None:
                marks[instance.instance_id] = snapshot.now
            elif not is_empty and instance.idle_since is not None:
                marks[instance.instance_id] = None
    return marks


def to_drain(snapshot: Snapshot, pool: Pool, *, starts_tasks: bool) -> tuple[str, ...]:
    """Return the instances that should take no new task.

    One job an instance: as soon as its task is placed (another RunTask could land there between the task's
    end and the instance's [ECS-DRAIN-RACE]). Otherwise when idle past the pool's timeout, but never while
    a RunTask is under way: ECS chooses where its tasks land.
    """
    held = _arns_with_tasks(snapshot)
    unsettled = starts_tasks or _is_run_unanswered(snapshot)

    def should_drain(instance: Instance) -> bool:
        if instance.state is not InstanceState.READY:
            return False
        if snapshot.control is Control.DRAIN or (pool.exclusive and instance.arn in held):
            return True
        idle = instance.idle_since is not None and instance.arn not in held
        return (
            idle and not unsettled and snapshot.now - (instance.idle_since or 0) >= pool.idle_timeout_seconds
        )

    return tuple(sorted(i.instance_id for i in snapshot.instances if should_drain(i)))


def to_end(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the draining instances that hold no task in the ledger; ECS is asked twice before they end.

    None while a RunTask has no answer: its tasks may have been placed before the instance drained.
    """
    if _is_run_unanswered(snapshot):
        return ()
    held = _arns_with_tasks(snapshot)
    return tuple(
        sorted(
            instance.instance_id
            for instance in snapshot.instances
            if instance.state is InstanceState.DRAINING and instance.arn not in held
        )
    )


def _arns_with_tasks(snapshot: Snapshot) -> frozenset[str | None]:
    return frozenset(runner.instance_arn for runner in snapshot.runners if runner.instance_arn)


def _is_run_unanswered(snapshot: Snapshot) -> bool:
    return any(isinstance(intent.request, RunTasks) for intent in snapshot.intents)
