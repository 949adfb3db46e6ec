"""An App with exactly the permissions of its manifest serves; with any of them taken away no job gets a runner."""

from __future__ import annotations

import pytest

from local.infrastructure.github_app import permissions
from slipway.domain.configuration import Registration
from tests.integration.loop.scenes import when
from tests.integration.loop.test_interrupted import LOST_AND_BACK, attempts, run_is_over, take_host_of
from tests.support.loop import Acme, a_configuration, acme

ENTERPRISE, ORGANIZATION, REPOSITORY = Registration


def deployment_with(granted: dict[str, str], registration: Registration, **github: int) -> Acme:
    deployment = acme(a_configuration(registration, **github))
    for installation in deployment.github.credentials.installations.values():
        installation.permissions.clear()
        installation.permissions.update(granted)
    return deployment


@pytest.mark.parametrize("registration", Registration)
def test_with_the_manifests_permissions_every_job_gets_its_runner(registration: Registration) -> None:
    granted = permissions(a_configuration(registration).github)
    deployment = deployment_with(granted, registration)
    jobs = [deployment.queue() for _ in range(3)]
    assert deployment.until_completed(*jobs)
    assert deployment.until_clean()
    assert deployment.loop.errors == []


@pytest.mark.parametrize(
    ("registration", "taken"),
    [
        (ORGANIZATION, "organization_self_hosted_runners"),
        (REPOSITORY, "administration"),
        (ORGANIZATION, "actions"),
        (ENTERPRISE, "actions"),
    ],
)
def test_with_one_of_them_taken_away_no_job_does(registration: Registration, taken: str) -> None:
    granted = permissions(a_configuration(registration).github)
    del granted[taken]
    deployment = deployment_with(granted, registration)
    assert not deployment.until_completed(deployment.queue(), limit_seconds=300.0)


def test_what_the_manifest_asks_for_to_run_jobs_again_is_enough() -> None:
    github = a_configuration(ENTERPRISE, rerun_interrupted=1).github
    deployment = deployment_with(permissions(github), ENTERPRISE, rerun_interrupted=1)
    job = deployment.queue(seconds=600.0)
    take_host_of(deployment, job)
    when(deployment, lambda: run_is_over(deployment, job, 2), LOST_AND_BACK + 600.0)
    assert attempts(deployment, job) == [(1, "failure"), (2, "success")]
