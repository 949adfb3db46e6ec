"""Workflow jobs, read and run again by the GitHub App."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from local.twin.github.model import WorkflowJob
from slipway.adapters.github.workflow_jobs import GitHubWorkflowJobs
from slipway.domain.errors import RefusedError, UnavailableError, UnknownOutcomeError
from tests.contract.github_faces import Case
from tests.support.github_enterprise import LABELS


def jobs(case: Case) -> GitHubWorkflowJobs:
    return GitHubWorkflowJobs(case.api, case.tokens)


def test_a_queued_job_is_read_with_its_labels_and_times(github: Case) -> None:
    job = github.acme.job("alpha/web")
    found = jobs(github).find("alpha/web", job.id)
    assert found is not None
    assert (found.job_id, found.run_id, found.run_attempt) == (job.id, job.run_id, 1)
    assert (found.status, found.conclusion, found.labels) == ("queued", None, LABELS)
    assert found.created_at == job.created_at
    assert (found.completed_at, found.runner_name) == (None, None)


def test_a_cancelled_job_is_read_as_completed(github: Case) -> None:
    job = github.acme.job("alpha/web")
    github.twin.jobs.cancel(job.id, announced=False)
    found = jobs(github).find("alpha/web", job.id)
    assert found is not None
    assert (found.status, found.conclusion) == ("completed", "cancelled")
    assert found.completed_at == github.acme.clock.now()


def test_a_job_that_github_does_not_have_is_none(github: Case) -> None:
    assert jobs(github).find("alpha/web", 404_404) is None


def test_where_the_app_is_not_installed_nothing_is_said_of_the_job(github: Case) -> None:
    job = github.acme.job("beta/api")
    with pytest.raises(RefusedError, match="not installed on beta"):
        jobs(github).find("beta/api", job.id)


def test_a_job_of_a_repository_that_the_app_may_not_see_is_not_called_missing(github: Case) -> None:
    """[GH-404-HIDDEN]"""
    job = github.acme.job("alpha/web")
    site = github.twin.world.repositories["alpha/site"]
    narrow = replace(github.acme.installation, repositories=frozenset({site.id}))
    github.twin.credentials.installations[narrow.id] = narrow
    with pytest.raises(RefusedError, match="not installed on alpha/web"):
        jobs(github).find("alpha/web", job.id)


@pytest.mark.parametrize("status", [0, 502])
def test_a_missing_job_is_in_doubt_while_nobody_says_whether_the_app_sees_its_repository(
    github: Case, status: int
) -> None:
    reader = jobs(github)
    assert reader.find("alpha/web", 404_404) is None
    github.twin.faults.next("GET", "/repos/alpha/web/installation$", status)
    with pytest.raises(UnavailableError):
        reader.find("alpha/web", 404_404)


@pytest.mark.parametrize("status", [0, 502])
def test_a_reading_without_an_answer_can_be_made_again(github: Case, status: int) -> None:
    job = github.acme.job("alpha/web")
    github.twin.faults.next("GET", "/actions/jobs/", status)
    with pytest.raises(UnavailableError):
        jobs(github).find("alpha/web", job.id)
    assert jobs(github).find("alpha/web", job.id) is not None


CALLS: dict[str, Callable[[GitHubWorkflowJobs, WorkflowJob], object]] = {
    "find": lambda adapter, job: adapter.find("alpha/web", job.id),
    "of_run": lambda adapter, job: adapter.of_run("alpha/web", job.run_id),
    "run_again": lambda adapter, job: adapter.run_again("alpha/web", job.id),
    "run_failed_again": lambda adapter, job: adapter.run_failed_again("alpha/web", job.run_id),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_token_that_github_no_longer_takes_is_made_anew_for_the_next_call(
    github: Case, call: Callable[[GitHubWorkflowJobs, WorkflowJob], object]
) -> None:
    """The App was installed anew: the installation that its token is of is gone."""
    (failed,) = a_finished_run(github, "failure")
    adapter = jobs(github)
    adapter.find("alpha/web", failed.id)
    github.installed_anew().permissions["actions"] = "write"
    with pytest.raises(RefusedError) as caught:
        call(adapter, failed)
    assert caught.value.code == "401"
    call(adapter, failed)


# Running jobs again.


def a_finished_run(github: Case, *conclusions: str) -> list[WorkflowJob]:
    """One run of alpha/web whose jobs ended so, and the App's permission to run them again."""
    github.acme.installation.permissions["actions"] = "write"
    jobs_of_run: list[WorkflowJob] = []
    for number, conclusion in enumerate(conclusions):
        run_id = jobs_of_run[0].run_id if jobs_of_run else None
        jobs_of_run.append(github.acme.job(duration_seconds=5, conclusion=conclusion, run_id=run_id))
        github.acme.listener(f"runner-{number}")
    github.acme.clock.advance(30)
    return jobs_of_run


