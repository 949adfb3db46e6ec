"""How many environments there may be, and who has a place."""

from __future__ import annotations

from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.planner import plan
from slipway.domain.environments.reasons import Why
from tests.support.environments import DAY, World, a_pull, reasons, settings

WEB_1 = EnvironmentKey("acme/web", 1)


def test_as_many_as_there_may_be_shared_by_the_repositories_that_ask() -> None:
    world = World(settings(most=4))
    world.open(*(a_pull(number) for number in range(1, 7)))
    world.run("acme/web")
    assert len(world.served()) == 4
    world.open(*(a_pull(number, "acme/api") for number in range(1, 7)))
    decided = world.settle()
    assert len(world.served()) == 4, "what exists is not taken away"
    assert set(decided.reasons.values()) == {Why.READY, Why.LIMIT}
    for number in (1, 2):
        del world.pulls[EnvironmentKey("acme/web", number)]
        world.settle()
    held = [key.repository for key in world.served()]
    assert (held.count("acme/web"), held.count("acme/api")) == (2, 2)


def test_what_aws_does_not_list_yet_keeps_its_place_also_while_its_repository_cannot_be_read() -> None:
    world = World(settings(most=1))
    world.open(a_pull(1))
    world.run("acme/web")
    made, world.found = world.found, {}  # a moment ago: it is shown in a moment
    world.open(a_pull(1, "acme/api"))
    for unreadable in ({"acme/web"}, set[str]()):
        world.unreadable = unreadable
        decided = plan(world.snapshot(), world.settings)
        assert decided.reasons[EnvironmentKey("acme/api", 1)] is Why.LIMIT
    world.found = made
    assert world.settle().reasons.get(EnvironmentKey("acme/api", 1)) is Why.LIMIT
    assert world.served() == {WEB_1}


def test_what_goes_has_its_place_until_it_is_gone() -> None:
    world = World(settings(most=1))
    world.open(a_pull(1), a_pull(2))
    world.settle()
    del world.pulls[WEB_1]
    decided = plan(world.snapshot(), world.settings)
    assert [found.key for found in decided.removes] == [WEB_1]
    assert decided.makes == ()
    world.settle()
    assert world.served() == {EnvironmentKey("acme/web", 2)}


def test_no_repository_has_more_than_its_own_limit() -> None:
    world = World(settings(most_per_repository=2))
    world.open(*(a_pull(number) for number in range(1, 5)))
    assert reasons(world.settle()) == {1: "ready", 2: "ready", 3: "repository_limit", 4: "repository_limit"}


def test_a_wait_for_a_place_spends_no_time_to_live() -> None:
    world = World(settings(most=1))
    world.open(a_pull(1), a_pull(2))
    world.settle()
    world.wait(2 * DAY)
    world.run()
    del world.pulls[WEB_1]
    world.settle()
    world.wait(2 * DAY)
    assert world.settle().reasons.get(EnvironmentKey("acme/web", 2)) is Why.READY


def test_a_limit_that_was_lowered_takes_nothing_away() -> None:
    world = World()
    world.open(a_pull(1), a_pull(2))
    world.settle()
    world.settings = settings(most=1)
    world.settle()
    assert len(world.served()) == 2
