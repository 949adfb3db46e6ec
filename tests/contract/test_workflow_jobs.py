"""Single workflow jobs, read by the GitHub App."""

from __future__ import annotations

import pytest

from slipway.adapters.github.workflow_jobs import GitHubWorkflowJobs
from slipway.domain.errors import RefusedError, UnavailableError
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


@pytest.mark.parametrize("status", [0, 502])
def test_a_reading_without_an_answer_can_be_made_again(github: Case, status: int) -> None:
    job = github.acme.job("alpha/web")
    github.twin.faults.next("GET", "/actions/jobs/", status)
    with pytest.raises(UnavailableError):
        jobs(github).find("alpha/web", job.id)
    assert jobs(github).find("alpha/web", job.id) is not None
