"""A fault after something was committed: its pools are looked at at once, and the message comes again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.errors import UnavailableError
from slipway.domain.jobs import JobState, encode_job_event
from slipway.domain.runners import RunnerState, runner_name
from slipway.ports.ledger import Ledger
from slipway.services.observe import Observe
from slipway.services.scale import Batch, Scale
from tests.builders import NOW, POOL, a_runner, a_task_id, an_instance
from tests.contract.ledger_cases import ROUTE, an_event
from tests.unit.domain.test_events import CONFIGURATION, SPOT_WARNING, TASK_ID, a_host_event, a_task_event

NAME = runner_name("slipway", "medium", a_task_id(1))
QUEUED, RUNS = an_event(), an_event(JobState.IN_PROGRESS, 2, runner_name=NAME)
STOPPED = json.dumps(a_task_event(lastStatus="STOPPED", desiredStatus="STOPPED"))


def fails_once(monkeypatch: pytest.MonkeyPatch, part: object, name: str) -> None:
    """Let one call of a part of the ledger, or of a cluster, fail; the next ones succeed."""
    real, left = getattr(type(part), name), [UnavailableError("throttled")]

    def call(*args: Any, **kwargs: Any) -> Any:
        if left:
            raise left.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr(type(part), name, call)


class Agents:
    """A cluster of which hosts are drained."""

    def __init__(self) -> None:
        self.drained: list[str] = []

    def drain(self, arn: str) -> None:
        self.drained.append(arn)


CLUSTER = Agents()


def scale_of(ledger: Ledger) -> Scale:
    unused = cast("Any", None)
    observe = Observe(CONFIGURATION, ledger, {POOL: cast("Any", CLUSTER)})
    return Scale(observe, unused, unused, "jobs", unused, {})


def nothing(_ledger: Ledger) -> None: ...


def a_resting_pool(ledger: Ledger) -> None:
    """Job 1 waits for the runner that is registered for it, and nothing else is wanted."""
    ledger.jobs.record(QUEUED, ROUTE)
    made_for = {"job": QUEUED.key, "made_for": QUEUED.key}
    registered = a_runner(1, RunnerState.REGISTERED, **made_for, organization="acme", reach="acme")
    ledger.runners.add([registered])
    wanted = ledger.rows.acquire(POOL, "holder", now=NOW, until=NOW + 60) or 0
    assert ledger.rows.release(POOL, "holder", seen=wanted, rests=True) is None


def a_starting_container(ledger: Ledger) -> None:
    ledger.runners.add([replace(a_runner(), task_id=TASK_ID)])


def a_host(ledger: Ledger) -> None:
    ledger.instances.add([an_instance("i-0abc")])


Part = Callable[[Ledger], object]
CASES: dict[str, tuple[Part, str, str, Part, str]] = {
    "a queued job": (nothing, "jobs", encode_job_event(QUEUED), lambda ledger: ledger.rows, "want"),
    "a host that is ready": (nothing, "events", json.dumps(a_host_event()), lambda ledger: ledger.rows, "want"),
    "a task that stopped": (a_starting_container, "events", STOPPED, lambda ledger: ledger.rows, "want"),
    "a failed start": (a_starting_container, "events", STOPPED, lambda ledger: ledger.notes, "start_failures"),
    "a host that is taken away": (a_host, "events", json.dumps(SPOT_WARNING), lambda _: CLUSTER, "drain"),
    "a runner's row": (nothing, "jobs", encode_job_event(RUNS), lambda ledger: ledger.runners, "mark_busy"),
    "a job that was robbed": (a_resting_pool, "jobs", encode_job_event(RUNS), lambda ledger: ledger.jobs, "waits"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "queue", "body", "part", "name"), CASES.values(), ids=CASES)
def test_what_was_committed_before_a_fault_is_looked_at_though_its_message_comes_again(
    before: Part, queue: str, body: str, part: Part, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = memory_ledger(MemoryStore())
    before(ledger)
    fails_once(monkeypatch, part(ledger), name)
    batch = Batch(scale_of(ledger))
    with pytest.raises(UnavailableError):
        batch.fold("m0", queue, body)
    assert set(batch.touched) == {POOL}
    assert batch.outcomes == {}
    batch.fold("m0", queue, body)
    assert set(batch.outcomes) == {"m0"}


def test_a_job_s_news_is_told_once_though_its_runner_s_row_did_not_take_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = memory_ledger(MemoryStore())
    a_resting_pool(ledger)
    fails_once(monkeypatch, ledger.runners, "mark_busy")
    batch = Batch(scale_of(ledger))
    with pytest.raises(UnavailableError):
        batch.fold("m0", "jobs", encode_job_event(RUNS))
    batch.fold("m0", "jobs", encode_job_event(RUNS))
    assert [job.facts.job for job in batch.started] == ["acme/2-1"]
    busy = ledger.runners.find(POOL, a_task_id(1))
    assert busy is not None
    assert (busy.state, busy.job) == (RunnerState.BUSY, RUNS.key)


def test_a_tick_looks_at_every_pool_though_one_s_row_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = memory_ledger(MemoryStore())
    fails_once(monkeypatch, ledger.rows, "want")
    batch = Batch(scale_of(ledger))
    with pytest.raises(UnavailableError):
        batch.fold("m0", "events", '{"slipway":"tick"}')
    assert set(batch.touched) == set(CONFIGURATION.pools)


def test_what_committed_nothing_touches_nothing_and_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = memory_ledger(MemoryStore())
    fails_once(monkeypatch, ledger.jobs, "record")
    batch = Batch(scale_of(ledger))
    with pytest.raises(UnavailableError):
        batch.fold("m0", "jobs", encode_job_event(QUEUED))
    assert batch.touched == {}
    batch.fold("m0", "jobs", encode_job_event(QUEUED))
    assert set(batch.touched) == {POOL}
