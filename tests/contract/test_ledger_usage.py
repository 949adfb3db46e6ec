"""What the ledger's ``UsageRecords`` must do: one line for each end, however often and in whatever order it is told."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from slipway.domain.configuration import Market
from slipway.domain.held import Held
from slipway.domain.instances import InstanceState
from slipway.domain.jobs import JobState
from slipway.domain.reasons import Why
from slipway.domain.runners import TaskHost
from slipway.domain.usage import KEPT_SECONDS, InstanceUsage, JobUsage, RunnerUsage, Usage
from tests.builders import NOW, POOL, a_booting_instance, a_runner, a_task_id, an_arn
from tests.contract.ledger_cases import ROUTE, Case, an_event, offered

TASK = a_task_id(1)


def lines(case: Case) -> list[Usage]:
    days = {datetime.fromtimestamp(NOW + hours * 3600, UTC).strftime("%Y-%m-%d") for hours in (-24, 0, 24)}
    return [line for day in sorted(days) for line in case.ledger.usage.of_day(day)]


def test_a_job_leaves_one_line_with_all_that_github_said(case: Case) -> None:
    case.ledger.jobs.record(an_event(received_at=NOW - 2), ROUTE)
    completed = an_event(JobState.COMPLETED, workflow="build", name="unit <b>tests</b>")
    for _ in range(3):
        case.ledger.jobs.record(completed, ROUTE)
    [line] = lines(case)
    assert line == JobUsage(
        job=completed.key,
        run_id=completed.run_id,
        repository="acme/one",
        workflow="build",
        name="unit <b>tests</b>",
        pool=POOL,
        profile=ROUTE.shape.profile,
        queued_at=NOW - 5,
        started_at=NOW + 10,
        completed_at=NOW + 60,
        conclusion="success",
        heard_at=NOW - 2,
        runner_name=completed.runner_name,
    )


def test_what_held_a_job_up_is_in_its_line(case: Case) -> None:
    case.ledger.jobs.record(an_event(), ROUTE)
    story = (Held(Why.NO_CAPACITY, NOW + 1.5, {"until": NOW}), Held(Why.INSTANCE_STARTING, NOW + 4.0))
    case.ledger.jobs.note_held(POOL, an_event().key, story)
    for state in (JobState.IN_PROGRESS, JobState.COMPLETED):
        case.ledger.jobs.record(an_event(state), ROUTE)
    [line] = lines(case)
    assert isinstance(line, JobUsage)
    assert line.held == (("no_capacity", NOW + 1.5), ("instance_starting", NOW + 4.0))


def test_the_order_and_number_of_a_jobs_events_make_no_difference_to_its_line(case: Case) -> None:
    states = (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED)
    orders = [order for order in itertools.product(states, repeat=4) if JobState.COMPLETED in order]
    for number, order in enumerate(orders, start=1):
        for state in order:
            case.ledger.jobs.record(an_event(state, number), ROUTE)
    found = [line for line in lines(case) if isinstance(line, JobUsage)]
    assert len(found) == len(orders)
    # Where the end was heard of first, nobody can say when the beginning was.
    alike = {replace(line, job=found[0].job, run_id=0, heard_at=None, runner_name=None) for line in found}
    assert len(alike) == 1


def test_the_line_of_a_job_names_its_runner_though_its_last_event_does_not(case: Case) -> None:
    """[GH-WJ-10]"""
    running = an_event(JobState.IN_PROGRESS)
    over = an_event(JobState.COMPLETED, runner_name=None, started_at=None, conclusion="failure")
    for event in (an_event(), running, over):
        case.ledger.jobs.record(event, ROUTE)
    [line] = lines(case)
    assert isinstance(line, JobUsage)
    assert (line.runner_name, line.started_at) == (running.runner_name, running.started_at)


def test_a_runner_that_was_named_while_the_job_was_queued_is_not_taken_for_its_own(case: Case) -> None:
    """[GH-WJ-10]"""
    case.ledger.jobs.record(an_event(runner_name="build-1"), ROUTE)
    case.ledger.jobs.record(an_event(JobState.COMPLETED, runner_name=None, conclusion="cancelled"), ROUTE)
    [line] = lines(case)
    assert isinstance(line, JobUsage)
    assert line.runner_name is None


@pytest.mark.parametrize("job_id", [1, 2], ids=["the same id", "another id"])
@pytest.mark.parametrize("is_started_known", [True, False])
def test_a_job_that_is_told_again_for_a_later_attempt_of_its_run_is_a_copy_and_leaves_no_line(
    case: Case, job_id: int, *, is_started_known: bool
) -> None:
    """[GH-WJ-14] [GH-RERUN-COPIES]"""
    own = [an_event(), an_event(JobState.IN_PROGRESS)] if is_started_known else []
    over = an_event(JobState.COMPLETED)
    for event in (*own, over):
        recorded = case.ledger.jobs.record(event, ROUTE)
        assert recorded is not None
        assert not recorded.is_copy
    for attempt in (2, 3):
        again = replace(over, job_id=job_id, run_attempt=attempt, received_at=NOW + 9_000 * attempt)
        copied = case.ledger.jobs.record(again, ROUTE)
        assert copied is not None
        assert copied.is_copy
        assert case.ledger.jobs.record(again, ROUTE) is None
        record = case.ledger.jobs.find(again.key)
        assert record is not None
        assert record.state is JobState.COMPLETED
    [line] = lines(case)
    assert isinstance(line, JobUsage)
    assert line.job == over.key


@pytest.mark.parametrize(
    "changes", [{"organization": "globex"}, {"runner_name": "build-1"}, {"runner_name": None}]
)
def test_one_runner_runs_one_job_of_its_organization_and_others_run_many(
    case: Case, changes: dict[str, str | None]
) -> None:
    """Who may speak for one organization names any runner, and takes no line from another's job."""
    first = an_event(JobState.COMPLETED, conclusion="failure")
    second = replace(first, job_id=2, run_id=102, **changes)  # type: ignore[arg-type]
    for event in (first, second, replace(second, job_id=3, run_id=103, runner_name="build-1")):
        assert case.ledger.jobs.record(event, ROUTE)
    assert len(lines(case)) == 3


