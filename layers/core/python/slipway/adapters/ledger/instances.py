"""Container instances in the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from slipway.adapters.ledger.items import (
    GONE_TTL_SECONDS,
    gone_key,
    instance_from,
    instance_key,
    instance_to,
    keyed,
    load_to,
)
from slipway.adapters.ledger.table import Check, ConditionFailedError, Delete, Put, Table, Update, Write
from slipway.adapters.ledger.usage import usage_put
from slipway.domain.instances import Instance, InstanceState, Load
from slipway.domain.usage import usage_of_instance

_EXISTS = "attribute_exists(#pk)"
_IS_NEW = "attribute_not_exists(#pk)"
_TRIES = 4
# What a report writes. The rest belongs to ``add`` and the marks, which may run at the same time.
_REPORTED = (
    "state",
    "rank",
    "arn",
    "registered",
    "connected",
    "disconnected_at",
    "version",
    "ready_at",
    "draining_at",
)
_OF_THE_LAUNCH = (
    "instance_type",
    "subnet",
    "market",
    "template_version",
    "for_stopped_tier",
    "load",
    "usd_per_hour",
)


class DynamoInstances:
    """Implements ``ports.ledger.Instances``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, instances: Sequence[Instance]) -> None:
        """Record launched instances; what their events already told stays."""
        for instance in instances:
            if not self._insert(instance):
                item = instance_to(instance)
                facts = _known({name: item[name] for name in _OF_THE_LAUNCH})
                key = instance_key(instance.pool, instance.instance_id)
                self._try(Update(key, set=facts, condition=_EXISTS))

    def observe(self, instance: Instance) -> bool:
        """Fold what ECS reports; say whether anything that matters changed.

        ECS reports an instance at every task start and stop; a report whose status and connection are
        known is dropped before any write (events are about half of the control plane's cost).
        """
        key = instance_key(instance.pool, instance.instance_id)
        for _ in range(_TRIES):
            item = self._table.get(key)
            if item is None:
                if self._insert(instance):
                    return True
                if self._table.get(key) is None:
                    return False  # it is gone, and stays gone
                continue
            known = instance_from(item)
            merged = _merge(known, instance)
            if merged is None:
                return False
            unchanged = "#version = :version AND #rank = :rank"
            values = {"version": known.version, "rank": known.state.rank}
            over = ("disconnected_at",) if merged.disconnected_at is None else ()
            report = Update(key, set=_reported(merged), remove=over, condition=unchanged, values=values)
            if self._try(report):
                return True
        return False

    def mark_idle(self, pool: str, marks: Mapping[str, float | None]) -> None:
        """Set or clear since when instances hold no task."""
        for instance_id, since in marks.items():
            self._set_or_clear(pool, instance_id, "idle_since", since)

    def mark_stopped(self, pool: str, instance_id: str, *, at: float) -> bool:
        """Note that an instance which was to be stopped is; say whether that is news."""
        stopped = InstanceState.STOPPED
        change = {"state": stopped.value, "rank": stopped.rank, "stopped_at": at}
        values = {"warming": InstanceState.WARMING.value}
        key = instance_key(pool, instance_id)
        item = self._table.get(key)
        if item is None:
            return False
        stop = Update(key, set=change, condition="#state = :warming", values=values)
        return self._try_transact([stop, usage_put(usage_of_instance(instance_from(item), at))])

    def mark_started(self, pool: str, starts: Iterable[tuple[str, Load]], *, at: float) -> None:
        """Note that stopped instances were started, and for what."""
        launching = InstanceState.LAUNCHING
        values = {"stopped": InstanceState.STOPPED.value}
        for instance_id, load in starts:
            change = {
                "state": launching.value,
                "rank": launching.rank,
                "launched_at": at,
                "load": load_to(load) or None,
            }
            key = instance_key(pool, instance_id)
            self._try(Update(key, set=_known(change), condition="#state = :stopped", values=values))

    def mark_full(self, pool: str, instance_ids: Iterable[str], *, until: float) -> None:
        """Note that ECS finds less room on instances than their tasks leave."""
        for instance_id in instance_ids:
            self._set_or_clear(pool, instance_id, "full_until", until)

    def lose(self, pool: str, instance_id: str, *, at: float) -> Instance | None:
        """Note that EC2 takes an instance away: it takes no new task. Return it if it is the pool's."""
        key, draining = instance_key(pool, instance_id), InstanceState.DRAINING
        change = {"state": draining.value, "rank": draining.rank, "draining_at": at, "lost_at": at}
        is_earlier = Update(
            key, set=change, condition=f"{_EXISTS} AND #rank < :rank", values={"rank": draining.rank}
        )
        if not self._try(is_earlier) and not self._try(Update(key, set={"lost_at": at}, condition=_EXISTS)):
            return None
        item = self._table.get(key)
        return instance_from(item) if item else None

    def mark_draining(self, pool: str, instance_id: str, *, at: float) -> bool:
        """Note that an instance takes no new task; say whether that is news."""
        draining = InstanceState.DRAINING
        change = {"state": draining.value, "rank": draining.rank, "draining_at": at}
        key = instance_key(pool, instance_id)
        is_earlier = f"{_EXISTS} AND #rank < :rank"
        return self._try(Update(key, set=change, condition=is_earlier, values={"rank": draining.rank}))

    def mark_empty(self, pool: str, instance_id: str, *, at: float | None) -> None:
        """Note when ECS first listed no task on a draining instance; None when it listed one."""
        self._set_or_clear(pool, instance_id, "empty_at", at)

    def remove(self, pool: str, instance_id: str, *, at: float) -> bool:
        """Forget an instance that is terminated, leaving its usage; say whether it was known."""
        key = instance_key(pool, instance_id)
        item = self._table.get(key)
        if item is None:
            return False
        stone = {"why": "terminated", "expires_at": int(at) + GONE_TTL_SECONDS}
        # On condition, so that its usage is written once, whoever else says at the same time that it is gone.
        writes: list[Write] = [Put(keyed(gone_key(instance_id), stone)), Delete(key, condition=_EXISTS)]
        known = instance_from(item)
        if known.runs:  # of one that was stopped all is written
            writes.append(usage_put(usage_of_instance(known, at)))
        return self._try_transact(writes)

    def _try_transact(self, writes: Sequence[Write]) -> bool:
        try:
            self._table.transact(writes)
        except ConditionFailedError:
            return False
        return True

    def _insert(self, instance: Instance) -> bool:
        item = keyed(instance_key(instance.pool, instance.instance_id), instance_to(instance))
        return self._try_transact(
            [Check(gone_key(instance.instance_id), _IS_NEW), Put(item, condition=_IS_NEW)]
        )

    def _set_or_clear(self, pool: str, instance_id: str, name: str, value: float | None) -> None:
        key = instance_key(pool, instance_id)
        if value is None:
            self._try(Update(key, remove=(name,), condition=_EXISTS))
        else:
            self._try(Update(key, set={name: value}, condition=_EXISTS))

    def _try(self, write: Update) -> bool:
        try:
            self._table.write(write)
        except ConditionFailedError:
            return False
        return True


def _merge(known: Instance, seen: Instance) -> Instance | None:
    """Return the instance with what a newer report adds, or None if it adds nothing."""
    if seen.version and seen.version <= known.version:
        return None
    state = seen.state if seen.state.rank > known.state.rank else known.state
    is_news = state is not known.state or seen.connected != known.connected or known.arn is None
    if not is_news:
        return None
    ready_at = known.ready_at or (seen.ready_at if seen.connected else None)
    disconnected_at = None if seen.connected else known.disconnected_at or seen.disconnected_at
    draining_at = known.draining_at or seen.draining_at
    return replace(
        known,
        state=state,
        arn=seen.arn or known.arn,
        registered=seen.registered,
        connected=seen.connected,
        disconnected_at=disconnected_at,
        version=seen.version,
        ready_at=ready_at,
        draining_at=draining_at,
    )


def _reported(instance: Instance) -> dict[str, Any]:
    item = instance_to(instance)
    return _known({name: item[name] for name in _REPORTED})


def _known(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}
