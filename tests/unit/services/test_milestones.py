"""What is told of each job, once: that it started, with what its wait was made of, and that it completed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.errors import UnavailableError
from slipway.domain.jobs import JobEvent, JobState, encode_job_event
from slipway.domain.milestones import AT_ONCE_SECONDS, JobCompleted, JobStarted
from slipway.domain.runners import Runner, RunnerState, runner_name
from slipway.ports.ledger import Ledger
from slipway.services.observe import Observe
from tests.builders import NOW, a_configuration, a_runner, a_task_id
from tests.contract.ledger_cases import an_event

STATES = (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED)


def of_job(state: JobState, number: int = 1, **changes: object) -> JobEvent:
    """An event of a job that runs, from ten seconds on, on the runner of its number."""
    name = runner_name("slipway", "medium", a_task_id(number)) if state is not JobState.QUEUED else None
    return replace(an_event(state, number, runner_name=name, workflow="ci", name="build"), **changes)  # type: ignore[arg-type]


def its_runner(number: int = 1, **changes: object) -> Runner:
    facts = {
        "started_at": NOW + 1,
        "running_at": NOW + 4,
        "claimed_at": NOW + 5,
        "organization": "acme",
        **changes,
    }
    return a_runner(number, RunnerState.REGISTERED, job=an_event(number=number).key, **facts)


def told(events: list[JobEvent], *runners: Runner) -> tuple[list[JobStarted], list[JobCompleted]]:
    """Fold the events in this order; return what they are news of."""
    ledger = memory_ledger(MemoryStore())
    return fold(ledger, events, *runners)


def fold(
    ledger: Ledger, events: list[JobEvent], *runners: Runner
) -> tuple[list[JobStarted], list[JobCompleted]]:
    ledger.runners.add(list(runners))
    observe = Observe(a_configuration(), ledger, {})
    observed = [observe.job(encode_job_event(event)) for event in events]
    assert [one.fault for one in observed if one.fault] == []
    return [one.started for one in observed if one.started], [
        one.completed for one in observed if one.completed
    ]


@given(st.permutations([(state, number) for state in STATES * 2 for number in (1, 2, 3)]))
def test_events_doubled_and_shuffled_tell_of_each_job_once(order: list[tuple[JobState, int]]) -> None:
    """[GH-WJ-4] [GH-WJ-11]"""
    runners = [its_runner(number) for number in (1, 2, 3)]
    started, completed = told([of_job(state, number) for state, number in order], *runners)
    for found in (started, completed):
        assert sorted(job.facts.job for job in found) == ["acme/1-1", "acme/2-1", "acme/3-1"]
    assert {job.queue_seconds for job in started} == {15.0}
    assert {job.execution_seconds for job in completed} == {50.0}
    assert all(sum(job.phases.values()) == pytest.approx(job.queue_seconds) for job in started)


def test_the_wait_is_told_by_its_parts_ours_and_github_s() -> None:
    ((started,), _) = told([of_job(state) for state in STATES[:2]], its_runner())
    assert started.phases == {"webhook": 5, "room": 1, "start": 3, "claim": 1, "pickup": 5}
    assert (started.startup_seconds, started.github_seconds, started.queue_seconds) == (5, 10, 15)
    assert (started.facts.profile, started.facts.workflow, started.facts.job_name) == (
        "medium",
        "ci",
        "build",
    )


def test_of_a_runner_that_is_not_known_the_wait_alone_is_told() -> None:
    ((started,), _) = told([of_job(state) for state in STATES[:2]])
    assert (started.queue_seconds, started.phases) == (15.0, {})
    assert (started.startup_seconds, started.github_seconds) == (None, None)
    assert (started.on_standby, started.on_headroom) == (False, False)


@pytest.mark.parametrize(
    ("placed", "running", "standby", "headroom"),
    [(-900, -890, True, False), (-1, 0, True, False), (0, 3, False, True), (AT_ONCE_SECONDS, 20, False, True),
     (AT_ONCE_SECONDS + 1, 20, False, False)],
)  # fmt: skip
def test_what_served_the_job_is_standby_or_headroom_or_neither(
    placed: float, running: float, *, standby: bool, headroom: bool
) -> None:
    runner = its_runner(started_at=NOW + placed, running_at=NOW + running)
    ((started,), _) = told([of_job(state) for state in STATES[:2]], runner)
    assert (started.on_standby, started.on_headroom) == (standby, headroom)


def test_a_job_of_which_no_webhook_told_before_it_started_waited_for_no_tier_that_is_known() -> None:
    ((started,), _) = told([of_job(JobState.IN_PROGRESS)], its_runner())
    assert (started.on_standby, started.on_headroom) == (False, False)


@pytest.mark.parametrize("conclusion", ["cancelled", "skipped"])
def test_a_job_that_no_runner_took_completed_and_never_started(conclusion: str) -> None:
    """[GH-WJ-5] [GH-WJ-7]"""
    over = of_job(JobState.COMPLETED, runner_name=None, conclusion=conclusion)
    started, (completed,) = told([of_job(JobState.QUEUED), over])
    assert started == []
    assert (completed.conclusion, completed.execution_seconds) == (conclusion, None)


def test_a_completed_job_that_names_its_runner_no_more_ran_all_the_same() -> None:
    """[GH-WJ-10]"""
    over = of_job(JobState.COMPLETED, runner_name=None, conclusion="failure")
    _, (completed,) = told([of_job(JobState.QUEUED), of_job(JobState.IN_PROGRESS), over], its_runner())
    assert completed.execution_seconds == 50.0
    assert completed.facts.runner_name == runner_name("slipway", "medium", a_task_id(1))


def test_a_job_that_is_copied_into_a_later_attempt_is_not_told_of_again() -> None:
    """[GH-WJ-14] [GH-RERUN-COPIES]"""
    over = of_job(JobState.COMPLETED)
    copies = [replace(over, job_id=number, run_attempt=2, received_at=NOW + 9_000) for number in (1, 2)]
    events = [of_job(JobState.QUEUED), of_job(JobState.IN_PROGRESS), over, *copies]
    started, completed = told(events, its_runner())
    facts = [*(job.facts for job in started), *(job.facts for job in completed)]
    assert [of.job for of in facts] == ["acme/1-1", "acme/1-1"]


def test_a_job_that_no_profile_serves_is_not_told_of() -> None:
    events = [of_job(state, labels=("ubuntu-latest",)) for state in STATES]
    assert told(events) == ([], [])


def test_names_are_told_inert() -> None:
    ((started,), _) = told([of_job(JobState.QUEUED), of_job(JobState.IN_PROGRESS, name="a\x1b[2Jb\u202e")])
    assert started.facts.job_name == "a[2Jb"


def test_what_is_told_of_a_job_costs_no_call_of_its_own() -> None:
    """What its record and its runner were before is read, or answered, by the calls that move them."""
    calls: list[str] = []

    def made(operation: str, call: Callable[[], Any]) -> Any:
        calls.append(operation)
        return call()

    store = MemoryStore()
    memory_ledger(store).runners.add([its_runner()])
    observe = Observe(a_configuration(), memory_ledger(store, made), {})
    for state in STATES:
        observe.job(encode_job_event(of_job(state)))
    queued = ["TransactWriteItems", "UpdateItem"]
    moved = ["GetItem", "TransactWriteItems", "UpdateItem", "UpdateItem"]
    assert calls == [*queued, *moved, *moved]


def test_what_the_ledger_would_not_take_is_told_when_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = memory_ledger(MemoryStore())
    with monkeypatch.context() as patch:
        patch.setattr(type(ledger.jobs), "record", lambda *_: (_ for _ in ()).throw(UnavailableError("down")))
        observed = Observe(a_configuration(), ledger, {}).job(encode_job_event(of_job(JobState.IN_PROGRESS)))
    assert isinstance(observed.fault, UnavailableError)
    assert (observed.pools, observed.started) == (frozenset(), None)
    started, _ = fold(ledger, [of_job(JobState.IN_PROGRESS)])
    assert len(started) == 1
