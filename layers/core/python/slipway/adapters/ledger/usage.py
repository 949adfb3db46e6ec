"""Usage in the table: a partition a day, a line for each job, container and instance that ended on it."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.adapters.ledger.items import keyed
from slipway.adapters.ledger.table import Item, Key, Put, Table
from slipway.domain.runners import runs_one_job, task_id_of
from slipway.domain.usage import (
    KEPT_SECONDS,
    InstanceUsage,
    JobUsage,
    RunnerUsage,
    Usage,
    as_plain,
    day_of,
    ended_at,
    from_plain,
    kind_of,
)


class DynamoUsageRecords:
    """Implements ``ports.ledger.UsageRecords``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of_day(self, day: str, kind: str = "") -> Iterator[Usage]:
        """Read the lines of what ended on a day (UTC, ``2026-11-26``), or those of one kind (``job``) alone."""
        prefix = f"{kind.upper()}#" if kind else ""
        return map(_usage_from, self._table.query(_partition(day), prefix))


def usage_put(usage: Usage) -> Put:
    """Return the write of a line; it belongs into the transaction that records the end, so that there is one line."""
    kept_until = int(ended_at(usage)) + KEPT_SECONDS
    return Put(keyed(_key(usage), {**as_plain(usage), "expires_at": kept_until}))


def standing_line(table: Table, usage: Usage) -> Usage | None:
    """Return the line that lies where this one would."""
    item = table.get(_key(usage))
    return _usage_from(item) if item else None


def _key(usage: Usage) -> Key:
    return Key(_partition(day_of(usage)), f"{kind_of(usage).upper()}#{_name(usage)}")


def _partition(day: str) -> str:
    return f"USAGE#{day}"


def _name(usage: Usage) -> str:
    match usage:
        case JobUsage(runner_name=str(name)) if runs_one_job(name):
            # A job that GitHub tells again under another id has the same runner and end [GH-RERUN-COPIES].
            return f"{usage.job.organization}/{task_id_of(name)}"
        case JobUsage():
            return str(usage.job)
        case RunnerUsage():
            return usage.task_id
        case InstanceUsage():
            return f"{usage.instance_id}#{int(usage.launched_at)}"


def _usage_from(item: Item) -> Usage:
    return from_plain({name: value for name, value in item.items() if name not in ("pk", "sk", "expires_at")})
