"""Which job events are let in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slipway.domain.admission import admit
from slipway.domain.delivery import Ignored
from slipway.domain.jobs import JobEvent, JobState
from tests.deliveries import MEDIUM, NOW, configuration

DAY = 24 * 3600
EVENT = JobEvent(
    action=JobState.QUEUED, job_id=9001, run_id=501, run_attempt=1, organization="Acme", organization_id=7,
    repository="Acme/Rocket", repository_id=77, public=False, labels=tuple(MEDIUM), received_at=NOW,
    created_at=NOW - 5,
)  # fmt: skip
OURS = "slipway-medium-0123456789abcdef0123456789abcdef"


def refusal(event: JobEvent, **github: Any) -> str | None:
    found = admit(event, configuration(**github), NOW)
    return found.code if isinstance(found, Ignored) else None


def test_a_job_that_a_profile_serves_is_let_in() -> None:
    assert refusal(EVENT) is None


@pytest.mark.parametrize(
    ("organizations", "wanted"),
    [(["*"], None), (["acme"], None), (["globex", "acme"], None), (["globex"], "organization_not_allowed"),
     ([], "organization_not_allowed"), (["acm", "acme2"], "organization_not_allowed")],
)  # fmt: skip
def test_only_allowed_organizations_are_served(organizations: list[str], wanted: str | None) -> None:
    assert refusal(EVENT, allowed_organizations=organizations) == wanted


@pytest.mark.parametrize(
    ("repositories", "wanted"),
    [([], None), (["acme/rocket"], None), (["acme/boat"], "repository_not_allowed"),
     (["globex/rocket"], "repository_not_allowed")],
)  # fmt: skip
def test_only_allowed_repositories_are_served(repositories: list[str], wanted: str | None) -> None:
    assert refusal(EVENT, allowed_repositories=repositories) == wanted


def test_a_public_repository_is_served_only_when_that_is_allowed() -> None:
    public = replace(EVENT, public=True)
    assert refusal(public) == "public_repository"
    assert refusal(public, allow_public_repositories=True) is None


@pytest.mark.parametrize("age", [0, 3600, DAY])
def test_a_job_queued_within_a_day_is_let_in(age: float) -> None:
    assert refusal(replace(EVENT, created_at=NOW - age)) is None


def test_day_old_replay_is_ignored() -> None:
    assert refusal(replace(EVENT, created_at=NOW - DAY - 1)) == "too_old"


def test_a_day_old_replay_of_a_server_that_gives_no_creation_time_is_ignored() -> None:
    assert refusal(replace(EVENT, created_at=None, started_at=NOW - DAY - 1)) == "too_old"
    assert refusal(replace(EVENT, created_at=None, started_at=None)) is None


@pytest.mark.parametrize("action", [JobState.IN_PROGRESS, JobState.COMPLETED])
def test_the_end_of_a_job_that_ran_for_days_is_let_in(action: JobState) -> None:
    assert refusal(replace(EVENT, action=action, created_at=NOW - 5 * DAY)) is None


@pytest.mark.parametrize("action", [JobState.IN_PROGRESS, JobState.COMPLETED])
def test_a_refused_job_that_took_a_runner_of_ours_is_told_all_the_same(action: JobState) -> None:
    taken = replace(EVENT, action=action, public=True, runner_name=OURS)
    assert refusal(taken, allowed_organizations=["globex"]) is None
    assert refusal(replace(taken, runner_name="GitHub Actions 5")) == "public_repository"


def test_a_queued_job_is_refused_whatever_runner_it_names() -> None:
    assert refusal(replace(EVENT, public=True, runner_name=OURS)) == "public_repository"


@pytest.mark.parametrize(
    ("labels", "code"),
    [(("ubuntu-latest",), "no_profile"), ((), "no_labels"), (("slipway/medium/cpu=4_0",), "labels_unreadable"),
     (("slipway/medium/cpu=64",), "size_out_of_bounds"), (("slipway/medium/run=1-1",), "run_mismatch")],
)  # fmt: skip
def test_labels_that_no_profile_serves_are_refused_with_the_code_of_routing(
    labels: tuple[str, ...], code: str
) -> None:
    assert refusal(replace(EVENT, labels=labels)) == code
