"""What the shared listing of runners tells besides our own, and until when GitHub takes their version."""

from __future__ import annotations

import pytest

from local.twin.github.registry import Registration as WantedRunner
from local.twin.github.wire import CONNECTION_LOST
from slipway.domain.configuration import Registration
from slipway.domain.errors import UnavailableError
from slipway.domain.runner_versions import Deprecation
from tests.contract.github_faces import NAME, Case
from tests.support.github_enterprise import LABELS


def test_a_listed_runner_tells_its_group_and_the_version_of_its_listener(anywhere: Case) -> None:
    """[GH-JIT-FRESH]"""
    anywhere.service.mint(anywhere.job(), NAME)
    anywhere.places = [anywhere.place]
    (runner,) = anywhere.registered()
    (fresh,) = anywhere.listing().registrations
    assert (fresh.version, fresh.group_id) == (None, runner.identity.group_id)
    runner.version = "2.336.0"
    (connected,) = anywhere.listing().registrations
    assert connected.version == "2.336.0"


def test_strangers_in_our_groups_are_listed_and_those_elsewhere_are_nobody_s_concern(anywhere: Case) -> None:
    """Repositories have no groups: what else is registered there may well be their own."""
    anywhere.service.mint(anywhere.job(), "stranger")
    (stranger,) = anywhere.registered()
    scope = stranger.scope
    default = anywhere.twin.world.groups_of(scope)[1]
    anywhere.twin.registry.register(scope, default, WantedRunner("their-own", LABELS))
    anywhere.places = [anywhere.place]
    listing = anywhere.listing()
    assert (listing.registrations, listing.failures) == ((), ())
    at_repository = anywhere.level is Registration.REPOSITORY
    assert [found.name for found in listing.strangers] == ([] if at_repository else ["stranger"])


@pytest.mark.parametrize(
    ("changes", "is_ours"),
    [({"name": "slipway-beta"}, True), ({"name": "Slipway-beta"}, True), ({"name": "team"}, False),
     ({"name": "slipway-beta", "default": True}, False)],
    ids=["ours", "in capitals", "somebody else's", "the default group"],
)  # fmt: skip
def test_a_group_is_ours_by_its_name_and_never_the_default_one(
    github: Case, changes: dict[str, object], is_ours: bool
) -> None:
    github.service.mint(github.job("beta/api"), "stranger")
    for name, value in changes.items():
        setattr(github.acme.beta_group, name, value)
    assert bool(github.listing().strangers) is is_ours


def test_the_one_group_that_is_configured_is_ours_and_no_other(github: Case) -> None:
    census = github.new_census(runner_group="slipway-beta")
    github.service.mint(github.job("beta/api"), "in-beta")
    github.service.mint(github.job("alpha/web"), "in-alpha")
    assert [found.name for found in github.listing(census).strangers] == ["in-beta"]


def test_groups_are_looked_for_once_an_hour_and_only_if_there_is_anybody_else(github: Case) -> None:
    github.service.mint(github.job(), NAME)
    before = github.calls("/runner-groups")
    github.listing()
    assert github.calls("/runner-groups") == before
    github.service.mint(github.job(), "stranger")
    for seconds in (0, 3_599, 1):
        github.acme.clock.advance(seconds)
        assert len(github.listing().strangers) == 1
    assert github.calls("/runner-groups") == before + 2


def test_groups_that_cannot_be_read_hide_none_of_our_own(github: Case) -> None:
    github.service.mint(github.job(), NAME)
    github.service.mint(github.job(), "stranger")
    github.twin.faults.next("GET", "/runner-groups", 503)
    listing = github.listing()
    assert [found.name for found in listing.registrations] == [NAME]
    assert (listing.strangers, len(listing.failures)) == ((), 1)


def test_a_listing_names_the_places_that_were_read_whole(with_app: Case) -> None:
    with_app.places = ["alpha", "nowhere"]
    listing = with_app.listing()
    assert (listing.places, len(listing.failures)) == (frozenset({"alpha"}), 1)


def test_when_a_version_ends_is_told_where_the_server_knows_it(anywhere: Case) -> None:
    """[GH-RUNNER-DEPRECATIONS]"""
    dates = {
        "registration_deprecates_at": "2026-12-01T00:00:00Z",
        "runtime_deprecates_at": None,
    }
    anywhere.twin.runner_calls.deprecations["2.336.0"] = dates
    census = anywhere.new_census(api_url=anywhere.twin.world.api_url)
    found = census.deprecation("2.336.0", anywhere.place)
    if anywhere.twin.world.is_enterprise_server:
        assert found is None
    else:
        assert found == Deprecation("2.336.0", registration_at=1_796_083_200.0)
        assert census.deprecation("2.335.0", anywhere.place) == Deprecation("2.335.0")


@pytest.mark.parametrize("status", [401, 403, 429, 500, CONNECTION_LOST])
def test_a_version_of_which_github_says_nothing_is_in_doubt(level_case: Case, status: int) -> None:
    level_case.twin.faults.next("GET", "/deprecations/", status)
    with pytest.raises(UnavailableError):
        level_case.census.deprecation("2.336.0", level_case.place)
