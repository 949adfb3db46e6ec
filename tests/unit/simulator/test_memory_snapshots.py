"""Whole histories of a ledger, in memory and on DynamoDB's twin: the same answers and the same snapshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from local.memory_ledger import MemorySnapshots, MemoryStore, MemoryTable, memory_ledger
from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel
from slipway.adapters.ledger import dynamo_ledger, ledger_on
from slipway.domain.configuration import Market
from slipway.domain.instances import InstanceState
from slipway.domain.jobs import JobState
from slipway.domain.launches import LaunchFailures
from slipway.domain.runners import RunnerState, TaskHost
from slipway.domain.snapshot import Control, GitHubPause, UnavailableOffering
from slipway.ports.ledger import Ledger
from tests.builders import (
    NOW,
    POOL,
    SHAPE,
    a_booting_instance,
    a_launch_intent,
    a_run_intent,
    a_runner,
    a_task_id,
    an_arn,
    an_instance,
)
from tests.contract.aws_faces import create_table
from tests.contract.ledger_cases import ROUTE, an_event

Step = Callable[[Ledger, float], Any]
numbers = st.integers(1, 3)


def job_steps(n: int, m: int) -> list[Step]:
    """What a job and its offer can meet."""

    def bind(ledger: Ledger, at: float) -> Any:
        offer = ledger.claims.next_offer(POOL, SHAPE)
        runner = ledger.runners.find(POOL, a_task_id(m))
        if offer is None or runner is None:
            return offer, runner
        bound = ledger.claims.bind(runner, offer, reach="acme", at=at)
        if n == 3:
            ledger.claims.unbind(runner, offer.job, waits_for="acme", until=at + 5)
        return bound

    def publish(ledger: Ledger, at: float) -> None:
        ledger.offers.read(POOL).replace({SHAPE: ledger.snapshots.read(POOL, at).jobs[:n]})

    key = an_event(number=n).key
    states = (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED)
    return [
        *[lambda ledger, _, s=state: ledger.jobs.record(an_event(s, n), ROUTE) for state in states],
        lambda ledger, _: ledger.jobs.find(key),
        lambda ledger, at: ledger.jobs.note_untaken(POOL, key, task_id=a_task_id(m), at=at),
        lambda ledger, at: ledger.jobs.note_asked(POOL, key, at=at),
        lambda ledger, _: ledger.jobs.drop(POOL, key),
        publish,
        bind,
    ]


def runner_steps(n: int, m: int) -> list[Step]:
    """What a runner's task can meet."""
    task, state = a_task_id(n), list(RunnerState)[m - 1]
    return [
        lambda ledger, _: ledger.runners.add([a_runner(n, state), a_runner(n + 1)]),
        lambda ledger, at: ledger.runners.mark_running(POOL, task, instance_arn=an_arn("i-1"), at=at),
        lambda ledger, _: ledger.runners.mark_busy(POOL, task, an_event(JobState.IN_PROGRESS, m)),
        lambda ledger, at: ledger.runners.mark_ended(POOL, task, at=at, why="done", organization="acme"),
        lambda ledger, at: ledger.runners.found_busy(POOL, task, at),
        lambda ledger, at: ledger.runners.dismiss(POOL, task, at=at, why="surplus"),
        lambda ledger, at: ledger.runners.remove(
            POOL, task, at=at, why="gone", host=TaskHost(is_lost=m == 1), run_again=m == 1
        ),
        lambda ledger, _: ledger.runners.forget_orphan(POOL, task, organization="acme"),
        lambda ledger, _: ledger.claims.registered(POOL, task, 9_000 + m),
        lambda ledger, _: ledger.runners.is_gone(task),
    ]


def instance_steps(n: int, m: int) -> list[Step]:
    """What an instance can meet."""
    name, warming = f"i-{n}", InstanceState.WARMING
    load = ((SHAPE, m),)
    reported = an_instance(name, version=m, connected=m != 2)
    return [
        lambda ledger, _: ledger.instances.add([a_booting_instance(name, load=load)]),
        lambda ledger, _: ledger.instances.add([a_booting_instance(name, state=warming)]),
        lambda ledger, _: ledger.instances.observe(reported),
        lambda ledger, at: ledger.instances.mark_idle(POOL, {name: at if m > 1 else None}),
        lambda ledger, at: ledger.instances.mark_stopped(POOL, name, at=at),
        lambda ledger, at: ledger.instances.mark_started(POOL, [(name, load)], at=at),
        lambda ledger, at: ledger.instances.mark_full(POOL, [name], until=at + 30),
        lambda ledger, at: ledger.instances.mark_draining(POOL, name, at=at),
        lambda ledger, at: ledger.instances.mark_empty(POOL, name, at=at if m > 1 else None),
        lambda ledger, at: ledger.instances.lose(POOL, name, at=at),
        lambda ledger, at: ledger.instances.remove(POOL, name, at=at),
    ]


