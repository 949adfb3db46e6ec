"""Which waiting jobs GitHub is asked about, and what its answer means."""

from __future__ import annotations

import pytest

from slipway.domain.findings import What
from slipway.domain.inquiries import MOST_A_RUN, MOST_PATIENT_A_RUN, to_ask, why_over
from slipway.domain.reaping import suspicion
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Snapshot, WaitingJob
from tests.builders import NOW, a_github, a_job, a_runner, a_snapshot

GITHUB = a_github()
HOUR = 3_600


def asked(
    *jobs: WaitingJob, snapshot: Snapshot | None = None, suspects: frozenset[str] = frozenset()
) -> list[int]:
    return [job.key.job_id for job in to_ask([snapshot or a_snapshot(jobs=jobs)], GITHUB, suspects)]


def aged(number: int, age: float, **changes: object) -> WaitingJob:
    return a_job(number, queued_at=NOW - age, **changes)


@pytest.mark.parametrize(
    ("job", "is_asked"),
    [
        (aged(1, 60, untaken=1), False),
        (aged(1, 61, untaken=1), True),
        (aged(1, 1_800), False),
        (aged(1, 1_801), True),
    ],
    ids=["young, not taken", "not taken", "waits", "waits long"],
)
def test_a_job_is_doubted_only_when_the_rest_api_must_know_it(job: WaitingJob, is_asked: bool) -> None:
    """[GH-WJ-12]"""
    assert asked(job) == ([1] if is_asked else [])


@pytest.mark.parametrize(("age", "is_asked"), [(599, False), (600, True)])
def test_the_same_job_is_asked_after_again_when_its_age_has_doubled(age: int, is_asked: bool) -> None:
    assert asked(aged(1, age, untaken=1, asked_at=NOW - age + 300)) == ([1] if is_asked else [])


def test_a_job_that_waits_for_two_days_is_asked_after_some_ten_times() -> None:
    asked_at: list[float] = []
    for minute in range(1, 48 * 60):
        job = aged(1, minute * 60.0, untaken=6, asked_at=None)
        began = NOW - minute * 60.0
        last = None if not asked_at else began + asked_at[-1]
        if asked(a_job(1, queued_at=job.queued_at, untaken=6, asked_at=last)):
            asked_at.append(minute * 60.0)
    assert 8 <= len(asked_at) <= 12


def test_a_job_for_which_an_idle_runner_is_registered_is_left_to_github() -> None:
    job = aged(1, HOUR, untaken=1)
    idle = a_runner(7, RunnerState.REGISTERED)
    assert asked(snapshot=a_snapshot(jobs=(job,), runners=(idle,))) == []


def test_a_job_that_github_has_called_over_once_is_asked_after_at_once() -> None:
    job = aged(1, 90, asked_at=NOW - 60)
    assert asked(job) == []
    assert asked(job, suspects=frozenset({suspicion(What.JOB_RECORD, str(job.key))})) == [1]


def test_a_run_asks_a_few_the_doubted_first_then_the_untaken_and_of_the_patient_hardly_any() -> None:
    patient = [aged(number, 10 * HOUR + number) for number in range(1, 60)]
    untaken = [aged(number, HOUR + number, untaken=1) for number in range(100, 110)]
    doubted = aged(200, HOUR, asked_at=NOW)
    suspects = frozenset({suspicion(What.JOB_RECORD, str(doubted.key))})
    assert asked(*patient, *untaken, doubted, suspects=suspects) == [200, *range(109, 99, -1), 59, 58]
    many = [aged(number, HOUR + number, untaken=1) for number in range(300, 400)]
    assert asked(*many, *patient) == list(range(399, 399 - MOST_A_RUN, -1))
    assert len(asked(*patient)) == MOST_PATIENT_A_RUN


@pytest.mark.parametrize("status", ["queued", "waiting", "pending", "requested", "something new"])
def test_a_job_that_has_not_begun_may_still_want_a_runner(status: str) -> None:
    assert why_over(status, None) is None


@pytest.mark.parametrize(
    ("status", "conclusion", "why"),
    [
        ("completed", "cancelled", "GitHub says that it has completed (cancelled)"),
        ("in_progress", None, "GitHub says that it runs already"),
        (None, None, "GitHub has no such job"),
    ],
)
def test_a_job_that_ran_or_is_not_there_wants_none(
    status: str | None, conclusion: str | None, why: str
) -> None:
    assert why_over(status, conclusion) == why
