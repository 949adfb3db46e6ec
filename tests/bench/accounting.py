"""What accounting adds for each job: what holds it up, remembered, and the usage lines of all that ended.

Calls and units are those of the simulated loop's table in memory, by DynamoDB's rules [DDB-CAPACITY]; waits are model
time. Run with ``make bench`` or ``python -m tests.bench.accounting``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.memory_ledger import MemoryTable
from local.reports.accounts import quantile
from local.simulator.configuration import configuration_for
from local.simulator.policies.policy import Task
from local.simulator.policies.slipway import run_slipway
from local.simulator.workload.scenarios import make_workload
from local.simulator.workload.windows import Size, Window
from local.twin.aws.attribute_values import item_size
from local.twin.latency import LatencyModel
from slipway.adapters.ledger.table import Item, Put, Table, Update, Write, to_wire
from slipway.domain.usage import JobUsage
from slipway.services import apply
from tests.support.metering import Meter

SEED = 1
# Jobs that find warm slots for the most part, and bursts that meet nothing.
SCENARIOS = (("working-day", Size(10_000, Window(8.0, 1.0))), ("cold-start", Size(10_000, Window(0.0, 24.0))))


@dataclass(slots=True)
class Written:
    """What the writes of accounting come to: how many of each kind, and the bytes of usage lines."""

    calls: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)

    def see(self, write: Write) -> None:
        """Count a write if it is accounting's."""
        if isinstance(write, Update) and "held" in write.set:
            self.calls["of a record" if write.key.pk.startswith("JOB#") else "of an entry"] += 1
        if isinstance(write, Put) and write.item["pk"].startswith("USAGE#"):
            kind = f"{write.item['kind']} lines"
            self.calls[kind] += 1
            self.bytes[kind] += _size(write.item)

    @contextmanager
    def watched(self, table: type[Table]) -> Iterator[None]:
        """See every write of a table while the block lasts."""
        write, transact = table.write, table.transact

        def seen(one: Table, what: Any, *, want: str = "NONE") -> Item:
            self.see(what)
            return write(one, what, want=want)

        def seen_all(one: Table, writes: Sequence[Write]) -> None:
            transact(one, writes)  # of a transaction that is refused nothing is kept
            for what in writes:
                self.see(what)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(table, "write", seen)
            patch.setattr(table, "transact", seen_all)
            yield


def run(scenario: str, size: Size, *, remembers: bool) -> dict[str, Any]:
    """Run a scenario; return what was counted, for each job."""
    meter, written = Meter(), Written()
    task = Task(make_workload(scenario, SEED, size), configuration_for(10_000), LatencyModel.modelled(), SEED)
    with pytest.MonkeyPatch.context() as patch, meter.metered_table(), written.watched(MemoryTable):
        if not remembers:
            patch.setattr(apply, "newly_held", lambda _snapshot, _plan: {})
        outcome = run_slipway(task)
    jobs = len(outcome.jobs)
    lines = [line for line in outcome.usage if isinstance(line, JobUsage)]
    waits = [job.started_at - job.queued_at for job in outcome.jobs if job.started_at is not None]
    return {
        "jobs": jobs,
        "wait_p50": quantile(waits, 0.5),
        "wait_p90": quantile(waits, 0.9),
        "jobs_held_up": sum(bool(line.held) for line in lines),
        "chapters": sum(len(line.held) for line in lines),
        "write_units": _each(meter.table.write_units + meter.refused.write_units, jobs),
        "read_units": _each(meter.table.read_units, jobs),
        "writes": {name: _each(count, jobs) for name, count in sorted(written.calls.items())},
        "bytes": {name: round(written.bytes[name] / written.calls[name]) for name in sorted(written.bytes)},
    }


def _each(amount: float, jobs: int) -> float:
    return round(amount / jobs, 3)


def _size(item: Mapping[str, Any]) -> int:
    return int(item_size(to_wire(item)))


if __name__ == "__main__":
    for scenario, size in SCENARIOS:
        for remembers in (True, False):
            figures = run(scenario, size, remembers=remembers)
            print(json.dumps({"scenario": scenario, "remembers": remembers, **figures}))
