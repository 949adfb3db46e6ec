"""Pull requests by the GitHub App: each call and answer held against the schema of each edition of GitHub."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.adapters.github.pull_requests import GitHubPullRequests
from slipway.domain.environments.announcing import DeploymentState
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.errors import RefusedError, UnavailableError, UnknownOutcomeError
from tests.contract.github_faces import Case

MARK = "<!-- slipway-pr000000000 -->"


@pytest.fixture
def pulls(github: Case) -> GitHubPullRequests:
    installation = github.acme.installation
    installation.permissions |= {"pull_requests": "write", "deployments": "write"}
    return GitHubPullRequests(github.api, github.tokens)


def test_open_pull_requests_are_read_whatever_their_number(github: Case, pulls: GitHubPullRequests) -> None:
    made = [github.twin.pulls.open("alpha/web", branch=f"feature/{n}") for n in range(105)]
    github.twin.pulls.close(made[3])
    found = pulls.open("alpha/web")
    assert found is not None
    assert len(found) == 104
    newest = found[0]
    assert (newest.key, newest.commit) == (EnvironmentKey("alpha/web", 105), made[-1].head_sha)
    assert (newest.branch, newest.actor) == ("feature/104", "octocat")
    assert (newest.is_draft, newest.is_fork, newest.labels) == (False, False, frozenset())


def test_labels_lose_their_case_and_drafts_and_forks_are_known(
    github: Case, pulls: GitHubPullRequests
) -> None:
    github.twin.pulls.open("alpha/web", labels=("Preview", "Größe"), draft=True)
    github.twin.pulls.open("alpha/web", source="fork")
    found = pulls.open("alpha/web")
    assert found is not None
    fork, draft = found
    assert (draft.labels, draft.is_draft, draft.is_fork) == (frozenset({"preview", "größe"}), True, False)
    assert (fork.is_draft, fork.is_fork) == (False, True)


def test_a_repository_that_is_gone_or_that_the_app_may_not_see_is_none(
    github: Case, pulls: GitHubPullRequests
) -> None:
    site = github.twin.world.repositories["alpha/site"]
    narrow = replace(github.acme.installation, repositories=frozenset({site.id}))
    github.twin.credentials.installations[narrow.id] = narrow
    assert pulls.open("alpha/none") is None
    assert pulls.open("alpha/web") is None


def test_without_a_token_nothing_is_said_of_a_repository(github: Case, pulls: GitHubPullRequests) -> None:
    with pytest.raises(UnavailableError):
        pulls.open("beta/api")
    github.twin.suspend(github.acme.installation)
    with pytest.raises((UnavailableError, RefusedError)):
        pulls.open("alpha/web")


def test_a_comment_is_written_once_and_edited(github: Case, pulls: GitHubPullRequests) -> None:
    made = github.twin.pulls.open("alpha/web")
    key = EnvironmentKey("alpha/web", made.number)
    comment_id = pulls.comment(key, None, MARK, f"{MARK}\none")
    assert pulls.comment(key, comment_id, MARK, f"{MARK}\ntwo") == comment_id
    assert pulls.comment(key, None, MARK, f"{MARK}\nthree") == comment_id
    assert [comment.body for comment in github.twin.pulls.comments] == [f"{MARK}\nthree"]


def test_a_comment_whose_answer_was_lost_is_found_again(github: Case, pulls: GitHubPullRequests) -> None:
    made = github.twin.pulls.open("alpha/web")
    key = EnvironmentKey("alpha/web", made.number)
    github.twin.faults.next("POST", r"/comments$", 0, after_success=True)
    with pytest.raises(UnknownOutcomeError):
        pulls.comment(key, None, MARK, MARK)
    pulls.comment(key, None, MARK, MARK)
    assert len(github.twin.pulls.comments) == 1


def test_a_deployment_is_made_once_and_its_status_told(github: Case, pulls: GitHubPullRequests) -> None:
    made = github.twin.pulls.open("alpha/web")
    key = EnvironmentKey("alpha/web", made.number)
    number = pulls.deployment(key, made.head_sha, "pr-1")
    assert pulls.deployment(key, made.head_sha, "pr-1") == number
    pulls.report(key, number, DeploymentState.SUCCESS, "https://pr1.example.com")
    pulls.report(key, 999, DeploymentState.INACTIVE, "")
    (deployment,) = github.twin.pulls.deployments
    assert deployment.statuses == [("success", "https://pr1.example.com")]


def test_a_missing_permission_is_told_and_not_taken_for_something_that_is_gone(
    github: Case, pulls: GitHubPullRequests
) -> None:
    made = github.twin.pulls.open("alpha/web")
    del github.acme.installation.permissions["deployments"]
    with pytest.raises(RefusedError) as caught:
        pulls.deployment(EnvironmentKey("alpha/web", made.number), made.head_sha, "pr-1")
    assert caught.value.code == "403"
