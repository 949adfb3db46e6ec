"""Containers that end before they claim: what counts, who waits, and what is tried."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.domain.placing import room_for
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import StartFailures
from slipway.domain.starts import CLAIMS_WITHIN_SECONDS, failed_start, hold_back, recovered
from tests.builders import NOW, a_job, a_runner, a_snapshot

FAILING = StartFailures("medium", 3, NOW - 30, "CannotPullContainerError")
TRIED = a_runner(state=RunnerState.STARTING, started_at=NOW - 10)
JOBS = [a_job(1), a_job(2)]


def test_a_container_that_ends_before_it_claims_counts() -> None:
    first = failed_start(TRIED, None, at=NOW, why="why")
    assert first == StartFailures("medium", 1, NOW, "why")
    assert failed_start(TRIED, FAILING, at=NOW, why="why") == StartFailures("medium", 4, NOW, "why")


def test_containers_of_one_wave_count_once() -> None:
    assert failed_start(replace(TRIED, started_at=NOW - 40), FAILING, at=NOW, why="why") is None


@pytest.mark.parametrize("state", [RunnerState.REGISTERED, RunnerState.BUSY, RunnerState.GONE])
def test_a_container_that_claimed_or_was_told_to_go_does_not_count(state: RunnerState) -> None:
    assert failed_start(replace(TRIED, state=state), None, at=NOW, why="why") is None


def test_neither_does_one_that_nobody_knows_or_that_waited_in_its_claim() -> None:
    assert failed_start(None, None, at=NOW, why="why") is None
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


def test_each_time_another_job_of_the_profile_is_tried_because_one_size_alone_may_fail() -> None:
    tried = [
        hold_back(JOBS, a_snapshot(start_failures=(replace(FAILING, count=count, last_at=0.0),)), ())[0]
        for count in (3, 4, 5)
    ]
    assert tried == [[JOBS[0]], [JOBS[1]], [JOBS[0]]]


def test_a_container_whose_claims_github_refuses_started_well() -> None:
    refused = replace(TRIED, claimed_at=NOW - 5)
    assert failed_start(refused, FAILING, at=NOW, why="exit code 13") is None
    assert recovered(a_snapshot(start_failures=(FAILING,), runners=(refused,))) == ("medium",)


def test_a_standby_container_that_waits_started_well() -> None:
    waits = replace(TRIED, asked_at=NOW - 5)
    assert failed_start(waits, FAILING, at=NOW, why="stopped") is None
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
