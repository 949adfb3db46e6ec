"""Reports are of what happened: whatever order its events are told in, and each of them twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from local.memory_ledger import MemoryStore, memory_ledger
from local.reports.accounts import BY, Report, report
from local.reports.lines import Lines
from local.reports.money import Prices, Range
from local.reports.source import usage_of
from slipway.domain.configuration import Market
from slipway.domain.jobs import JobState
from slipway.domain.runners import RunnerState, TaskHost
from slipway.ports.ledger import Ledger
from tests.builders import (
    NOW,
    POOL,
    a_booting_instance,
    a_configuration,
    a_pool,
    a_runner,
    a_task_id,
    an_arn,
    name_of,
)
from tests.contract.ledger_cases import ROUTE, an_event

Event = Callable[[Ledger], object]
REPOSITORIES = ("acme/one", "acme/two", "acme/three", "acme/one")


def of_job(number: int) -> list[Event]:
    """All that GitHub and ECS tell of a job and its container, in order."""
    task, arn = a_task_id(number), an_arn(f"i-{number % 2}")
    started, stopped = NOW + 20 * number, NOW + 20 * number + 300
    facts = {
        "repository": REPOSITORIES[number % len(REPOSITORIES)],
        "runner_name": name_of(a_runner(number)),
        "started_at": started + 10,
        "created_at": started - 15,
        "workflow": f"w{number % 2}",
    }
    queued, runs, done = (
        an_event(
            state,
            number,
            **({**facts, "completed_at": stopped - 5} if state is JobState.COMPLETED else facts),
        )
        for state in (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED)
    )
    host = TaskHost(arn)
    return [
        lambda ledger: ledger.jobs.record(queued, ROUTE),
        lambda ledger: ledger.runners.mark_running(POOL, task, instance_arn=arn, at=started + 2),
        lambda ledger: ledger.jobs.record(runs, ROUTE),
        lambda ledger: ledger.runners.mark_busy(POOL, task, runs),
        lambda ledger: ledger.jobs.record(done, ROUTE),
        lambda ledger: ledger.runners.mark_ended(POOL, task, at=stopped - 5, why="done"),
        lambda ledger: ledger.runners.remove(POOL, task, at=stopped, why="done", host=host),
    ]


def of_instance(number: int) -> list[Event]:
    return [lambda ledger: ledger.instances.remove(POOL, f"i-{number}", at=NOW + 900 + number)]


EVENTS: Sequence[Event] = [
    *(event for number in range(1, 5) for event in of_job(number)),
    *(event for number in range(2) for event in of_instance(number)),
]


def told(order: Sequence[Event], by: str) -> Report:
    """Launch hosts and start tasks, whose answers are no events; then tell the events, and report."""
    ledger = memory_ledger(MemoryStore())
    hosts = [
        a_booting_instance(
            f"i-{n}", arn=an_arn(f"i-{n}"), launched_at=NOW - 60, usd_per_hour=0.4, market=Market.ON_DEMAND
        )
        for n in range(2)
    ]
    ledger.instances.add(hosts)
    ledger.runners.add(
        [
            a_runner(
                n,
                RunnerState.REGISTERED,
                started_at=NOW + 20 * n,
                repository=REPOSITORIES[n % 4],
                running_at=None,
            )
            for n in range(1, 5)
        ]
    )
    for event in order:
        event(ledger)
    lines = Lines.of(usage_of(ledger, a_configuration(pools=[a_pool(name=POOL)]), NOW - 60, NOW + 3_600))
    return report(lines, Range(NOW - 3_600, NOW + 3_600), by, Prices())


@given(st.permutations(range(2 * len(EVENTS))), st.sampled_from(BY))
def test_a_report_is_the_same_when_every_event_comes_twice_and_in_any_order(
    order: list[int], by: str
) -> None:
    in_order, shuffled = told(EVENTS, by), told([EVENTS[number % len(EVENTS)] for number in order], by)
    assert shuffled.rows == in_order.rows
    assert (shuffled.bill.instances, shuffled.bill.unowned) == (
        in_order.bill.instances,
        in_order.bill.unowned,
    )


def test_what_is_told_in_order_is_all_there() -> None:
    made = told(EVENTS, "repository")
    assert {row.name: row.jobs for row in made.rows} == {"acme/one": 2, "acme/two": 1, "acme/three": 1}
    assert made.bill.instances == sum(row.cost for row in made.rows) > 0
    assert all(row.held and row.wait_p50 == 25.0 for row in made.rows)
