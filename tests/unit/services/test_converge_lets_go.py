"""What takes EC2 seconds is asked for when the pool is let go, by whoever wrote it down, and by nobody else meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.domain.errors import ThrottledError
from slipway.domain.intents import ANSWER_SECONDS, Intent
from slipway.services.apply import MOST_AWAITED
from tests.builders import NOW, POOL, a_launch_intent
from tests.contract.ledger_cases import ROUTE, an_event
from tests.support.converging import Stage


def stage_with_a_job() -> Stage:
    """A pool with one job that needs an instance."""
    found = Stage()
    found.ledger.jobs.record(an_event(), ROUTE)
    return found


def awaited(number: int, until: float) -> Intent:
    """What some other invocation asked for, and may still wait for."""
    return replace(a_launch_intent(token=f"{number:032d}", for_stopped_tier=True), awaited_until=until)


def test_ec2_is_asked_when_the_pool_is_let_go_and_the_pool_is_converged_once_more_for_what_it_brought() -> (
    None
):
    found = stage_with_a_job()
    found.converge()
    order = [name for name in found.calls.made if name in ("ask", "rows.release", "carry_out", "rows.want")]
    assert order[:4] == ["ask", "rows.release", "carry_out", "rows.want"]
    assert found.calls.made.count("rows.acquire") == 2


def test_what_another_may_still_wait_for_is_not_repeated_before_nobody_can() -> None:
    waited_for, given_up = Stage(), Stage()
    waited_for.ledger.intents.write(awaited(1, NOW + 0.5))
    given_up.ledger.intents.write(awaited(1, NOW - 0.5))
    waited_for.converge()
    given_up.converge()
    assert waited_for.settled == []
    assert [intent.token for intent in given_up.settled] == [awaited(1, 0.0).token]


@pytest.mark.parametrize(("under_way", "asks"), [(MOST_AWAITED - 1, True), (MOST_AWAITED, False)])
def test_so_many_answers_are_waited_for_at_once(under_way: int, *, asks: bool) -> None:
    """Each keeps an invocation busy; what is too much is asked for when the first answer is here."""
    found = stage_with_a_job()
    for number in range(under_way):
        found.ledger.intents.write(awaited(number, NOW + ANSWER_SECONDS))
    found.converge()
    assert ("carry_out" in found.calls.made) is asks


def test_without_the_time_for_an_answer_it_is_forgotten_and_planned_anew_by_a_convergence_that_is_woken() -> (
    None
):
    found = stage_with_a_job()
    left = iter([True])
    found.converge(has_time=lambda: next(left, False))
    assert "carry_out" not in found.calls.made
    assert "forget" in found.calls.made
    assert found.wakeups.delays == [0]


@pytest.mark.parametrize("faulty", [["rows.release"], ["rows.release", "rows.abandon"]])
def test_what_was_written_down_is_asked_for_though_the_pool_could_not_be_let_go_in_order(
    faulty: list[str],
) -> None:
    """Nobody repeats it while it is awaited, nor while the pool is held."""
    found = stage_with_a_job()
    found.calls.faults |= dict.fromkeys(faulty, ThrottledError("the table is busy"))
    with pytest.raises(ThrottledError):
        found.converge()
    assert found.calls.made.index("rows.abandon") < found.calls.made.index("carry_out")


def test_news_that_came_meanwhile_is_left_to_another_while_ec2_is_asked() -> None:
    found = stage_with_a_job()
    found.ledger.rows.want(POOL)
    found.on_ask = lambda: found.ledger.rows.want(POOL)
    found.converge()
    made = found.calls.made
    assert made.index("rows.release") < made.index("rows.abandon") < made.index("carry_out")
    assert found.wakeups.delays == [0]
