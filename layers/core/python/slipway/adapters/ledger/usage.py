"""Usage in the table: a partition a day, a line for each job, container and instance that ended on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from slipway.adapters.ledger.items import keyed, resources_to
from slipway.adapters.ledger.table import Item, Key, Put, Table
from slipway.domain.jobs import JobKey
from slipway.domain.resources import Resources
from slipway.domain.usage import (
    KEPT_SECONDS,
    InstanceUsage,
    JobUsage,
    RunnerUsage,
    Usage,
    day_of,
    ended_at,
)

_KINDS: dict[str, type[Usage]] = {"JOB": JobUsage, "RUNNER": RunnerUsage, "INSTANCE": InstanceUsage}
_KIND_OF = {kind: name for name, kind in _KINDS.items()}


class DynamoUsageRecords:
    """Implements ``ports.ledger.UsageRecords``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of_day(self, day: str) -> Iterator[Usage]:
        """Read the lines of what ended on a day (UTC, ``2026-11-26``)."""
        return map(_usage_from, self._table.query(_partition(day)))


def usage_put(usage: Usage) -> Put:
    """Return the write of a line; it belongs into the transaction that records the end, so that there is one line."""
    body = {one.name: getattr(usage, one.name) for one in fields(usage)}
    known = {name: _plain(value) for name, value in body.items() if value is not None}
    kept_until = int(ended_at(usage)) + KEPT_SECONDS
    return Put(keyed(_key(usage), {**known, "expires_at": kept_until}))


def _key(usage: Usage) -> Key:
    kind = _KIND_OF[type(usage)]
    return Key(_partition(day_of(usage)), f"{kind}#{_name(usage)}")


def _partition(day: str) -> str:
    return f"USAGE#{day}"


def _name(usage: Usage) -> str:
    match usage:
        case JobUsage():
            return str(usage.job)
        case RunnerUsage():
            return usage.task_id
        case InstanceUsage():
            return f"{usage.instance_id}#{int(usage.launched_at)}"


def _plain(value: Any) -> Any:
    if isinstance(value, JobKey):
        return str(value)
    return resources_to(value) if isinstance(value, Resources) else value


def _usage_from(item: Item) -> Usage:
    kind = _KINDS[item["sk"].partition("#")[0]]
    body = {name: value for name, value in item.items() if name not in ("pk", "sk", "expires_at")}
    for name in ("size", "registered"):
        if name in body:
            body[name] = Resources(*body[name])
    if "job" in body:
        body["job"] = JobKey.parse(body["job"])
    return kind(**{"instance_arn": None, **body} if kind is not JobUsage else body)
