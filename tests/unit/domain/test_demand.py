"""Which waiting jobs idle runners will serve, and what runs where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import GitHubTarget, Registration
from slipway.domain.demand import covered_jobs, retry_delay_seconds, running_by_repository
from slipway.domain.jobs import JobKey
from slipway.domain.reach import reach_of
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import WaitingJob
from tests.builders import a_github, a_job, a_runner, a_task_id, several_jobs
from tests.strategies import Situation, of_pools, situations

GITHUB = a_github()
ONE_GROUP_FOR_ALL = a_github(runner_group="slipway")
REACHES = [
    pytest.param(a_github(), "acme", id="one group an organization"),
    pytest.param(a_github(registration=Registration.ORGANIZATION), "acme", id="organization"),
    pytest.param(a_github(registration=Registration.REPOSITORY), "acme/one", id="repository"),
    pytest.param(ONE_GROUP_FOR_ALL, "*", id="one group for all"),
]


def idle(number: int, **changes: object) -> Runner:
    return a_runner(number, RunnerState.REGISTERED, **changes)


def covered(jobs: tuple[WaitingJob, ...], *runners: Runner, github: GitHubTarget = GITHUB) -> dict[int, str]:
    return {key.job_id: task for key, task in covered_jobs(jobs, runners, github).items()}


@pytest.mark.parametrize(("github", "reach"), REACHES)
def test_reach_is_the_narrowest_scope_in_which_a_runner_competes(github: GitHubTarget, reach: str) -> None:
    """[GH-JIT-NOT-BOUND]"""
    assert reach_of(github, "ACME", "ACME/One") == reach


def test_an_organizations_group_is_no_wider_than_the_organization_though_a_group_is_named() -> None:
    github = a_github(registration=Registration.ORGANIZATION, runner_group="slipway")
    assert reach_of(github, "Acme", "Acme/One") == "acme"


def test_the_waits_between_runners_that_nobody_takes_double_and_end_at_one_an_hour() -> None:
    assert [retry_delay_seconds(untaken) for untaken in range(1, 8)] == [
        60,
        120,
        240,
        480,
        3_600,
        3_600,
        3_600,
    ]


def test_an_idle_runner_covers_one_job() -> None:
    assert covered(several_jobs(3), idle(1)) == {1: a_task_id(1)}


@pytest.mark.parametrize(
    "state", [state for state in RunnerState if state is not RunnerState.REGISTERED], ids=str
)
def test_a_runner_that_does_not_idle_covers_nothing(state: RunnerState) -> None:
    runner = replace(idle(1), state=state)
    assert covered((a_job(offered_to=a_task_id(1)),), runner) == {}


def test_a_job_keeps_the_runner_that_was_minted_for_it_while_older_ones_wait() -> None:
    oldest, minted = a_job(1, queued_at=10.0), a_job(2, queued_at=20.0, offered_to=a_task_id(5))
    assert covered((oldest, minted), idle(5)) == {2: a_task_id(5)}


def test_a_job_whose_runner_was_taken_by_another_is_uncovered() -> None:
    """Runner 5 was minted for job 1, and job 9 of the same labels took it [GH-WJ-13]."""
    waiting = a_job(1, offered_to=a_task_id(5))
    assert covered((waiting,), idle(5)) == {1: a_task_id(5)}
    stolen = a_runner(5, RunnerState.BUSY, job=JobKey("acme", 9, 1))
    assert covered((waiting,), stolen) == {}


def test_the_thiefs_own_runner_covers_the_job_that_was_robbed() -> None:
    """After a theft the runner minted for the thief idles, and GitHub gives it to the other [GH-WJ-13]."""
    stolen, spare = a_runner(5, RunnerState.BUSY, job=JobKey("acme", 9, 1)), idle(6, job=JobKey("acme", 9, 1))
    assert covered((a_job(1, offered_to=a_task_id(5)),), stolen, spare) == {1: a_task_id(6)}


def test_spare_runners_cover_the_oldest_jobs() -> None:
    waiting = (a_job(1, queued_at=30.0), a_job(2, queued_at=10.0), a_job(3, queued_at=20.0))
    assert set(covered(waiting, idle(1), idle(2))) == {2, 3}


def test_jobs_of_one_age_are_covered_by_the_lowest_id() -> None:
    assert set(covered((a_job(2, queued_at=1.0), a_job(1, queued_at=1.0)), idle(1))) == {1}


def test_many_completions_in_one_second_hide_no_waiting_job() -> None:
    """Ended runners are no supply and no negative demand [GH-WJ-8]."""
    ended = [a_runner(number, RunnerState.GONE) for number in range(50)]
    assert covered(several_jobs(1), *ended) == {}


def test_a_runner_of_one_organization_covers_no_job_of_another() -> None:
    theirs = a_job(1, organization="globex", repository="globex/one")
    assert covered((theirs,), idle(1, reach="acme")) == {}
    assert covered((theirs,), idle(1, reach="globex")) == {1: a_task_id(1)}


def test_a_runner_of_one_repository_covers_no_job_of_its_neighbour() -> None:
    github = a_github(registration=Registration.REPOSITORY)
    waiting = (a_job(1, repository="acme/two"),)
    assert covered(waiting, idle(1, reach="acme/one"), github=github) == {}
    assert covered(waiting, idle(1, reach="acme/two"), github=github) == {1: a_task_id(1)}


def test_a_runner_of_the_group_for_all_covers_any_organizations_job() -> None:
    theirs = a_job(1, organization="globex", repository="globex/one")
    assert covered((theirs,), idle(1, reach="*"), github=ONE_GROUP_FOR_ALL) == {1: a_task_id(1)}


def test_logins_are_compared_without_case() -> None:
    assert covered((a_job(1, organization="ACME"),), idle(1, reach="acme")) == {1: a_task_id(1)}


def test_other_labels_are_another_supply() -> None:
    assert covered((a_job(1),), idle(1, label_key="other-labels")) == {}


def test_a_runner_that_was_minted_elsewhere_covers_nothing_though_it_is_named() -> None:
    named = a_job(1, offered_to=a_task_id(1))
    assert covered((named,), idle(1, reach="globex")) == {}


@of_pools
@given(situations())
def test_each_idle_runner_covers_at_most_one_job_of_its_reach_and_labels(situation: Situation) -> None:
    snapshot, github = situation.snapshot, situation.configuration.github
    found = covered_jobs(snapshot.jobs, snapshot.runners, github)
    assert len(set(found.values())) == len(found)
    runners = {runner.task_id: runner for runner in snapshot.runners}
    for job in snapshot.jobs:
        if job.key in found:
            runner = runners[found[job.key]]
            reach = reach_of(github, job.organization, job.repository)
            assert (runner.is_idle, runner.reach, runner.label_key) == (True, reach, job.label_key)


@of_pools
@given(situations())
def test_no_idle_runner_is_left_over_while_a_job_that_it_may_get_is_uncovered(situation: Situation) -> None:
    snapshot, github = situation.snapshot, situation.configuration.github
    found = covered_jobs(snapshot.jobs, snapshot.runners, github)
    spare = {
        (runner.reach, runner.label_key)
        for runner in snapshot.runners
        if runner.is_idle and runner.task_id not in found.values()
    }
    for job in snapshot.jobs:
        if job.key not in found:
            assert (reach_of(github, job.organization, job.repository), job.label_key) not in spare


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8))
def test_uncovered_are_the_queued_jobs_less_the_idle_runners(waiting: int, idling: int, ended: int) -> None:
    runners = [idle(number) for number in range(idling)]
    runners += [a_runner(100 + number, RunnerState.GONE) for number in range(ended)]
    assert waiting - len(covered(several_jobs(waiting), *runners)) == max(0, waiting - idling)


def test_what_is_registered_or_busy_runs_and_nothing_else() -> None:
    runners = [a_runner(number, state) for number, state in enumerate(RunnerState)]
    assert running_by_repository(runners) == {("acme", "acme/one"): 2}


def test_a_stolen_runner_is_charged_to_the_repository_that_runs() -> None:
    """[GH-WJ-13]"""
    thief = a_runner(1, RunnerState.BUSY, organization="Acme", repository="Acme/Two")
    assert running_by_repository([thief]) == {("acme", "acme/two"): 1}
