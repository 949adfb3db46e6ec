"""Soundness: what in a snapshot cannot be true is set aside: with it no plan acts more than without it.

A snapshot is made of events that AWS and GitHub sent and of two clocks that may differ. A plan must neither fail
on it nor launch because of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from slipway.domain.instances import Instance, InstanceState
from slipway.domain.launches import BACK_OFF_AT_MOST_SECONDS, LaunchFailures
from slipway.domain.resources import NOTHING
from slipway.domain.snapshot import Snapshot

OTHER_POOL, TWICE, NO_SIZE = "belongs to another pool", "is there twice", "registered without CPU or memory"
SKEW_SECONDS = 300  # how far two clocks may differ; what lies farther ahead was never a time
_LONG_AGO = 0.0
_PAST = (
    "launched_at",
    "disconnected_at",
    "stopped_at",
    "ready_at",
    "idle_since",
    "lost_at",
    "draining_at",
    "empty_at",
)
_MOMENTS = attrgetter(*_PAST)


@dataclass(frozen=True, slots=True)
class Sound:
    """A snapshot that a plan can trust, and why each instance (by id) that was left out of it was."""

    snapshot: Snapshot
    set_aside: dict[str, str]

    def may_end(self, instance_id: str) -> bool:
        """Say whether an instance is ours to end: one without any size is, for nobody else would."""
        return self.set_aside.get(instance_id) in (None, NO_SIZE)


def sound(snapshot: Snapshot) -> Sound:
    """Return the snapshot without what cannot be true.

    An instance of another pool, or one that is there twice, gives no room and is neither drained nor ended, but
    counts towards the pool's limit as before; one without any size gives none either, and ends like any that is
    idle. Times that lie a little ahead of ``now`` become now, those farther ahead count as long past: else a clock
    that ran ahead would keep an instance for as long.
    """
    seen = Counter(instance.instance_id for instance in snapshot.instances)
    set_aside: dict[str, str] = {}
    instances = []
    for instance in snapshot.instances:
        fault = _fault(instance, snapshot.pool, seen)
        if fault is None:
            instances.append(_not_ahead(instance, snapshot.now))
        elif instance.instance_id not in set_aside:
            set_aside[instance.instance_id] = fault
            is_ours = fault == NO_SIZE
            instances.append(_not_ahead(instance, snapshot.now) if is_ours else _inert(instance, snapshot))
    until = snapshot.now + BACK_OFF_AT_MOST_SECONDS
    return Sound(
        replace(
            snapshot,
            instances=tuple(instances),
            unavailable=tuple(
                item if item.until <= until else replace(item, until=until) for item in snapshot.unavailable
            ),
            launch_failures=_failed_by(snapshot.launch_failures, snapshot.now),
            tier_failures=_failed_by(snapshot.tier_failures, snapshot.now),
            start_failures=tuple(
                replace(failures, last_at=min(failures.last_at, snapshot.now))
                for failures in snapshot.start_failures
            ),
        ),
        set_aside,
    )


def _failed_by(failures: LaunchFailures | None, now: float) -> LaunchFailures | None:
    return replace(failures, last_at=min(failures.last_at, now)) if failures else None


def _fault(instance: Instance, pool: str, seen: Counter[str]) -> str | None:
    if seen[instance.instance_id] > 1:
        return TWICE
    if instance.pool != pool:
        return OTHER_POOL
    if not instance.registered.is_a_size:
        return NO_SIZE
    return None


def _inert(instance: Instance, snapshot: Snapshot) -> Instance:
    """Return what is left of an instance that cannot be: something that runs, and that no plan touches."""
    return Instance(
        instance_id=instance.instance_id,
        pool=snapshot.pool,
        state=InstanceState.DRAINING,
        registered=NOTHING,
        launched_at=snapshot.now,
    )


def _not_ahead(instance: Instance, now: float) -> Instance:
    ahead: dict[str, Any] = {}
    for name, at in zip(_PAST, _MOMENTS(instance), strict=True):
        if at is not None and at > now:
            ahead[name] = now if at - now <= SKEW_SECONDS else _LONG_AGO
    until = instance.full_until
    if until is not None and until > now + BACK_OFF_AT_MOST_SECONDS:
        ahead["full_until"] = now + BACK_OFF_AT_MOST_SECONDS
    return replace(instance, **ahead) if ahead else instance
