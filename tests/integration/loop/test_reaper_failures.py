"""The reaper meets failures, of what it removes and of what it reads, and goes on with the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from local.twin.aws.ec2.lifecycle import BootPlan
from slipway.domain.configuration import Registration
from slipway.domain.errors import UnavailableError
from slipway.domain.findings import What
from slipway.domain.reach import EVERYONE
from slipway.domain.reaping import suspicion
from slipway.domain.runners import Registration as Ghost
from slipway.domain.runners import runner_name
from slipway.ports.github import Listing, Removal
from slipway.services.deregister import MOST_PER_CREDENTIAL
from tests.builders import a_job, a_launch_intent, a_task_id
from tests.support.loop import LABELS, Acme, a_configuration, acme


class KilledError(BaseException):
    """Stands for the end of a function's time."""


def ghost(deployment: Acme, number: int, organization: str = "alpha") -> str:
    """Register a runner whose task never was; return its name."""
    known = deployment.github.world.organizations[organization]
    repository = f"{organization}/web"
    job = a_job(
        number,
        organization=organization,
        organization_id=known.id,
        repository=repository,
        labels=LABELS,
    )
    name = runner_name("slipway", "small", a_task_id(number))
    deployment.loop.runners.mint(job, name)
    return name


def registered(deployment: Acme) -> set[str]:
    return {runner.name for runner in deployment.github.registry.by_id.values()}


def test_an_error_that_nobody_foresaw_keeps_no_other_thing_from_being_removed() -> None:
    deployment = acme()
    names = [ghost(deployment, 1), ghost(deployment, 2)]
    runners, remove = deployment.loop.runners, deployment.loop.runners.remove
    first = min(runner.id for runner in deployment.github.registry.by_id.values())

    def breaks(runner_id: int, reach: str) -> Removal:
        if runner_id == first:
            raise KeyError("nobody foresaw this")
        return remove(runner_id, reach)

    runners.remove = breaks  # type: ignore[method-assign]
    deployment.clock.advance(180.0)
    assert registered(deployment) == {names[0]}
    assert {type(fault) for fault in deployment.loop.errors} == {KeyError}


def test_a_pool_that_cannot_be_read_keeps_no_other_from_being_reaped() -> None:
    deployment = acme()
    fleets = deployment.loop.fleets
    deployment.loop.aws.ec2.plan_boots(BootPlan.NEVER_REGISTER)
    fleets["general"].launch(a_launch_intent(1, "nobody-s", types=("m7i.4xlarge",)))

    def breaks() -> Any:
        raise KeyError("nobody foresaw this")

    fleets["alone"].instances = breaks  # type: ignore[method-assign]
    deployment.clock.advance(480.0)
    assert {type(fault) for fault in deployment.loop.errors} == {KeyError}
    assert deployment.loop.aws.ec2.live_instances() == []


def test_what_github_listed_in_vain_is_listed_again_once_every_pool_can_be_read() -> None:
    deployment = acme()
    name = ghost(deployment, 1)
    fleet, census = deployment.loop.fleets["alone"], deployment.loop.census
    listed_places: list[str] = []
    list_places, read = census.registrations, fleet.instances

    def counted(places: Iterable[str]) -> Listing:
        listing = list_places(places)
        listed_places.extend(listing.places)
        return listing

    def breaks() -> Any:
        raise UnavailableError("EC2 answers nobody")

    census.registrations = counted  # type: ignore[method-assign]
    fleet.instances = breaks  # type: ignore[method-assign]
    deployment.clock.advance(300.0)
    assert registered(deployment) == {name}
    assert len(listed_places) == 1  # no call is wasted while it lasts
    fleet.instances = read  # type: ignore[method-assign]
    deployment.clock.advance(240.0)
    assert registered(deployment) == set()


def test_what_is_doubtful_ripens_though_a_run_is_cut_short() -> None:
    deployment = acme()
    loop = deployment.loop
    ghost(deployment, 1)
    loop.reap()
    later = ghost(deployment, 2)

    def killed(runner_id: int, reach: str) -> Removal:
        raise KilledError

    loop.runners.remove = killed  # type: ignore[method-assign]
    with pytest.raises(KilledError):
        deployment.clock.advance(61.0)
    assert suspicion(What.REGISTRATION, later, EVERYONE) in loop.ledger.housekeeping.suspects()


def test_what_cannot_be_remembered_is_removed_all_the_same() -> None:
    deployment = acme()
    housekeeping = deployment.loop.ledger.housekeeping
    name = ghost(deployment, 1)
    deployment.loop.reap()
    deployment.clock.advance(50.0)

    def breaks(suspects: object) -> None:
        raise KeyError("nobody foresaw this")

    housekeeping.keep_suspects = breaks  # type: ignore[method-assign]
    deployment.clock.advance(60.0)
    assert name not in registered(deployment)
    assert {type(fault) for fault in deployment.loop.errors} == {KeyError}


def test_a_full_group_of_ghosts_is_emptied_run_by_run() -> None:
    """Remembered whole, six thousand would not fit into one item [DDB-LIMITS]."""
    deployment = acme()
    loop = deployment.loop
    left = {number: f"slipway-medium-{number:032x}" for number in range(1, 6_001)}

    def listing(places: Iterable[str]) -> Listing:
        if not list(places):
            return Listing(())
        found = (
            Ghost(number, name, False, False, EVERYONE, task_id=name[-32:]) for number, name in left.items()
        )
        return Listing(tuple(found), places=frozenset({EVERYONE}))

    def remove(runner_id: int, reach: str) -> Removal:
        del left[runner_id]
        return Removal.GONE

    loop.census.registrations = listing  # type: ignore[method-assign]
    loop.runners.remove = remove  # type: ignore[method-assign]
    deployment.clock.advance(360.0)
    assert loop.errors == []
    removals = [len(run.done) for run in loop.reaped]
    assert removals == [0] + [MOST_PER_CREDENTIAL] * (len(removals) - 1)
    assert len(removals) > 3


def test_an_organization_that_uninstalled_the_app_hides_no_other_s_ghosts() -> None:
    deployment = acme(a_configuration(Registration.ORGANIZATION))
    ghost(deployment, 1, "beta")
    for login in ("alpha", "beta"):
        deployment.loop.ledger.housekeeping.note_place(login, deployment.clock.now())
    installations = deployment.github.credentials.installations
    organization = deployment.github.world.organizations["alpha"]
    for number in [n for n, one in installations.items() if one.account is organization]:
        del installations[number]
    deployment.clock.advance(180.0)
    assert registered(deployment) == set()
    assert deployment.loop.errors
