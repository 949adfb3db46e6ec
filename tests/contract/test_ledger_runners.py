"""What the ledger's ``Runners`` must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from slipway.domain.demand import running_by_repository
from slipway.domain.jobs import JobState
from slipway.domain.reach import EVERYONE
from slipway.domain.runners import RunnerState
from slipway.ports.ledger import Stopped
from tests.builders import NOW, POOL, a_runner, a_task_id, an_arn
from tests.contract.ledger_cases import ROUTE, Case, an_event, offered

TASK = a_task_id(1)


def registered(case: Case, **bound: str) -> None:
    """Add the first runner and bind it to a waiting job."""
    case.ledger.runners.add([a_runner()])
    case.ledger.jobs.record(an_event(), ROUTE)
    (offer,) = offered(case)
    assert case.ledger.claims.bind(a_runner(), offer, reach=bound.get("reach", "acme"), at=NOW) == "bound"
    case.ledger.claims.registered(POOL, TASK, 9_000)


def test_runners_come_back_as_they_were_added(case: Case) -> None:
    states = [state for state in RunnerState if state is not RunnerState.GONE]
    wanted = [a_runner(number, state) for number, state in enumerate(states, start=1)]
    case.ledger.runners.add(wanted)
    case.ledger.runners.add([])
    assert [case.ledger.runners.find(POOL, runner.task_id) for runner in wanted] == wanted
    assert list(case.snapshot().runners) == wanted


def test_adding_again_changes_nothing_of_what_is_known_and_adds_the_rest(case: Case) -> None:
    case.ledger.runners.add([a_runner(1)])
    case.ledger.runners.mark_running(POOL, TASK, instance_arn=an_arn("i-1"), at=NOW)
    case.ledger.runners.add([a_runner(1), a_runner(2)])
    known = {runner.task_id: runner.running_at for runner in case.snapshot().runners}
    assert known == {TASK: NOW, a_task_id(2): None}


def test_a_task_that_stopped_before_it_was_recorded_is_never_recorded(case: Case) -> None:
    """Its stop can overtake the reply of RunTask that brings it [ECS-EVENTS-AT-LEAST-ONCE]."""
    assert case.ledger.runners.remove(POOL, TASK, at=NOW, why="EssentialContainerExited") == Stopped(
        None, is_news=True
    )
    case.ledger.runners.add([a_runner(1), a_runner(2)])
    assert [runner.task_id for runner in case.snapshot().runners] == [a_task_id(2)]
    assert case.ledger.runners.is_gone(TASK)
    assert not case.ledger.runners.is_gone(a_task_id(2))


def test_a_task_that_waits_is_heard_of_until_it_claims(case: Case) -> None:
    case.ledger.runners.note_asked(POOL, TASK, NOW)
    assert case.ledger.runners.find(POOL, TASK) is None
    case.ledger.runners.add([a_runner(1)])
    case.ledger.runners.note_asked(POOL, TASK, NOW)
    assert [runner.asked_at for runner in case.snapshot().runners] == [NOW]
    case.ledger.runners.dismiss(POOL, TASK, at=NOW, why="surplus")
    case.ledger.runners.note_asked(POOL, TASK, NOW + 1)
    assert [runner.asked_at for runner in case.snapshot().runners] == [NOW]


def test_what_ecs_says_of_an_unknown_task_is_not_kept(case: Case) -> None:
    case.ledger.runners.mark_running(POOL, TASK, instance_arn=an_arn("i-1"), at=NOW)
    assert case.ledger.runners.find(POOL, TASK) is None


def test_a_registered_runner_becomes_busy_with_the_job_that_it_was_given(case: Case) -> None:
    registered(case)
    stolen = an_event(JobState.IN_PROGRESS, 2, repository="acme/two")
    assert case.ledger.runners.mark_busy(POOL, TASK, stolen)
    runner = case.ledger.runners.find(POOL, TASK)
    assert runner is not None
    assert (runner.state, runner.job, runner.repository, runner.busy_at) == (
        RunnerState.BUSY, stolen.key, "acme/two", stolen.received_at,
    )  # fmt: skip
    assert not case.ledger.runners.mark_busy(POOL, TASK, stolen)


def test_a_registered_runner_that_is_found_busy_runs_a_job_that_nobody_told(case: Case) -> None:
    registered(case)
    assert case.ledger.runners.found_busy(POOL, TASK, NOW + 5)
    runner = case.ledger.runners.find(POOL, TASK)
    assert runner is not None
    assert (runner.state, runner.job, runner.busy_at) == (RunnerState.BUSY, None, NOW + 5)
    assert not case.ledger.runners.found_busy(POOL, TASK, NOW + 65)


def test_the_late_word_of_a_job_says_what_a_runner_runs_that_was_found_busy(case: Case) -> None:
    registered(case)
    case.ledger.runners.found_busy(POOL, TASK, NOW + 5)
    stolen = an_event(JobState.IN_PROGRESS, 2, repository="acme/two", received_at=NOW + 90)
    assert (
        case.ledger.runners.mark_busy(POOL, TASK, an_event(JobState.IN_PROGRESS, organization="globex"))
        is None
    )
    before = case.ledger.runners.mark_busy(POOL, TASK, stolen)
    assert before is not None
    assert (before.state, before.job, before.made_for) == (RunnerState.BUSY, None, an_event().key)
    runner = case.ledger.runners.find(POOL, TASK)
    assert runner is not None
    assert (runner.job, runner.run_id, runner.repository) == (stolen.key, stolen.run_id, "acme/two")
    assert (runner.state, runner.busy_at) == (RunnerState.BUSY, NOW + 5)
    assert case.ledger.runners.mark_busy(POOL, TASK, an_event(JobState.IN_PROGRESS, 3)) is None


def test_of_a_shared_group_the_organization_that_ran_is_charged(case: Case) -> None:
    registered(case, reach=EVERYONE)
    thief = an_event(JobState.IN_PROGRESS, 2, organization="globex", repository="globex/greedy")
    assert case.ledger.runners.mark_busy(POOL, TASK, thief)
    charged = running_by_repository(case.snapshot().runners)
    assert charged == {("globex", "globex/greedy"): 1}


def test_what_was_never_registered_or_has_ended_is_not_found_busy(case: Case) -> None:
    case.ledger.runners.add([a_runner()])
    assert not case.ledger.runners.found_busy(POOL, TASK, NOW)
    case.ledger.runners.mark_ended(POOL, TASK, at=NOW, why="job completed")
    assert not case.ledger.runners.found_busy(POOL, TASK, NOW)
    assert not case.ledger.runners.found_busy(POOL, a_task_id(2), NOW)


@pytest.mark.parametrize(
    ("reach", "organization", "moves"),
    [("acme", "acme", True), ("acme", "globex", False), (EVERYONE, "globex", True)],
    ids=["its own", "another's", "a shared group's"],
)
def test_only_an_organization_that_may_use_a_runner_moves_it(
    case: Case, reach: str, organization: str, moves: bool
) -> None:
    registered(case, reach=reach)
    event = an_event(JobState.IN_PROGRESS, 2, organization=organization)
    assert (case.ledger.runners.mark_busy(POOL, TASK, event) is not None) is moves
    ended = case.ledger.runners.mark_ended(POOL, TASK, at=NOW, why="job completed", organization=organization)
    assert (ended is not None) is moves


def test_a_runner_that_has_ended_is_ended_once_and_stays_so(case: Case) -> None:
    registered(case)
    assert case.ledger.runners.mark_ended(POOL, TASK, at=NOW, why="job completed")
    assert not case.ledger.runners.mark_ended(POOL, TASK, at=NOW + 1, why="again")
    assert not case.ledger.runners.mark_busy(POOL, TASK, an_event(JobState.IN_PROGRESS))
    runner = case.ledger.runners.find(POOL, TASK)
    assert runner is not None
    assert (runner.state, runner.ended_at, runner.ended_why) == (RunnerState.GONE, NOW, "job completed")


def test_nothing_that_is_unknown_can_be_ended(case: Case) -> None:
    assert not case.ledger.runners.mark_ended(POOL, TASK, at=NOW, why="?")
    assert not case.ledger.runners.dismiss(POOL, TASK, at=NOW, why="?")
    assert case.items() == []


def test_a_runner_is_dismissed_only_before_it_claims(case: Case) -> None:
    registered(case)
    case.ledger.runners.add([a_runner(2)])
    assert not case.ledger.runners.dismiss(POOL, TASK, at=NOW, why="no job waits")
    assert case.ledger.runners.dismiss(POOL, a_task_id(2), at=NOW, why="no job waits")
    assert not case.ledger.runners.dismiss(POOL, a_task_id(2), at=NOW, why="no job waits")


def test_a_claim_and_a_dismissal_at_once_let_one_of_them_through(shared_case: Case) -> None:
    case = shared_case
    for number in range(1, 13):
        runner = a_runner(number)
        case.ledger.jobs.record(an_event(number=number), ROUTE)
        case.ledger.runners.add([runner])
        offer = offered(case)[-1]
        with ThreadPoolExecutor(2) as both:
            bind = both.submit(case.ledger.claims.bind, runner, offer, reach="acme", at=NOW)
            away = both.submit(case.ledger.runners.dismiss, POOL, runner.task_id, at=NOW, why="drained")
        assert (bind.result() == "bound") is not away.result()


def test_a_stopped_task_leaves_its_pool_and_is_remembered_past_its_credentials_life(case: Case) -> None:
    """[IAM-CREDENTIALS-OUTLIVE-TASK]"""
    case.ledger.runners.add([a_runner()])
    assert case.ledger.runners.remove(POOL, TASK, at=NOW, why="x" * 1_000) == Stopped(
        a_runner(), is_news=True
    )
    assert case.ledger.runners.remove(POOL, TASK, at=NOW + 1, why="doubled") == Stopped(None, is_news=False)
    assert case.snapshot().runners == ()
    stone = case.item(f"GONE#{TASK}", "GONE")
    assert float(stone["expires_at"]["N"]) > NOW + 6 * 3_600
    assert len(stone["why"]["S"]) <= 200


def test_a_registration_that_may_outlive_its_task_is_an_orphan_until_it_is_gone(case: Case) -> None:
    registered(case)
    case.ledger.runners.remove(POOL, TASK, at=NOW, why="SpotInterruption")
    (orphan,) = case.snapshot().orphans
    assert (orphan.task_id, orphan.runner_id, orphan.reach, orphan.at) == (TASK, 9_000, "acme", NOW)
    case.ledger.runners.forget_orphan(POOL, TASK)
    case.ledger.runners.forget_orphan(POOL, TASK)
    assert case.snapshot().orphans == ()


def test_a_runner_whose_job_completed_leaves_no_orphan(case: Case) -> None:
    registered(case)
    case.ledger.runners.mark_ended(POOL, TASK, at=NOW, why="job completed")
    case.ledger.runners.remove(POOL, TASK, at=NOW, why="EssentialContainerExited")
    assert case.snapshot().orphans == ()


def test_the_first_claim_of_an_unknown_task_is_remembered(case: Case) -> None:
    assert case.ledger.runners.first_heard_of(TASK, NOW) == NOW
    assert case.another().runners.first_heard_of(TASK, NOW + 50) == NOW
    assert case.ledger.runners.first_heard_of(a_task_id(2), NOW + 50) == NOW + 50
