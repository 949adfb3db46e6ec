"""What becomes of the interrupted jobs of one run, decided by the jobs of its latest attempt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.domain.interruptions import Interruption, decide
from slipway.domain.jobs import JobKey
from slipway.domain.readings import JobReading
from tests.builders import a_task_id


def an_interruption(number: int) -> Interruption:
    key = JobKey("alpha", number, 1)
    return Interruption(a_task_id(number), key, 77, "alpha/web", at=0.0, due_at=60.0)


def a_reading(number: int, conclusion: str | None = "failure", status: str = "completed") -> JobReading:
    name = f"slipway-small-{a_task_id(number)}"
    return JobReading(1_000 + number, 77, 1, status, ("small",), conclusion, runner_name=name)


ONE, TWO = an_interruption(1), an_interruption(2)


def test_an_interrupted_job_is_run_again_by_its_id_in_the_latest_attempt() -> None:
    assert decide([ONE], [a_reading(1), a_reading(9, "success")]).again == ((ONE, 1_001),)


@pytest.mark.parametrize("status", ["queued", "in_progress", "waiting", "pending", "requested"])
def test_while_any_job_of_the_run_is_not_over_all_wait(status: str) -> None:
    decision = decide([ONE, TWO], [a_reading(1), a_reading(2), a_reading(9, None, status)])
    assert (decision.again, decision.over) == ((), ())


@pytest.mark.parametrize("conclusion", ["success", "cancelled", "skipped", "timed_out", "neutral", None])
def test_what_did_not_end_with_a_failure_is_not_run_again(conclusion: str | None) -> None:
    decision = decide([ONE], [a_reading(1, conclusion)])
    assert decision.again == ()
    assert [item for item, _ in decision.over] == [ONE]


@pytest.mark.parametrize("attempt", [[], [a_reading(9)], [replace(a_reading(1), runner_name=None)]])
def test_what_the_latest_attempt_has_no_more_is_not_run_again(attempt: list[JobReading]) -> None:
    decision = decide([ONE], attempt)
    assert decision.again == ()
    assert [item for item, _ in decision.over] == [ONE]


def test_all_come_back_at_once_where_nothing_else_failed() -> None:
    decision = decide(
        [TWO, ONE], [a_reading(2), a_reading(1), a_reading(9, "success"), a_reading(8, "skipped")]
    )
    assert decision.again == ((ONE, 1_001), (TWO, 1_002))


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out"])
def test_one_comes_back_at_a_time_where_something_else_failed(conclusion: str) -> None:
    decision = decide([ONE, TWO], [a_reading(2), a_reading(1), a_reading(9, conclusion)])
    assert (decision.again, decision.over) == (((ONE, 1_001),), ())