def test_a_job_is_run_again_and_the_others_are_copied_into_the_attempt(github: Case) -> None:
    """[GH-RERUN] [GH-RERUN-COPIES]"""
    failed, fine = a_finished_run(github, "failure", "success")
    jobs(github).run_again("alpha/web", failed.id)
    attempt = {job.runner_name: job for job in jobs(github).of_run("alpha/web", failed.run_id)}
    assert set(attempt) == {None, "runner-1"}
    assert (attempt[None].status, attempt["runner-1"].conclusion) == ("queued", "success")
    assert {job.run_attempt for job in attempt.values()} == {2}
    assert {job.job_id for job in attempt.values()}.isdisjoint({failed.id, fine.id})


def test_all_failed_jobs_of_a_run_come_back_in_one_attempt(github: Case) -> None:
    first, _, third = a_finished_run(github, "failure", "success", "failure")
    jobs(github).run_failed_again("alpha/web", first.run_id)
    attempt = jobs(github).of_run("alpha/web", third.run_id)
    assert sorted(job.status for job in attempt) == ["completed", "queued", "queued"]
    assert {job.run_attempt for job in attempt} == {2}
    posts = {name: count for name, count in github.twin.calls.items() if name.startswith("POST /repos/")}
    assert list(posts.values()) == [1]
    assert all(name.endswith("/rerun-failed-jobs") for name in posts)


@pytest.mark.parametrize("call", ["job", "failed"])
def test_nothing_is_run_again_while_the_run_goes_on(github: Case, call: str) -> None:
    """[GH-RERUN]"""
    (failed,) = a_finished_run(github, "failure")
    github.acme.job(run_id=failed.run_id)
    with pytest.raises(RefusedError, match="already running") as caught:
        ask(github, call, failed)
    assert caught.value.code == "403"


def test_a_job_of_an_earlier_attempt_is_not_run_again(github: Case) -> None:
    """[GH-RERUN]"""
    failed, other = a_finished_run(github, "failure", "failure")
    jobs(github).run_again("alpha/web", failed.id)
    github.acme.listener("runner-9")
    github.acme.clock.advance(30)
    with pytest.raises(RefusedError, match="Only jobs from the current attempt"):
        jobs(github).run_again("alpha/web", other.id)


@pytest.mark.parametrize("call", ["job", "failed"])
def test_a_missing_permission_to_run_jobs_again_names_its_cure(github: Case, call: str) -> None:
    (failed,) = a_finished_run(github, "failure")
    github.acme.installation.permissions["actions"] = "read"
    with pytest.raises(RefusedError, match="give the App the repository permission Actions: write"):
        ask(github, call, failed)


@pytest.mark.parametrize("call", ["job", "failed"])
@pytest.mark.parametrize("status", [0, 502])
def test_a_re_run_whose_answer_was_lost_is_of_unknown_outcome(github: Case, call: str, status: int) -> None:
    (failed,) = a_finished_run(github, "failure")
    github.twin.faults.next("POST", "/rerun", status, after_success=True)
    with pytest.raises(UnknownOutcomeError):
        ask(github, call, failed)
    assert [job.run_attempt for job in jobs(github).of_run("alpha/web", failed.run_id)] == [2]


def test_the_jobs_of_a_run_are_read_over_all_pages(github: Case) -> None:
    """[GH-PAGE-MAX]"""
    first = github.acme.job()
    for _ in range(104):
        github.acme.job(run_id=first.run_id)
    assert len({job.job_id for job in jobs(github).of_run("alpha/web", first.run_id)}) == 105


def test_a_run_that_github_does_not_have_has_no_jobs(github: Case) -> None:
    assert jobs(github).of_run("alpha/web", 404_404) == []
    with pytest.raises(RefusedError, match="not installed on beta"):
        jobs(github).of_run("beta/api", 404_404)


@pytest.mark.parametrize("status", [0, 502, 429])
def test_a_run_whose_jobs_cannot_be_read_whole_is_not_read(github: Case, status: int) -> None:
    first = github.acme.job()
    github.twin.faults.next("GET", "/actions/runs/", status)
    with pytest.raises(UnavailableError):
        jobs(github).of_run("alpha/web", first.run_id)


def test_a_missing_permission_to_read_jobs_names_its_cure(github: Case) -> None:
    first = github.acme.job()
    del github.acme.installation.permissions["actions"]
    with pytest.raises(RefusedError, match="give the App the repository permission Actions: read"):
        jobs(github).of_run("alpha/web", first.run_id)
    with pytest.raises(RefusedError, match="give the App the repository permission Actions: read"):
        jobs(github).find("alpha/web", first.id)


def ask(github: Case, call: str, job: WorkflowJob) -> None:
    if call == "job":
        jobs(github).run_again("alpha/web", job.id)
    else:
        jobs(github).run_failed_again("alpha/web", job.run_id)
