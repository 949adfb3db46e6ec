"""In which group a runner is registered, and which groups are refused."""

from __future__ import annotations

import contextlib

import pytest

from local.twin.github.model import RunnerGroup
from slipway.domain.configuration import Registration
from slipway.domain.errors import RefusedError, UnavailableError
from slipway.domain.reach import EVERYONE
from tests.builders import a_task_id
from tests.contract.github_faces import NAME, Case


def group_of_runner(case: Case) -> RunnerGroup:
    (runner,) = case.registered()
    return case.twin.world.groups_of(runner.scope)[runner.identity.group_id]


def test_a_runner_of_the_enterprise_is_in_the_group_of_its_organization(github: Case) -> None:
    """[GH-JIT-NOT-BOUND]"""
    github.service.mint(github.job("beta/api"), NAME)
    assert group_of_runner(github) is github.acme.beta_group


def test_a_group_that_is_missing_is_made_for_its_organization_alone(github: Case) -> None:
    """[GH-GROUP-VISIBILITY]"""
    gamma = github.twin.add_organization("Gamma")
    github.twin.add_repository("gamma/web")
    github.service.mint(github.job("gamma/web", organization="Gamma"), NAME)
    group = group_of_runner(github)
    assert (group.name, group.visibility, group.selected_ids) == ("slipway-gamma", "selected", {gamma.id})
    assert not group.allows_public_repositories


def test_public_repositories_are_let_in_only_where_that_is_configured(github: Case) -> None:
    """[GH-GROUP-PUBLIC]"""
    github.twin.add_organization("gamma")
    open_runners = github.runners(allow_public_repositories=True)
    open_runners.mint(github.job("gamma/web"), NAME)
    assert group_of_runner(github).allows_public_repositories
    with pytest.raises(RefusedError, match="allows public repositories"):
        github.service.mint(github.job("gamma/web"), NAME)


def test_a_group_that_another_claim_made_meanwhile_is_used(github: Case) -> None:
    github.twin.add_organization("gamma")
    github.twin.faults.next("POST", "/runner-groups$", 409, after_success=True)
    github.service.mint(github.job("gamma/web"), NAME)
    assert group_of_runner(github).name == "slipway-gamma"


def test_a_group_that_lets_others_in_is_refused_and_nothing_is_registered(github: Case) -> None:
    group = github.acme.alpha_group
    group.selected_ids.add(github.acme.beta.id)
    with pytest.raises(RefusedError, match="visible to alpha and no other"):
        github.service.mint(github.job(), NAME)
    group.visibility = "all"
    with pytest.raises(RefusedError, match="visible to all organizations"):
        github.service.mint(github.job(), NAME)
    group.visibility, group.selected_ids = "selected", {github.acme.beta.id}
    with pytest.raises(RefusedError, match="visible to alpha and no other"):
        github.service.mint(github.job(), NAME)
    assert github.registered() == []


IMAGE = "alpha/build/.github/workflows/image.yaml@refs/heads/main"


def test_a_group_is_made_for_the_workflows_that_are_allowed(anywhere: Case) -> None:
    """[GH-GROUP-WORKFLOWS]"""
    if anywhere.level is Registration.REPOSITORY:
        pytest.skip("repositories have no runner groups [GH-JIT-REPO-GROUP]")
    anywhere.twin.world.groups_of(anywhere.acme.alpha_group.scope).clear()
    service = anywhere.runners(allowed_workflows=(IMAGE,))
    service.mint(anywhere.job(), NAME)
    group = group_of_runner(anywhere)
    assert (group.restricted_to_workflows, group.selected_workflows) == (True, [IMAGE])
    anywhere.runners(allowed_workflows=(IMAGE,)).mint(anywhere.job(), f"{NAME[:-1]}7")


@pytest.mark.parametrize("selected", [[], [IMAGE, "alpha/web/.github/workflows/ci.yaml@refs/heads/main"]])
def test_a_group_open_to_other_workflows_is_refused(github: Case, selected: list[str]) -> None:
    group = github.acme.alpha_group
    group.restricted_to_workflows, group.selected_workflows = bool(selected), selected
    with pytest.raises(
        RefusedError, match=r"must admit the workflows alpha/build/.*github\.allow\.workflows"
    ):
        github.runners(allowed_workflows=(IMAGE,)).mint(github.job(), NAME)
    assert github.registered() == []


def test_a_group_closed_to_workflows_that_nobody_named_is_refused(github: Case) -> None:
    github.acme.alpha_group.restricted_to_workflows = True
    with pytest.raises(RefusedError, match="must admit every workflow"):
        github.service.mint(github.job(), NAME)


def test_a_webhook_s_organization_id_cannot_open_a_group_to_its_sender(github: Case) -> None:
    """The id in a webhook is its signer's word; the login is what its secret is bound to."""
    github.twin.add_organization("gamma")
    forged = github.job("gamma/web", organization_id=github.acme.beta.id)
    with pytest.raises(RefusedError, match="visible to gamma and no other"):
        github.service.mint(forged, NAME)