def test_whoever_was_known_to_run_keeps_the_line_from_a_copy_that_came_first(case: Case) -> None:
    """Its own end was lost, and sent again after the run was run again [GH-HOOK-LOSSY]."""
    case.ledger.jobs.record(an_event(JobState.IN_PROGRESS), ROUTE)
    over = an_event(JobState.COMPLETED)
    case.ledger.jobs.record(replace(over, job_id=2, run_attempt=2), ROUTE)
    case.ledger.jobs.record(over, ROUTE)
    [line] = lines(case)
    assert isinstance(line, JobUsage)
    assert line.job == over.key


def test_a_container_leaves_one_line_when_its_task_has_stopped(case: Case) -> None:
    runner = replace(a_runner(), running_at=NOW + 2, instance_arn=an_arn("i-1"))
    case.ledger.runners.add([runner])
    for late in (0, 1):
        case.ledger.runners.remove(POOL, TASK, at=NOW + 90 + late, why="done")
    [line] = lines(case)
    assert isinstance(line, RunnerUsage)
    assert (line.task_id, line.instance_arn, line.size) == (TASK, an_arn("i-1"), runner.shape.size)
    assert (line.started_at, line.running_at, line.stopped_at) == (runner.started_at, NOW + 2, NOW + 90)
    assert (line.why, line.made_for) == ("done", None)


def test_the_line_of_a_container_tells_for_whom_it_was_registered_and_whom_it_served(case: Case) -> None:
    case.ledger.jobs.record(an_event(), ROUTE)
    case.ledger.runners.add([a_runner()])
    [offer] = offered(case)
    assert case.ledger.claims.bind(a_runner(), offer, reach="acme", at=NOW + 3) == "bound"
    thief = an_event(JobState.IN_PROGRESS, 2)
    assert case.ledger.runners.mark_busy(POOL, TASK, thief)
    case.ledger.runners.remove(
        POOL, TASK, at=NOW + 90, why="Host EC2 terminated", host=TaskHost(is_lost=True)
    )
    [line] = [line for line in lines(case) if isinstance(line, RunnerUsage)]
    assert (line.made_for, line.job, line.why) == (an_event().key, thief.key, "Host EC2 terminated")


