"""Containers that end before they can take a job: what counts, who waits, and what is tried."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.domain.intents import Intent, RunTasks
from slipway.domain.placing import room_for
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import GIVEN_BACK, RELEASED, Runner, RunnerState
from slipway.domain.snapshot import StartFailures
from slipway.domain.starts import (
    CLAIMS_WITHIN_SECONDS,
    LISTENS_WITHIN_SECONDS,
    ended_before_a_job,
    failed_start,
    hold_back,
    recovered,
)
from tests.builders import NOW, POOL, a_job, a_runner, a_snapshot

FAILING = StartFailures("medium", 3, NOW - 30, "CannotPullContainerError")
GAVE_BACK = a_runner(
    state=RunnerState.GONE,
    started_at=NOW - 15,
    claimed_at=NOW - 8,
    busy_at=None,
    ended_at=NOW,
    ended_why=GIVEN_BACK,
)
TRIED = a_runner(state=RunnerState.STARTING, started_at=NOW - 10)
JOBS = [a_job(1), a_job(2)]


def test_a_container_that_ends_before_it_claims_counts() -> None:
    first = failed_start(TRIED, None, at=NOW, why="why")
    assert first == StartFailures("medium", 1, NOW, "why")
    assert failed_start(TRIED, FAILING, at=NOW, why="why") == StartFailures("medium", 4, NOW, "why")


def test_containers_of_one_wave_count_once() -> None:
    assert failed_start(replace(TRIED, started_at=NOW - 40), FAILING, at=NOW, why="why") is None


@pytest.mark.parametrize("exit_code", [None, 0, 10, 24])
@pytest.mark.parametrize("state", [RunnerState.REGISTERED, RunnerState.BUSY, RunnerState.GONE])
def test_a_container_that_claimed_or_was_told_to_go_does_not_count(
    state: RunnerState, exit_code: int | None
) -> None:
    assert ended_before_a_job(TRIED, exit_code)
    assert not ended_before_a_job(replace(TRIED, state=state), exit_code)


@pytest.mark.parametrize("why", [GIVEN_BACK, RELEASED])
@pytest.mark.parametrize(
    ("exit_code", "counts"), [(20, True), (24, True), (0, False), (12, False), (137, False), (None, False)]
)
def test_one_that_gave_its_runner_back_counts_where_its_exit_code_names_a_fault(
    why: str, exit_code: int | None, *, counts: bool
) -> None:
    """One that was stopped gives back too, and ends with 0; with a short idle timeout Docker fails after it."""
    assert ended_before_a_job(replace(GAVE_BACK, ended_why=why), exit_code) is counts
    assert not ended_before_a_job(replace(GAVE_BACK, ended_why=why, busy_at=NOW), exit_code)


def test_those_that_gave_back_and_had_claimed_before_the_last_failure_are_of_one_wave() -> None:
    first = failed_start(GAVE_BACK, None, at=NOW, why="exit code 24")
    assert first == StartFailures("medium", 1, NOW, "exit code 24", after_claim=True)
    assert failed_start(GAVE_BACK, first, at=NOW + 1, why="exit code 24") is None
    later = failed_start(replace(GAVE_BACK, claimed_at=NOW + 1), first, at=NOW + 61, why="exit code 24")
    assert later == StartFailures("medium", 2, NOW + 61, "exit code 24", after_claim=True)


def test_a_standby_container_that_waited_for_hours_counts_from_its_claim_on() -> None:
    waited = replace(GAVE_BACK, started_at=NOW - 90_000, asked_at=NOW - 9)
    assert failed_start(waited, None, at=NOW + 60, why="exit code 24") is not None


def test_one_that_waited_in_its_claim_does_not_count() -> None:
    assert failed_start(TRIED, None, at=TRIED.started_at + CLAIMS_WITHIN_SECONDS + 1, why="why") is None
    assert failed_start(TRIED, None, at=TRIED.started_at + CLAIMS_WITHIN_SECONDS, why="why") is not None


@pytest.mark.parametrize(("count", "seconds"), [(3, 30), (4, 60), (5, 120), (6, 240), (7, 300), (500, 300)])
def test_the_next_try_comes_later_and_later_up_to_five_minutes(count: int, seconds: int) -> None:
    failures = replace(FAILING, count=count)
    assert failures.next_try_at == failures.last_at + seconds


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_failures_hold_nothing_back(count: int) -> None:
    snapshot = a_snapshot(start_failures=(replace(FAILING, count=count),))
    assert hold_back(JOBS, snapshot, ()) == (JOBS, {})


def test_before_its_time_nothing_of_the_profile_starts_and_its_jobs_say_why() -> None:
    snapshot = a_snapshot(start_failures=(replace(FAILING, last_at=NOW - 29),))
    why = Reason(Why.STARTS_FAIL, {"failures": 3, "why": "CannotPullContainerError", "until": NOW + 1})
    assert hold_back([*JOBS, JOBS[0].shape], snapshot, ()) == ([], {job.key: why for job in JOBS})


def test_when_it_is_time_one_is_tried_and_no_second_beside_it() -> None:
    snapshot = a_snapshot(start_failures=(FAILING,))
    kept, reasons = hold_back(JOBS, snapshot, ())
    assert (kept, set(reasons)) == ([JOBS[0]], {JOBS[1].key})
    kept, reasons = hold_back(JOBS, replace(snapshot, runners=(TRIED,)), ())
    assert (kept, len(reasons)) == ([], 2)


def test_no_second_is_tried_while_the_call_that_starts_the_first_has_no_answer() -> None:
    asked = Intent("intent-2", POOL, RunTasks(JOBS[0].shape, 1), NOW)
    snapshot = a_snapshot(start_failures=(FAILING,), intents=(asked,))
    assert hold_back(JOBS, snapshot, ())[0] == []


def test_each_time_another_job_of_the_profile_is_tried_because_one_size_alone_may_fail() -> None:
    tried = [
        hold_back(JOBS, a_snapshot(start_failures=(replace(FAILING, count=count, last_at=0.0),)), ())[0]
        for count in (3, 4, 5)
    ]
    assert tried == [[JOBS[0]], [JOBS[1]], [JOBS[0]]]


def test_a_container_whose_claims_github_refuses_started_well() -> None:
    refused = replace(TRIED, claimed_at=NOW - 5)
    assert not ended_before_a_job(refused, 13)
    assert recovered(a_snapshot(start_failures=(FAILING,), runners=(refused,))) == ("medium",)


def test_a_standby_container_that_waits_started_well() -> None:
    waits = replace(TRIED, asked_at=NOW - 5)
    assert not ended_before_a_job(waits, 0)
    assert recovered(a_snapshot(start_failures=(FAILING,), runners=(waits,))) == ("medium",)


def test_another_profile_and_room_that_is_kept_are_not_held_back() -> None:
    snapshot = a_snapshot(start_failures=(replace(FAILING, profile="other", last_at=NOW),))
    room = room_for(JOBS[0].shape.size)
    assert hold_back([*JOBS, room], snapshot, ()) == ([*JOBS, room], {})
    assert hold_back([room], a_snapshot(start_failures=(replace(FAILING, last_at=NOW),)), ())[0] == [room]


def test_a_claim_since_the_last_failure_ends_it() -> None:
    claimed = replace(TRIED, state=RunnerState.REGISTERED, claimed_at=NOW - 5)
    snapshot = a_snapshot(start_failures=(FAILING,), runners=(claimed,))
    assert recovered(snapshot) == ("medium",)
    assert hold_back(JOBS, snapshot, ["medium"]) == (JOBS, {})
    assert recovered(replace(snapshot, runners=(replace(claimed, claimed_at=NOW - 31),))) == ()


REGISTERED = replace(TRIED, state=RunnerState.REGISTERED, claimed_at=NOW - 5)


@pytest.mark.parametrize(
    ("runner", "later", "is_well"),
    [
        (REGISTERED, 0, False),
        (replace(TRIED, asked_at=NOW), 0, False),
        (replace(TRIED, claimed_at=NOW), 3_600, False),
        (GAVE_BACK, 3_600, False),
        (replace(REGISTERED, state=RunnerState.BUSY, busy_at=NOW), 0, True),
        (replace(REGISTERED, state=RunnerState.GONE, busy_at=NOW), 0, True),
        (replace(REGISTERED, state=RunnerState.BUSY, busy_at=NOW - 31), 3_600, False),
        (REGISTERED, LISTENS_WITHIN_SECONDS - 5, False),
        (REGISTERED, LISTENS_WITHIN_SECONDS, True),
    ],
    ids=[
        "claimed", "waits", "refused", "gave back", "busy", "was busy", "busy before", "may fail yet", "listens"
    ],
)  # fmt: skip
def test_after_failures_behind_the_claim_a_claim_proves_nothing(
    runner: Runner, later: float, *, is_well: bool
) -> None:
    failing = replace(FAILING, after_claim=True)
    snapshot = a_snapshot(start_failures=(failing,), runners=(runner,), now=NOW + later)
    assert recovered(snapshot) == (("medium",) if is_well else ())


def test_no_second_is_tried_while_the_first_may_still_fail_behind_its_claim() -> None:
    failing = replace(FAILING, after_claim=True)
    snapshot = a_snapshot(start_failures=(failing,), runners=(REGISTERED,))
    assert hold_back(JOBS, snapshot, ())[0] == []
