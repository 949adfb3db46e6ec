"""Where runners are registered, whose jobs they can take, and what GitHub's refusals do to waiting jobs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.twin.github.model import RunnerGroup
from slipway.domain.configuration import Registration
from slipway.domain.errors import ConfigurationError
from slipway.domain.labels import UNLABELLED
from tests.integration.loop.scenes import (
    GENERATE,
    all_answers,
    container_of,
    no_runner_served_two_tasks,
    recorded,
    served_per_task,
    when,
)
from tests.support.loop import Acme, a_configuration, acme


def enterprise_groups(deployment: Acme) -> dict[str, RunnerGroup]:
    world = deployment.github.world
    return {group.name: group for group in world.groups_of(world.enterprise_scope).values()}


def groups_used(deployment: Acme) -> set[str]:
    """The groups of every runner that ran a job."""
    jobs = deployment.github.jobs.by_id.values()
    return {job.now.runner.group_name for job in jobs if job.now.runner}


@pytest.mark.parametrize("registration", list(Registration))
def test_every_registration_serves_every_organization_and_leaves_nothing(registration: Registration) -> None:
    deployment = acme(a_configuration(registration))
    jobs = [
        deployment.queue(name, seconds=20.0) for name in ("alpha/web", "alpha/api", "beta/web", "gamma/api")
    ]
    assert deployment.until_completed(*jobs)
    kinds = {registration.value}
    assert {runner.scope.kind for runner in deployment.github.registry.by_id.values()} <= kinds
    assert deployment.until_clean()
    assert deployment.loop.errors == []


def test_a_group_is_made_for_each_organization_selected_and_closed_to_public_repositories() -> None:
    deployment = acme()
    jobs = [deployment.queue(f"{login}/web", seconds=5.0) for login in ("alpha", "beta")]
    assert deployment.until_completed(*jobs)
    groups = enterprise_groups(deployment)
    assert set(groups) == {"Default", "slipway-alpha", "slipway-beta"}
    for login in ("alpha", "beta"):
        group = groups[f"slipway-{login}"]
        assert group.visibility == "selected"
        assert group.allows_public_repositories is False
        assert group.selected_ids == {deployment.github.world.organizations[login].id}
    assert groups_used(deployment) == {"slipway-alpha", "slipway-beta"}


@pytest.mark.parametrize("registration", [Registration.ENTERPRISE, Registration.ORGANIZATION])
def test_the_default_group_is_never_used_even_when_it_bears_our_name(registration: Registration) -> None:
    deployment = acme(a_configuration(registration))
    for scope in list(deployment.github.world.scopes()):
        name = "slipway-alpha" if scope.kind == "enterprise" else "slipway"
        deployment.github.world.groups_of(scope)[1].name = name
    job = deployment.queue(seconds=5.0)
    assert not deployment.until_completed(job, limit_seconds=300.0)
    assert deployment.github.registry.registered_total == 0
    assert {a.status for a in all_answers(deployment)} <= {503, 410}
    assert any("default group" in a.fault for a in all_answers(deployment))


@pytest.mark.parametrize("change", ["public", "all", "another", "both"])
def test_a_group_changed_by_hand_is_refused_and_its_job_goes_on_when_it_is_repaired(change: str) -> None:
    deployment = acme()
    github = deployment.github
    alpha, beta = (github.world.organizations[login] for login in ("alpha", "beta"))
    group = github.add_enterprise_group("slipway-alpha", [alpha])
    if change == "public":
        group.allows_public_repositories = True
    elif change == "all":
        group.visibility = "all"
    else:
        group.selected_ids = {beta.id} if change == "another" else {alpha.id, beta.id}
    job, neighbour = deployment.queue(seconds=5.0), deployment.queue("beta/web", seconds=5.0)
    assert deployment.until_completed(neighbour)
    deployment.clock.advance(120.0)
    assert job.status == "queued"
    assert 503 in {a.status for a in all_answers(deployment)}
    group.allows_public_repositories, group.visibility, group.selected_ids = False, "selected", {alpha.id}
    assert deployment.until_completed(job, limit_seconds=180.0)
    assert no_runner_served_two_tasks(deployment)
    assert deployment.until_clean()


def test_a_refused_job_keeps_its_container_waiting_instead_of_wearing_out_one_after_another() -> None:
    deployment = acme()
    github = deployment.github
    group = github.add_enterprise_group("slipway-alpha", [github.world.organizations["alpha"]])
    group.visibility = "all"
    deployment.queue(seconds=5.0)
    deployment.clock.advance(900.0)
    assert len(deployment.loop.containers.by_task) <= 2


def test_a_group_of_one_name_for_all_is_used_as_it_is_but_not_made() -> None:
    deployment = acme(a_configuration(runner_group="shared"))
    job = deployment.queue(seconds=5.0)
    assert not deployment.until_completed(job, limit_seconds=200.0)
    assert "shared" not in enterprise_groups(deployment)
    world = deployment.github.world
    deployment.github.add_enterprise_group("shared", world.organizations.values())
    others = [deployment.queue(f"{login}/web", seconds=5.0) for login in ("beta", "gamma")]
    assert deployment.until_completed(job, *others)
    assert groups_used(deployment) == {"shared"}
    assert deployment.until_clean()


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("path", ["runner-groups", "/organizations"])
def test_a_failing_look_up_before_the_mint_costs_no_container(path: str, status: int) -> None:
    deployment = acme()
    deployment.github.faults.next("GET", path, status)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    assert len(deployment.loop.containers.by_task) == 1
    assert [answer.status for answer in all_answers(deployment)] == [503, 200]


@pytest.mark.parametrize("status", [0, 500])
def test_a_group_whose_creation_was_made_but_not_answered_is_found_the_next_time(status: int) -> None:
    deployment = acme()
    deployment.github.faults.next("POST", "runner-groups", status, after_success=True)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    assert set(enterprise_groups(deployment)) == {"Default", "slipway-alpha"}


@pytest.mark.parametrize("status", [0, 500, 503])
def test_a_token_that_cannot_be_had_costs_no_container(status: int) -> None:
    deployment = acme(a_configuration(Registration.REPOSITORY))
    deployment.github.faults.next("POST", "access_tokens", status)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    assert len(deployment.loop.containers.by_task) == 1
    assert [answer.status for answer in all_answers(deployment)] == [503, 200]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_mint_that_failed_and_registered_nothing_is_tried_again_by_the_same_container(status: int) -> None:
    deployment = acme()
    deployment.github.faults.next("POST", GENERATE, status)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    assert [answer.status for answer in all_answers(deployment)] == [503, 200]
    assert deployment.github.registry.registered_total == 1


def test_a_rate_limit_on_minting_makes_jobs_wait_as_long_as_github_asks() -> None:
    deployment = acme()
    fault = deployment.github.faults.next("POST", GENERATE, 429)
    fault.headers["retry-after"] = "20"
    jobs = [deployment.queue(f"{login}/web", seconds=5.0) for login in ("alpha", "beta", "gamma")]
    assert deployment.until_completed(*jobs)
    waits = [answer.retry_after_seconds or 0 for answer in all_answers(deployment) if answer.status == 503]
    assert len(waits) == 3  # the others were not even asked for
    assert max(waits) == 20
    assert min(waits) > 10
    assert deployment.github.calls["POST /enterprises/{enterprise}/actions/runners/generate-jitconfig"] == 4
    assert served_per_task(deployment).total() == 3
    assert deployment.until_clean()


def test_a_secret_that_is_no_credential_makes_jobs_wait_and_spends_no_container() -> None:
    deployment = acme(a_configuration(Registration.ORGANIZATION))
    secrets = deployment.loop.held.values
    good, secrets["arn:app"] = secrets["arn:app"], "not JSON"
    job = deployment.queue(seconds=5.0)
    assert not deployment.until_completed(job, limit_seconds=200.0)
    assert all(isinstance(fault, ConfigurationError) for fault in deployment.loop.errors)
    assert "not JSON" not in str(deployment.loop.errors)
    assert len(deployment.loop.containers.by_task) == 1
    secrets["arn:app"] = good
    assert deployment.until_completed(job, limit_seconds=180.0)
    assert deployment.until_clean()


def test_disallowed_or_public_job_cannot_take_our_runner() -> None:
    """Public repositories are outside every group; a disallowed organization has no group at all."""
    deployment = acme(a_configuration(allowed_organizations=("alpha",)))
    thieves = [deployment.queue("alpha/site", seconds=5.0), deployment.queue("beta/web", seconds=5.0)]
    deployment.clock.advance(10.0)
    victim = deployment.queue("alpha/web", seconds=5.0)
    assert deployment.until_completed(victim)
    deployment.clock.advance(300.0)
    assert [thief.status for thief in thieves] == ["queued", "queued"]
    assert set(enterprise_groups(deployment)) == {"Default", "slipway-alpha"}


@pytest.mark.parametrize("registration", [Registration.ENTERPRISE, Registration.ORGANIZATION])
def test_a_disallowed_repository_of_an_allowed_organization_can_steal_and_its_victim_is_served_all_the_same(
    registration: Registration,
) -> None:
    """What we promise here is no more: GitHub gives the runner to the oldest job of the group."""
    deployment = acme(a_configuration(registration, allowed_repositories=("alpha/web",)))
    thief = deployment.queue("alpha/api", seconds=3_000.0)
    deployment.clock.advance(10.0)
    victim = deployment.queue("alpha/web", seconds=5.0)
    assert deployment.until_completed(victim, limit_seconds=300.0)
    assert thief.status == "in_progress"
    task_id = container_of(deployment, thief).task.task_id
    assert recorded(deployment)[task_id].repository == "alpha/api"  # and it is charged for it


def test_a_disallowed_repository_cannot_steal_where_runners_belong_to_repositories() -> None:
    deployment = acme(a_configuration(Registration.REPOSITORY, allowed_repositories=("alpha/web",)))
    thief = deployment.queue("alpha/api", seconds=3_000.0)
    victim = deployment.queue("alpha/web", seconds=5.0)
    assert deployment.until_completed(victim)
    assert thief.status == "queued"


def run_label(job_run: int) -> list[str]:
    return [f"slipway/medium/cpu=2/run={job_run}-1"]


def test_copied_run_label_across_orgs_gets_nothing() -> None:
    deployment = acme()
    thief = deployment.queue("beta/web", labels=run_label(4711), seconds=3_000.0)
    deployment.clock.advance(10.0)
    owner = deployment.queue("alpha/web", labels=run_label(4711), seconds=5.0, run_id=4711)
    assert deployment.until_completed(owner)
    deployment.clock.advance(300.0)
    assert thief.status == "queued"


@pytest.mark.parametrize("labels", [run_label(4711), []], ids=["copied label", "group alone"])
def test_a_thief_inside_the_organization_does_not_hold_up_the_job_it_robbed(labels: list[str]) -> None:
    """A copied label, or ``runs-on: {group: …}`` without any: no profile serves it, GitHub does."""
    deployment = acme()
    thief = deployment.queue("alpha/api", labels=labels, seconds=3_000.0, group="slipway-alpha")
    deployment.clock.advance(10.0)
    owner = deployment.queue("alpha/web", labels=run_label(4711), seconds=5.0, run_id=4711)
    assert deployment.until_completed(owner, limit_seconds=300.0)
    assert thief.status == "in_progress"
    task_id = container_of(deployment, thief).task.task_id
    assert recorded(deployment)[task_id].repository == "alpha/api"
    assert deployment.until_completed(thief, limit_seconds=4_000.0)
    assert deployment.until_clean()


@pytest.mark.parametrize("registration", list(Registration))
def test_random_routing_serves_everybody(registration: Registration) -> None:
    deployment = acme(a_configuration(registration), seed=11)
    deployment.github.world.random_routing = True
    names = ("alpha/web", "alpha/api", "beta/web", "gamma/web")
    jobs = [deployment.queue(names[number % 4], seconds=float(10 + number)) for number in range(16)]
    assert deployment.until_completed(*jobs)
    assert deployment.until_clean()
    assert no_runner_served_two_tasks(deployment)


def test_the_two_registrations_by_app_need_no_personal_token() -> None:
    for registration in (Registration.ORGANIZATION, Registration.REPOSITORY):
        configuration = a_configuration(registration)
        target = replace(configuration.github, runner_token_secrets=())
        deployment = acme(replace(configuration, github=target))
        job = deployment.queue(seconds=5.0)
        assert deployment.until_completed(job)
        assert not any(kind.startswith("user:") for kind, _ in deployment.github.calls_by_credential)


def test_a_job_without_labels_gets_a_runner_by_rule_that_no_other_job_can_take() -> None:
    """[GH-WJ-9]"""
    configuration = a_configuration()
    small = replace(configuration.profiles["small"], unlabelled_jobs_of=frozenset({"alpha"}))
    deployment = acme(replace(configuration, profiles={**configuration.profiles, "small": small}))
    bare = deployment.queue("alpha/web", (), seconds=20.0, group="slipway-alpha")
    stranger = deployment.queue("beta/web", (), seconds=20.0, group="slipway-beta")
    when(deployment, lambda: bare.status == "in_progress")
    assert [runner.labels for runner in deployment.github.registry.by_id.values()] == [(UNLABELLED,)]
    assert deployment.until_completed(bare)
    assert served_per_task(deployment).total() == 1
    assert stranger.status == "queued"  # nobody said which profile serves beta's


@pytest.mark.parametrize("registration", [Registration.ENTERPRISE, Registration.ORGANIZATION])
def test_only_an_allowed_workflow_can_take_our_runner(registration: Registration) -> None:
    """[GH-GROUP-WORKFLOWS]"""
    allowed = ("alpha/web/.github/workflows/image.yaml@refs/heads/main",)
    deployment = acme(a_configuration(registration, allowed_workflows=allowed))
    stranger = deployment.queue("alpha/web", seconds=5.0)
    job = deployment.queue("alpha/web", seconds=5.0, workflow_file="image.yaml")
    assert deployment.until_completed(job)
    deployment.clock.advance(300.0)
    assert stranger.status == "queued"


def test_jobs_that_wait_for_their_turns_wear_out_no_container_that_was_started_for_others() -> None:
    """Each container for ``beta`` drew a waiting job of ``alpha``, and one more was started in its place, and so on."""
    deployment = acme(a_configuration(Registration.ORGANIZATION))
    jobs = [deployment.queue("beta/web", seconds=300.0) for _ in range(20)]  # so that alpha's jobs come first
    jobs += [deployment.queue("alpha/web", seconds=1.0) for _ in range(120)]  # 76 may register at once
    for _ in range(40):
        deployment.clock.advance(3.0)
        jobs.append(deployment.queue("beta/web", seconds=30.0))
    assert deployment.until_completed(*jobs)
    assert len(deployment.loop.containers.by_task) == len(jobs)
    turns = [answer for answer in all_answers(deployment) if answer.status == 503]
    assert len(turns) <= 44
    assert deployment.until_clean()
