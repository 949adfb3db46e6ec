"""What the ledger's ``Interruptions`` must do: jobs that were running when EC2 took their instance away."""

from __future__ import annotations

from slipway.domain.interruptions import LOOK_SECONDS, Interruption
from slipway.domain.jobs import JobState
from slipway.domain.runners import RunnerState, TaskHost
from tests.builders import NOW, POOL, a_runner, a_task_id
from tests.contract.ledger_cases import Case, an_event


def a_busy_runner(case: Case, number: int = 1) -> None:
    """Record a runner that runs a job of its organization."""
    registered = a_runner(number, RunnerState.REGISTERED, organization="acme", reach="acme")
    case.ledger.runners.add([registered])
    assert case.ledger.runners.mark_busy(POOL, a_task_id(number), an_event(JobState.IN_PROGRESS, number))


def lose(case: Case, number: int = 1, at: float = NOW) -> None:
    case.ledger.runners.remove(
        POOL,
        a_task_id(number),
        at=at,
        why="Host EC2 terminated",
        host=TaskHost(is_lost=True),
        run_again=True,
    )


def test_a_busy_runner_that_lost_its_host_leaves_an_interruption(case: Case) -> None:
    a_busy_runner(case)
    lose(case)
    event = an_event(JobState.IN_PROGRESS)
    assert case.ledger.interruptions.pending() == [
        Interruption(
            task_id=a_task_id(1),
            job=event.key,
            run_id=event.run_id,
            repository=event.repository,
            at=NOW,
            due_at=NOW + LOOK_SECONDS,
        )
    ]


def test_a_host_that_is_lost_twice_interrupts_once(case: Case) -> None:
    a_busy_runner(case)
    lose(case)
    before = case.ledger.interruptions.pending()
    lose(case, at=NOW + 30)
    assert case.ledger.interruptions.pending() == before


def test_a_completion_that_comes_before_the_stop_hides_no_interruption(case: Case) -> None:
    """A runner that can still say so tells GitHub before ECS tells us."""
    a_busy_runner(case)
    case.ledger.runners.mark_ended(POOL, a_task_id(1), at=NOW, why="job completed", organization="acme")
    lose(case)
    assert [item.task_id for item in case.ledger.interruptions.pending()] == [a_task_id(1)]


def test_a_runner_that_ended_otherwise_or_had_no_job_interrupts_nothing(case: Case) -> None:
    a_busy_runner(case)
    case.ledger.runners.remove(POOL, a_task_id(1), at=NOW, why="EssentialContainerExited")
    case.ledger.runners.add([a_runner(2), a_runner(3, RunnerState.REGISTERED, organization="acme")])
    for number in (2, 3, 4):
        lose(case, number)
    assert case.ledger.interruptions.pending() == []


def test_interruptions_come_in_the_order_in_which_they_are_due_until_they_are_settled(case: Case) -> None:
    for number in (1, 2, 3):
        a_busy_runner(case, number)
        lose(case, number, at=NOW - number)
    ledger = case.ledger.interruptions
    third, second, first = ledger.pending()
    assert [item.task_id for item in (third, second, first)] == [a_task_id(number) for number in (3, 2, 1)]
    ledger.look_again(third, NOW + 600)
    for _ in range(2):
        ledger.settle(second)
    ledger.look_again(second, NOW + 600)  # settled meanwhile: it does not come back
    assert [(item.task_id, item.due_at) for item in ledger.pending()] == [
        (a_task_id(1), first.due_at),
        (a_task_id(3), NOW + 600),
    ]


def test_an_interruption_is_forgotten_in_the_end_whatever_happens(case: Case) -> None:
    a_busy_runner(case)
    lose(case)
    item = case.item("INTERRUPTED", a_task_id(1))
    assert NOW + 86_400 < float(item["expires_at"]["N"]) <= NOW + 8 * 86_400
