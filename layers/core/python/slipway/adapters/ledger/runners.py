"""Runner tasks in the table: in their pool while they live, remembered as gone afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slipway.adapters.ledger.interruptions import interruption_to
from slipway.adapters.ledger.items import (
    GONE_TTL_SECONDS,
    gone_key,
    keyed,
    orphan_key,
    runner_from,
    runner_key,
    runner_to,
)
from slipway.adapters.ledger.table import (
    Check,
    ConditionFailedError,
    Delete,
    Key,
    Put,
    Table,
    Update,
    Write,
)
from slipway.adapters.ledger.usage import usage_put
from slipway.domain.interruptions import interruption_of
from slipway.domain.jobs import MAX_TEXT, JobEvent
from slipway.domain.reach import EVERYONE
from slipway.domain.runners import UNKNOWN_HOST, Runner, RunnerState, TaskHost
from slipway.domain.usage import RunnerUsage, usage_of_runner
from slipway.ports.ledger import Stopped

_EXISTS = "attribute_exists(#pk)"
_IS_NEW = "attribute_not_exists(#pk)"
# A group that several organizations share lets any of them run on the runner.
_IS_ITS_OWN = "(#organization = :organization OR #reach = :everyone)"


class DynamoRunners:
    """Implements ``ports.ledger.Runners``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, pool: str, task_id: str) -> Runner | None:
        """Return a runner whose task has not ended, if known."""
        item = self._table.get(runner_key(pool, task_id))
        return runner_from(item) if item else None

    def is_gone(self, task_id: str) -> bool:
        """Say whether this task is known to have ended."""
        return self._table.get(gone_key(task_id)) is not None

    def add(self, runners: Sequence[Runner]) -> None:
        """Record new tasks; those already known or already gone stay as they are.

        Events can overtake the reply that brings the tasks, so each is checked against the gone; all at
        once in the usual case, one by one when some were overtaken.
        """
        if not runners:
            return
        pairs = [self._addition(runner) for runner in runners]
        try:
            self._table.transact([write for pair in pairs for write in pair])
        except ConditionFailedError:
            for pair in pairs:
                self._try_transact(pair)

    def mark_running(self, pool: str, task_id: str, *, instance_arn: str, at: float) -> bool:
        """Note that ECS runs the task's container; say whether the task is known."""
        seen = {"instance_arn": instance_arn, "running_at": at}
        return self._try(Update(runner_key(pool, task_id), set=seen, condition=_EXISTS))

    def note_asked(self, pool: str, task_id: str, at: float) -> None:
        """Note that a task which has claimed nothing yet has asked again."""
        values = {"starting": RunnerState.STARTING.value}
        key, condition = runner_key(pool, task_id), "#state = :starting"
        self._try(Update(key, set={"asked_at": at}, condition=condition, values=values))

    def mark_busy(self, pool: str, task_id: str, event: JobEvent) -> Runner | None:
        """Note that the runner runs the event's job, if it is registered for the event's organization.

        Return it as it was before. Of one that was found busy this is the first word which job it runs, and whose.

        The organization is part of the condition: who may sign for one organization must not be able to
        move another's runners.
        """
        runs = {
            "job": str(event.key),
            "run_id": event.run_id,
            "organization": event.organization,  # of a shared group it may be another than the one it was made for
            "repository": event.repository,
        }
        key, own = runner_key(pool, task_id), _own(event.organization)
        becomes_busy = Update(
            key,
            # Our own clock: the job timeout rests on it.
            set={**runs, "state": RunnerState.BUSY.value, "busy_at": event.received_at},
            condition=f"#state = :registered AND {_IS_ITS_OWN}",
            values={"registered": RunnerState.REGISTERED.value, **own},
        )
        was_found_busy = Update(
            key,
            set=runs,
            condition=f"#state = :busy AND attribute_not_exists(#job) AND {_IS_ITS_OWN}",
            values={"busy": RunnerState.BUSY.value, **own},
        )
        return self._was(becomes_busy) or self._was(was_found_busy)

    def found_busy(self, pool: str, task_id: str, at: float) -> bool:
        """Note that a registered runner runs a job whose event was lost; say whether that is news.

        The job it was minted for goes: GitHub does not say which one it runs [GH-JIT-NOT-BOUND].
        """
        runs = {"state": RunnerState.BUSY.value, "busy_at": at}
        values = {"registered": RunnerState.REGISTERED.value}
        key, condition = runner_key(pool, task_id), "#state = :registered"
        return self._try(Update(key, set=runs, remove=("job",), condition=condition, values=values))

    def mark_ended(
        self, pool: str, task_id: str, *, at: float, why: str, organization: str | None = None
    ) -> Runner | None:
        """Note that the runner will never run a job again; with ``organization``, only if it is its own.

        Return it as it was before, None if that is no news.
        """
        condition, values = f"{_EXISTS} AND #state <> :gone", {"gone": RunnerState.GONE.value}
        if organization is not None:
            condition += f" AND {_IS_ITS_OWN}"
            values |= _own(organization)
        return self._was(self._ending(pool, task_id, at, why, condition, values))

    def dismiss(self, pool: str, task_id: str, *, at: float, why: str) -> bool:
        """End a runner that has claimed nothing yet; say whether it was still unclaimed."""
        values = {"starting": RunnerState.STARTING.value}
        return self._try(self._ending(pool, task_id, at, why, "#state = :starting", values))

    def remove(
        self,
        pool: str,
        task_id: str,
        *,
        at: float,
        why: str,
        host: TaskHost = UNKNOWN_HOST,
        run_again: bool = False,
    ) -> Stopped:
        """Note that ECS stopped the task: out of the pool, remembered as gone."""
        known = self.find(pool, task_id)
        stone = {"at": at, "why": why[:MAX_TEXT], "expires_at": int(at) + GONE_TTL_SECONDS}
        buried = Put(keyed(gone_key(task_id), stone))
        if known is None:
            # News all the same where its start was never recorded: the plan counted on it.
            is_news = not self.is_gone(task_id)
            self._table.write(buried)
            return Stopped(None, is_news)
        # On condition, so that its usage is written once, whoever else says at the same time that it stopped.
        taken_out = Delete(runner_key(pool, task_id), condition=_EXISTS)
        writes: list[Write] = [buried, taken_out, usage_put(_usage(known, host, at, why))]
        if known.ended_at is None and known.runner_id is not None:
            orphan = {
                "task_id": task_id,
                "runner_id": known.runner_id,
                "reach": known.reach,
                "at": at,
                "organization": known.organization,
            }
            writes.append(Put(keyed(orphan_key(pool, task_id), orphan)))
        if host.is_lost and run_again and (interrupted := interruption_of(known, at)):
            writes.append(Put(interruption_to(interrupted)))
        return Stopped(known if self._try_transact(writes) else None, is_news=True)

    def forget_orphan(self, pool: str, task_id: str, *, organization: str | None = None) -> None:
        """Note that the registration of a stopped task is gone; with ``organization``, only if it is its own."""
        condition, values = "", {}
        if organization is not None:
            condition = f"attribute_not_exists(#pk) OR {_IS_ITS_OWN}"
            values = _own(organization)
        try:
            self._table.write(Delete(orphan_key(pool, task_id), condition=condition, values=values))
        except ConditionFailedError:
            return  # another organization's: whoever says so speaks for itself alone

    def first_heard_of(self, task_id: str, at: float) -> float:
        """Return when an unknown task first claimed, noting ``at`` if this is the first time."""
        key = Key(f"UNKNOWN#{task_id}", "UNKNOWN")
        first = {"at": at, "expires_at": int(at) + GONE_TTL_SECONDS}
        try:
            self._table.write(Put(keyed(key, first), condition=_IS_NEW))
        except ConditionFailedError:
            item = self._table.get(key)
            return float(item["at"]) if item else at
        return at

    def _addition(self, runner: Runner) -> list[Write]:
        item = keyed(runner_key(runner.pool, runner.task_id), runner_to(runner))
        return [Check(gone_key(runner.task_id), _IS_NEW), Put(item, condition=_IS_NEW)]

    def _ending(
        self, pool: str, task_id: str, at: float, why: str, condition: str, values: dict[str, str]
    ) -> Update:
        ended = {"state": RunnerState.GONE.value, "ended_at": at, "ended_why": why}
        return Update(runner_key(pool, task_id), set=ended, condition=condition, values=values)

    def _was(self, change: Update) -> Runner | None:
        """Make a change and return the runner as it was before, None if it is otherwise than the change requires."""
        try:
            return runner_from(self._table.write(change, want="ALL_OLD"))
        except ConditionFailedError:
            return None

    def _try(self, write: Update) -> bool:
        try:
            self._table.write(write)
        except ConditionFailedError:
            return False
        return True

    def _try_transact(self, writes: Sequence[Write]) -> bool:
        try:
            self._table.transact(writes)
        except ConditionFailedError:
            return False
        return True


def _usage(known: Runner, host: TaskHost, at: float, why: str) -> RunnerUsage:
    """Return its line; that it ran was not told before it stopped, or will be told late."""
    placed = replace(known, instance_arn=known.instance_arn or host.instance_arn)
    return usage_of_runner(placed, at, why[:MAX_TEXT], lost_host=host.is_lost)


def _own(organization: str) -> dict[str, str]:
    return {"organization": organization, "everyone": EVERYONE}