def pool_steps(n: int, m: int) -> list[Step]:
    """What a pool notes."""
    intent = a_run_intent(m, f"run-{n}") if m > 1 else a_launch_intent(n)
    holder = f"holder-{n}"
    refused = [UnavailableOffering(f"m{n}.large", "subnet-1", list(Market)[m % 2], NOW + 3 * m)]
    failures = LaunchFailures(m, NOW, "why") if m > 1 else None
    return [
        lambda ledger, _: ledger.rows.want(POOL),
        lambda ledger, at: ledger.rows.acquire(POOL, holder, now=at, until=at + 4),
        lambda ledger, _: ledger.rows.release(POOL, holder, seen=m, rests=m > 1),
        lambda ledger, _: ledger.rows.abandon(POOL, holder),
        lambda ledger, _: ledger.intents.write(intent),
        lambda ledger, _: ledger.intents.settle(intent),
        lambda ledger, _: ledger.notes.refuse(POOL, refused),
        lambda ledger, _: ledger.notes.order(POOL, list(Control)[m - 1]),
        lambda ledger, _: ledger.notes.keep_launch_failures(POOL, failures, of_tier=n == 1),
        lambda ledger, _: ledger.notes.keep_template_version(POOL, m),
        lambda ledger, at: ledger.notes.pause_github(POOL, GitHubPause(f"org-{n}", at + m, at)),
    ]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    makers = (job_steps, job_steps, runner_steps, runner_steps, instance_steps, pool_steps)
    return draw(st.sampled_from(draw(st.sampled_from(makers))(draw(numbers), draw(numbers))))


histories = st.lists(steps(), min_size=5, max_size=40)


@dataclass
class Pair:
    """The same ledger twice."""

    memory: Ledger
    dynamo: Ledger


def a_pair() -> Pair:
    aws = AwsTwin(VirtualClock(NOW), latency=LatencyModel.none(), seed=1, log_calls=False)
    create_table(aws.client("dynamodb"), "ledger")
    return Pair(memory_ledger(MemoryStore()), dynamo_ledger(aws.client("dynamodb"), "ledger"))


@settings(max_examples=60)
@given(histories)
def test_any_history_is_told_and_read_alike(history: list[Step]) -> None:
    pair = a_pair()
    for number, step in enumerate(history):
        at = NOW + number
        assert step(pair.memory, at) == step(pair.dynamo, at)
        assert pair.memory.snapshots.read(POOL, at) == pair.dynamo.snapshots.read(POOL, at)


@settings(max_examples=60)
@given(histories, st.sampled_from((0, 1, 3)))
def test_what_is_remembered_of_items_is_what_reading_them_again_would_tell(
    history: list[Step], remembered: int
) -> None:
    """However little is kept, and however often an item was written, read and written again."""
    table = MemoryTable(MemoryStore())
    ledger = replace(ledger_on(table), snapshots=MemorySnapshots(table, remembered))
    afresh = ledger_on(table)
    for number, step in enumerate(history):
        step(ledger, NOW + number)
        assert ledger.snapshots.read(POOL, NOW) == afresh.snapshots.read(POOL, NOW)


def test_an_item_that_did_not_change_is_parsed_once() -> None:
    table = MemoryTable(MemoryStore())
    ledger = replace(ledger_on(table), snapshots=MemorySnapshots(table))
    ledger.runners.add([a_runner(1), a_runner(2)])
    before = ledger.snapshots.read(POOL, NOW).runners
    ledger.runners.mark_running(POOL, a_task_id(2), instance_arn=an_arn("i-1"), at=NOW)
    after = ledger.snapshots.read(POOL, NOW).runners
    assert after[0] is before[0]
    assert after[1] is not before[1]
    assert after[1].running_at == NOW


def test_what_is_still_read_is_kept_when_the_rest_is_forgotten() -> None:
    table = MemoryTable(MemoryStore())
    ledger = replace(ledger_on(table), snapshots=MemorySnapshots(table, remembered=1))
    ledger.runners.add([a_runner(1), a_runner(2)])
    first = ledger.snapshots.read(POOL, NOW).runners
    for _ in range(3):
        again = ledger.snapshots.read(POOL, NOW).runners
        assert all(now is then for now, then in zip(again, first, strict=True))


def test_what_is_no_longer_read_is_forgotten() -> None:
    store = MemoryStore()
    table = MemoryTable(store)
    snapshots = MemorySnapshots(table, remembered=4)
    ledger = replace(ledger_on(table), snapshots=snapshots)
    for number in range(1, 40):
        ledger.runners.add([a_runner(number)])
        ledger.snapshots.read(POOL, NOW)
        ledger.runners.remove(POOL, a_task_id(number), at=NOW, why="done")
    assert snapshots.remembers < 12
