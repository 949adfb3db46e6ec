"""Which job a runner gets, and what becomes of runners and jobs that do not find each other."""

import pytest

from local.twin.github.listener import VirtualListener
from local.twin.github.model import JobRequest
from tests.support.github_enterprise import ENTERPRISE, Acme


def test_a_connecting_runner_takes_the_oldest_matching_job_of_the_scope_not_the_one_it_was_made_for(
    acme: Acme,
) -> None:
    """[GH-JIT-NOT-BOUND]"""
    older = acme.job()
    acme.clock.advance(5)
    newer = acme.job()
    acme.listener()
    acme.clock.advance(1)
    assert (older.status, newer.status) == ("in_progress", "queued")


def test_a_new_job_takes_a_runner_that_listens_already(acme: Acme) -> None:
    acme.listener()
    acme.clock.advance(300)
    job = acme.job()
    acme.clock.advance(1)
    assert job.status == "in_progress"
    assert job.now.runner is not None
    assert job.now.runner.name == "runner-1"


@pytest.mark.parametrize(
    ("wanted", "starts"),
    [
        (("SELF-HOSTED", "Linux"), True),
        (("self-hosted", "linux", "x64"), True),
        (("self-hosted", "linux", "x64", "gpu"), False),
    ],
    ids=["other case, fewer labels", "all labels", "one label more"],
)
def test_a_runner_must_have_every_label_of_the_job_in_any_case(
    acme: Acme, wanted: tuple[str, ...], starts: bool
) -> None:
    """[GH-LABELS-CASE]"""
    job = acme.job(labels=wanted)
    acme.listener()
    acme.clock.advance(1)
    assert (job.status == "in_progress") is starts


def test_a_group_keeps_its_runners_from_jobs_of_other_organizations(acme: Acme) -> None:
    """[GH-GROUP-VISIBILITY]"""
    foreign = acme.job("beta/api")
    acme.listener()
    acme.clock.advance(60)
    assert foreign.status == "queued"


def test_public_repositories_get_a_runner_only_if_the_group_allows_them(acme: Acme) -> None:
    """[GH-GROUP-PUBLIC]"""
    public = acme.job("alpha/site")
    acme.listener("closed")
    acme.clock.advance(1)
    before = public.status
    acme.call(
        "PATCH", f"{ENTERPRISE}/runner-groups/{acme.alpha_group.id}", {"allows_public_repositories": True}
    )
    acme.listener("open")
    acme.clock.advance(1)
    assert (before, public.status) == ("queued", "in_progress")


def test_a_job_without_labels_that_names_a_group_runs_only_there(acme: Acme) -> None:
    elsewhere = acme.twin.queue_job(JobRequest("alpha/web", (), group="slipway-beta"))
    here = acme.twin.queue_job(JobRequest("alpha/web", (), group="Slipway-Alpha"))
    acme.listener()
    acme.clock.advance(1)
    assert (elsewhere.status, here.status) == ("queued", "in_progress")


def test_repository_registration_serves_that_repository_alone(acme: Acme) -> None:
    token = acme.twin.add_personal_token("owner", ["repo"])
    content = {"name": "only-site", "runner_group_id": 1, "labels": ["self-hosted"]}
    minted = acme.call("POST", "/repos/Alpha/Site/actions/runners/generate-jitconfig", content, token=token)
    VirtualListener(acme.twin, minted.json()["encoded_jit_config"], lambda code: None)
    elsewhere, here = acme.job("alpha/web", ("self-hosted",)), acme.job("alpha/site", ("self-hosted",))
    acme.clock.advance(1)
    assert (elsewhere.status, here.status) == ("queued", "in_progress")


def test_a_runner_that_does_not_take_its_job_within_a_minute_loses_it_to_another(acme: Acme) -> None:
    """[GH-JOB-TAKE-60S]"""
    silent = acme.listener("silent")
    acme.clock.advance(1)
    silent.kill()
    job = acme.job()
    acme.listener("alive")
    acme.clock.advance(59)
    assert job.status == "queued"
    acme.clock.advance(2)
    assert job.now.runner is not None
    assert job.now.runner.name == "alive"


def test_a_job_that_nobody_takes_fails_after_a_day(acme: Acme) -> None:
    """[GH-JOB-24H]"""
    job = acme.job()
    acme.clock.advance(86_399)
    assert job.status == "queued"
    acme.clock.advance(1)
    assert (job.status, job.conclusion) == ("completed", "failure")


def test_random_routing_still_starts_every_job_exactly_once(acme: Acme) -> None:
    acme.twin.world.random_routing = True
    jobs = [acme.job() for _ in range(20)]
    for number in range(20):
        acme.listener(f"runner-{number}")
    acme.clock.advance(1)
    ran_on = [job.now.runner.name for job in jobs if job.now.runner]
    assert sorted(ran_on) == sorted(f"runner-{number}" for number in range(20))
    assert ran_on != [f"runner-{number}" for number in range(20)]


def test_a_hosted_job_runs_on_githubs_own_runners(acme: Acme) -> None:
    """[GH-WJ-1]"""
    acme.listener(labels=("ubuntu-latest", "self-hosted"))
    job = acme.job(labels=("ubuntu-latest",), duration_seconds=30)
    acme.clock.advance(60)
    assert job.conclusion == "success"
    assert job.now.runner is not None
    assert job.now.runner.group_name == "GitHub Actions"
