"""Workflow jobs in the table: a record for ever forward, and an entry in the pool while it waits."""

from __future__ import annotations

from typing import Any

from slipway.adapters.ledger.items import (
    JOB_TTL_SECONDS,
    held_to,
    keyed,
    record_from,
    record_key,
    record_partition,
    waiting_key,
    waiting_to,
)
from slipway.adapters.ledger.table import ConditionFailedError, Delete, Put, Table, Update, Write
from slipway.adapters.ledger.usage import standing_line, usage_put
from slipway.domain.demand import retry_delay_seconds
from slipway.domain.held import Story
from slipway.domain.jobs import JobEvent, JobKey, JobState
from slipway.domain.matching import Place, Route
from slipway.domain.runners import runs_one_job
from slipway.domain.snapshot import WaitingJob
from slipway.domain.usage import JobUsage, usage_of_job
from slipway.ports.ledger import JobRecord, Recorded


class DynamoJobs:
    """Implements ``ports.ledger.Jobs``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def record(self, event: JobEvent, route: Route | None) -> Recorded | None:
        """Move a job forward; None if it did not move.

        Record and entry change in one transaction: without it, a late ``queued`` which is recorded first
        and entered last could leave an entry behind for a job that has completed meanwhile.
        """
        if event.action is JobState.QUEUED:
            return self._queue(event, route) if route else None
        # Whoever is overtaken looks again: each time the job has moved on, and it has three states.
        while _moves(known := self.find(event.key), event):
            # Labels and bounds of profiles may have changed since it was queued: it still counts where it waited.
            place = (known.place if known else None) or (route.place if route else None)
            if place is None:
                return None
            line = _usage_of(event, place, known) if event.action is JobState.COMPLETED else None
            is_copy = line is not None and known is None and self._is_told_already(line)
            writes: list[Write] = [self._forward(event, place, known), *_not_waiting(event, place, known)]
            if line is not None and not is_copy:
                writes.append(usage_put(line))
            if self._try(writes):
                return Recorded(place, known, is_copy=is_copy)
        return None

    def waits(self, pool: str, key: JobKey) -> bool:
        """Say whether a job waits in a pool."""
        return self._table.get(waiting_key(pool, key)) is not None

    def find(self, key: JobKey) -> JobRecord | None:
        """Return the record of a job, if any."""
        item = self._table.get(record_key(key))
        return record_from(item) if item else None

    def attempts(self, job_id: int) -> list[JobRecord]:
        """Return the records that bear a job id, of whichever organization and attempt."""
        return [record_from(item) for item in self._table.query(record_partition(job_id))]

    def note_untaken(self, pool: str, key: JobKey, *, task_id: str, at: float) -> None:
        """Note that the runner made for a waiting job idled in vain; it is offered again later and later."""
        waiting = waiting_key(pool, key)
        item = self._table.get(waiting)
        if item is None or item.get("offered_to") != task_id:
            return
        untaken = int(item.get("untaken", 0)) + 1
        noted = {"untaken": untaken, "untaken_by": task_id, "retry_at": at + retry_delay_seconds(untaken)}
        is_uncounted = "#offered_to = :task AND #untaken_by <> :task"
        try:
            self._table.write(Update(waiting, set=noted, condition=is_uncounted, values={"task": task_id}))
        except ConditionFailedError:
            return  # it has been taken or offered anew meanwhile, or this runner is counted

    def note_asked(self, pool: str, key: JobKey, *, at: float) -> None:
        """Note that GitHub was asked whether a job still waits, if it does by our account."""
        self._while_it_waits(
            Update(waiting_key(pool, key), set={"asked_at": at}, condition="attribute_exists(#pk)")
        )

    def note_held(self, pool: str, key: JobKey, held: Story) -> None:
        """Replace what is remembered to have held a job up, while it is queued: with its record, and while it waits.

        The entry says what is remembered, so it comes last: whoever dies between the two has the next plan write both.
        """
        noted = {"held": held_to(held)}
        queued = {"queued": JobState.QUEUED.rank}
        self._while_it_waits(
            Update(record_key(key), set=noted, condition="#rank = :queued", values=queued),
            Update(waiting_key(pool, key), set=noted, condition="attribute_exists(#pk)"),
        )

    def drop(self, pool: str, key: JobKey) -> None:
        """Let a job wait no longer in a pool; its record stays."""
        self._table.write(Delete(waiting_key(pool, key)))

    def _while_it_waits(self, *notes: Update) -> None:
        try:
            for note in notes:
                self._table.write(note)
        except ConditionFailedError:
            return  # it waits no longer

    def _is_told_already(self, line: JobUsage) -> bool:
        """Say whether the one job that a runner of ours ran has its line already, under another id."""
        if not runs_one_job(line.runner_name or ""):
            return False
        standing = standing_line(self._table, line)
        return isinstance(standing, JobUsage) and standing.job != line.job

    def _queue(self, event: JobEvent, route: Route) -> Recorded | None:
        entry = Put(keyed(waiting_key(route.pool, event.key), waiting_to(waiting_job(event, route))))
        return Recorded(route.place) if self._try([self._forward(event, route.place, None), entry]) else None

    def _try(self, writes: list[Write]) -> bool:
        try:
            self._table.transact(writes)
        except ConditionFailedError:
            return False
        return True

    def _forward(self, event: JobEvent, place: Place, before: JobRecord | None) -> Update:
        """Return the write of a record; it is made only while ``before`` is what is known."""
        rank = event.action.rank
        attributes: dict[str, Any] = {
            "key": str(event.key),
            "state": event.action.value,
            "rank": rank,
            "pool": place.pool,
            "profile": place.profile,
            "organization": event.organization,
            "repository": event.repository,
            "queued_at": event.queued_at,
            "heard_at": event.received_at if event.action is JobState.QUEUED else None,
            "started_at": event.started_at if rank >= JobState.IN_PROGRESS.rank else None,
            "completed_at": event.completed_at,
            "conclusion": event.conclusion,
            "runner_name": event.runner_name,
            "expires_at": int(event.received_at) + JOB_TTL_SECONDS,
        }
        known = {name: value for name, value in attributes.items() if value is not None}
        condition, values = "attribute_not_exists(#rank)", {}
        if before is not None:
            condition, values = "#rank = :before", {"before": before.state.rank}
        return Update(record_key(event.key), set=known, condition=condition, values=values)


def _moves(known: JobRecord | None, event: JobEvent) -> bool:
    """Say whether an event tells more of a job than is known."""
    if event.may_be_of_a_check_run:
        # Believed of a job that is known to have started: one that waits must go on waiting.
        return known is not None and known.state is JobState.IN_PROGRESS
    return known is None or known.state.rank < event.action.rank


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


def _not_waiting(event: JobEvent, place: Place, known: JobRecord | None) -> list[Delete]:
    """Return what takes a job out of wherever it waited."""
    pools = sorted({place.pool} | ({known.pool} if known else set()))
    return [Delete(waiting_key(pool, event.key)) for pool in pools]


def _usage_of(event: JobEvent, place: Place, known: JobRecord | None) -> JobUsage:
    if known is None:
        return usage_of_job(event, place, None)
    return usage_of_job(known.fill(event), place, known.heard_at, known.held)
