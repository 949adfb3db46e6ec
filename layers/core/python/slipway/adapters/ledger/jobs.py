"""Workflow jobs in the table: a record for ever forward, and an entry in the pool while it waits."""

from __future__ import annotations

from typing import Any

from slipway.adapters.ledger.items import (
    JOB_TTL_SECONDS,
    keyed,
    record_from,
    record_key,
    waiting_key,
    waiting_to,
)
from slipway.adapters.ledger.table import ConditionFailedError, Delete, Put, Table, Update
from slipway.domain.jobs import JobEvent, JobKey, JobState
from slipway.domain.matching import Route
from slipway.domain.snapshot import WaitingJob
from slipway.ports.ledger import JobRecord


class DynamoJobs:
    """Implements ``ports.ledger.Jobs``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def record(self, event: JobEvent, route: Route) -> bool:
        """Move a job forward; say whether it moved.

        Record and entry change in one transaction: without it, a late ``queued`` which is recorded first
        and entered last could leave an entry behind for a job that has completed meanwhile.
        """
        entry: Put | Delete
        if event.action is JobState.QUEUED:
            key = waiting_key(route.pool, event.key)
            entry = Put(keyed(key, waiting_to(waiting_job(event, route))))
        else:
            entry = Delete(waiting_key(route.pool, event.key))
        try:
            self._table.transact([self._forward(event, route), entry])
        except ConditionFailedError:
            return False
        return True

    def find(self, key: JobKey) -> JobRecord | None:
        """Return the record of a job, if any."""
        item = self._table.get(record_key(key))
        return record_from(item) if item else None

    def drop(self, pool: str, key: JobKey) -> None:
        """Let a job wait no longer in a pool; its record stays."""
        self._table.write(Delete(waiting_key(pool, key)))

    def _forward(self, event: JobEvent, route: Route) -> Update:
        rank = event.action.rank
        attributes: dict[str, Any] = {
            "key": str(event.key),
            "state": event.action.value,
            "rank": rank,
            "pool": route.pool,
            "organization": event.organization,
            "repository": event.repository,
            "queued_at": event.queued_at,
            "started_at": event.started_at if rank >= JobState.IN_PROGRESS.rank else None,
            "completed_at": event.completed_at,
            "conclusion": event.conclusion,
            "runner_name": event.runner_name,
            "expires_at": int(event.received_at) + JOB_TTL_SECONDS,
        }
        is_new_or_further = "attribute_not_exists(#rank) OR #rank < :rank"
        known = {name: value for name, value in attributes.items() if value is not None}
        return Update(record_key(event.key), set=known, condition=is_new_or_further, values={"rank": rank})


def waiting_job(event: JobEvent, route: Route) -> WaitingJob:
    """Return the waiting job that a ``queued`` event and its route make."""
    return WaitingJob(
        key=event.key,
        pool=route.pool,
        shape=route.shape,
        label_key=route.label_key,
        labels=event.labels,
        organization=event.organization,
        organization_id=event.organization_id,
        repository=event.repository,
        run_id=event.run_id,
        queued_at=event.queued_at,
        installation_id=event.installation_id,
    )