def test_where_a_container_was_is_known_by_its_end_where_its_start_is_told_late_or_never(case: Case) -> None:
    case.ledger.runners.add([a_runner()])
    host = TaskHost(an_arn("i-1"))
    case.ledger.runners.remove(POOL, TASK, at=NOW + 90, why="done", host=host)
    assert not case.ledger.runners.mark_running(POOL, TASK, instance_arn=an_arn("i-1"), at=NOW + 2)
    [line] = lines(case)
    assert isinstance(line, RunnerUsage)
    assert line.instance_arn == an_arn("i-1")


def test_of_two_who_say_at_once_that_a_task_stopped_one_writes_its_line(case: Case) -> None:
    case.ledger.runners.add([a_runner()])
    overtaken = case.overtaken(lambda: case.ledger.runners.remove(POOL, TASK, at=NOW + 90, why="done"))
    assert overtaken.runners.remove(POOL, TASK, at=NOW + 99, why="stopped").was is None
    [line] = lines(case)
    assert isinstance(line, RunnerUsage)
    assert line.stopped_at == NOW + 90


def test_an_instance_leaves_a_line_each_time_that_it_ran(case: Case) -> None:
    instances = case.ledger.instances
    warming = a_booting_instance(
        "i-1",
        state=InstanceState.WARMING,
        for_stopped_tier=True,
        launched_at=NOW,
        usd_per_hour=0.4,
        market=Market.ON_DEMAND,
    )
    instances.add([warming])
    instances.mark_stopped(POOL, "i-1", at=NOW + 100)
    instances.mark_stopped(POOL, "i-1", at=NOW + 101)
    instances.mark_started(POOL, [("i-1", ())], at=NOW + 5_000)
    assert instances.remove(POOL, "i-1", at=NOW + 6_000)
    assert not instances.remove(POOL, "i-1", at=NOW + 6_001)
    found = [line for line in lines(case) if isinstance(line, InstanceUsage)]
    assert [(line.launched_at, line.ended_at) for line in found] == [
        (NOW, NOW + 100),
        (NOW + 5_000, NOW + 6_000),
    ]
    assert {(line.instance_id, line.usd_per_hour, line.market) for line in found} == {
        ("i-1", 0.4, "on-demand")
    }


def test_an_instance_that_ends_while_it_is_stopped_leaves_no_second_line(case: Case) -> None:
    instances = case.ledger.instances
    instances.add(
        [a_booting_instance("i-1", state=InstanceState.WARMING, for_stopped_tier=True, launched_at=NOW)]
    )
    instances.mark_stopped(POOL, "i-1", at=NOW + 100)
    instances.remove(POOL, "i-1", at=NOW + 9_000)
    assert len(lines(case)) == 1


def test_of_two_who_say_at_once_that_an_instance_is_gone_one_writes_its_line(case: Case) -> None:
    case.ledger.instances.add([a_booting_instance("i-1", launched_at=NOW)])
    overtaken = case.overtaken(lambda: case.ledger.instances.remove(POOL, "i-1", at=NOW + 90))
    assert not overtaken.instances.remove(POOL, "i-1", at=NOW + 99)
    [line] = lines(case)
    assert isinstance(line, InstanceUsage)
    assert line.ended_at == NOW + 90


def test_a_line_is_kept_for_thirteen_months(case: Case) -> None:
    case.ledger.jobs.record(an_event(JobState.COMPLETED), ROUTE)
    day = datetime.fromtimestamp(NOW + 60, UTC).strftime("%Y-%m-%d")
    item = case.item(f"USAGE#{day}", f"JOB#acme/{TASK}")
    assert int(item["expires_at"]["N"]) == int(NOW) + 60 + KEPT_SECONDS