def test_a_named_group_that_all_share_is_used_as_it_is_and_never_made(github: Case) -> None:
    shared = github.twin.add_enterprise_group("Shared", [github.acme.alpha, github.acme.beta])
    named = github.runners(runner_group="shared")
    named.mint(github.job(), NAME)
    assert group_of_runner(github) is shared
    with pytest.raises(RefusedError, match="does not exist"):
        github.runners(runner_group="nowhere").mint(github.job(), NAME)


def test_the_default_group_is_refused(anywhere: Case) -> None:
    """[GH-GROUP-DEFAULT]"""
    if anywhere.level.value == "repository":
        anywhere.runners(runner_group="default").mint(anywhere.job(), NAME)  # repositories have none
        return
    with pytest.raises(RefusedError, match="default group"):
        anywhere.runners(runner_group="default").mint(anywhere.job(), NAME)


def test_an_organization_s_own_group_is_made_once(with_app: Case) -> None:
    with_app.service.mint(with_app.job(), NAME)
    assert (group_of_runner(with_app).name, group_of_runner(with_app).visibility) == ("slipway", "all")
    with_app.runners().mint(with_app.job(), f"slipway-medium-{a_task_id(2)}")
    assert with_app.twin.calls["POST /orgs/{org}/actions/runner-groups"] == 1


def test_a_group_is_found_on_a_later_page(github: Case) -> None:
    """[GH-PAGE-MAX]"""
    for number in range(105):
        github.twin.add_enterprise_group(f"other-{number}", [])
    late = github.twin.add_enterprise_group("zulu", [github.acme.alpha])
    github.runners(runner_group="zulu").mint(github.job(), NAME)
    assert group_of_runner(github) is late


def test_a_group_is_looked_at_once_a_quarter_of_an_hour(github: Case) -> None:
    listed = "/actions/runner-groups"
    for number in range(5):
        github.service.mint(github.job(), f"slipway-medium-{a_task_id(number)}")
    assert github.calls(listed) == 1
    github.acme.alpha_group.visibility = "all"
    github.acme.clock.advance(900)
    with pytest.raises(RefusedError):
        github.service.mint(github.job(), NAME)
    assert github.calls(listed) == 2


def test_what_one_function_found_in_order_serves_the_others(github: Case) -> None:
    shared = github.new_ledger()
    for number in range(3):
        github.runners(shared).mint(github.job(), f"slipway-medium-{a_task_id(number)}")
    assert github.calls("/actions/runner-groups") == 1


def test_a_look_of_one_function_serves_the_others_whenever_theirs_is_old(github: Case) -> None:
    shared = github.new_ledger()
    warm = [github.runners(shared) for _ in range(5)]
    for number in range(60):  # an hour: each of them mints every five minutes
        warm[number % 5].mint(github.job(), f"slipway-medium-{a_task_id(number)}")
        github.acme.clock.advance(60)
    assert github.calls("/actions/runner-groups") == 4


def test_a_group_that_was_deleted_is_found_out_by_one_refused_mint(github: Case) -> None:
    github.service.mint(github.job(), NAME)
    groups = github.twin.world.groups_of(github.registered()[0].scope)
    del groups[github.acme.alpha_group.id]
    with pytest.raises(RefusedError):
        github.service.mint(github.job(), f"slipway-medium-{a_task_id(2)}")
    github.service.mint(github.job(), f"slipway-medium-{a_task_id(3)}")
    assert "slipway-alpha" in {group.name for group in groups.values()}


@pytest.mark.parametrize(("status", "looks"), [(404, 2), (422, 2), (403, 1), (401, 1)])
def test_a_group_is_looked_at_again_only_after_a_refusal_that_may_be_its_own(
    github: Case, status: int, looks: int
) -> None:
    github.service.mint(github.job(), NAME)
    github.twin.faults.next("POST", "/generate-jitconfig$", status)
    for number in (2, 3):
        with contextlib.suppress(RefusedError):
            github.service.mint(github.job(), f"slipway-medium-{a_task_id(number)}")
    assert github.calls("/actions/runner-groups") == looks


def test_the_groups_of_ours_are_told_as_github_has_them_now(github: Case) -> None:
    """[GH-GROUP-VISIBILITY] [GH-GROUP-PUBLIC] [GH-GROUP-WORKFLOWS]"""
    group, other = github.acme.alpha_group, github.acme.beta_group
    group.allows_public_repositories = True
    group.restricted_to_workflows, group.selected_workflows = True, [IMAGE]
    other.visibility = "all"
    github.twin.add_enterprise_group("somebody-elses", [github.acme.alpha])
    told = {facts.name: facts for facts in github.census.groups(EVERYONE)}
    assert set(told) == {"slipway-alpha", "slipway-beta"}
    ours = told["slipway-alpha"]
    assert (ours.visibility, ours.organizations, ours.workflows) == ("selected", ("alpha",), (IMAGE,))
    assert ours.allows_public_repositories
    assert (told["slipway-beta"].organizations, told["slipway-beta"].workflows) == (None, None)


def test_a_github_that_refuses_to_tell_of_groups_has_given_no_answer(github: Case) -> None:
    github.twin.faults.next("GET", "/runner-groups$", 404)
    with pytest.raises(UnavailableError, match="404"):
        github.census.groups(EVERYONE)
