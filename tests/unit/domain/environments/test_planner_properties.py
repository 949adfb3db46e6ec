"""What holds whatever happens, from seeds: nothing leaks, nothing is missing, addresses are unique, plans come to rest."""

from __future__ import annotations

import random

import pytest

from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.plan import Plan
from slipway.domain.environments.planner import plan
from slipway.domain.environments.reasons import Why
from slipway.domain.environments.spec import host_of, spec_of
from tests.support.environments import HOUR, World, a_pull, settings

REPOSITORIES = ("acme/web", "acme/api", "beta/shop")
LABELS = (frozenset({"preview"}), frozenset({"preview", "preview-keep"}), frozenset[str]())


def stirred(rng: random.Random, world: World) -> None:
    """Change one thing of the world."""
    key = EnvironmentKey(rng.choice(REPOSITORIES), rng.randint(1, 8))
    act = rng.random()
    if act < 0.2 and key in world.pulls:
        del world.pulls[key]
    elif act < 0.8:
        pull = a_pull(
            key.number,
            key.repository,
            commit=f"{rng.getrandbits(160):040x}",
            labels=rng.choice(LABELS),
            is_draft=rng.random() < 0.2,
            is_fork=rng.random() < 0.15,
        )
        world.open(pull, image=rng.random() < 0.8)
        if rng.random() < 0.15:
            world.broken.add(spec_of(pull, world.settings).family)
    elif act < 0.9:
        world.wait(rng.choice((60.0, HOUR, 80 * HOUR)))
    else:
        world.unreadable ^= {rng.choice(REPOSITORIES)}
    if rng.random() < 0.7:
        world.wait()
        world.run(*rng.sample(REPOSITORIES, rng.randint(1, 3)))


def a_world(seed: int) -> World:
    rng = random.Random(seed)
    world = World(settings(*REPOSITORIES, most=rng.randint(3, 9), most_per_repository=rng.randint(2, 6)))
    for _ in range(60):
        stirred(rng, world)
        limits(world)
    world.unreadable.clear()
    return world


def limits(world: World) -> None:
    assert len(world.served()) <= world.settings.most
    hosts = [rule.host for found in world.found.values() for rule in found.rules]
    assert len(hosts) == len(set(hosts)), "addresses are unique"
    priorities = [rule.priority for found in world.found.values() for rule in found.rules]
    assert len(priorities) == len(set(priorities))


@pytest.mark.parametrize("seed", range(60))
def test_at_rest_exactly_what_should_exist_does_and_nothing_leaks(seed: int) -> None:
    world = a_world(seed)
    decided = world.settle(8)
    runs = {Why.READY, Why.OUTDATED, Why.FAILING}
    assert world.served() == {key for key, why in decided.reasons.items() if why in runs}
    assert {found.key for found in world.found.values()} == world.served(), "no part of anything else is left"
    for found in world.found.values():
        assert found.log_group
        assert found.target_group
        assert (
            [rule.host for rule in found.rules] == [host_of(found.key, world.settings)]
            if found.key
            else False
        )
        assert len(found.families) == 1
    for key in world.served():
        pull = world.pulls[key]
        assert "preview" in pull.labels
        assert not pull.is_fork
        assert not pull.is_draft
    for key, pull in world.pulls.items():
        if "preview" in pull.labels:
            assert key in decided.reasons, "whoever asks has an environment or a reason"
    nobody = {why for why in decided.reasons.values() if why in (Why.LIMIT, Why.REPOSITORY_LIMIT)}
    if Why.LIMIT in nobody:
        assert len(world.served()) >= world.settings.most


@pytest.mark.parametrize("seed", range(30))
def test_at_rest_a_second_run_does_nothing(seed: int) -> None:
    world = a_world(seed)
    world.settle(8)
    again = plan(world.snapshot(), world.settings)
    assert [make for make in again.makes if make.is_needed] == []
    assert again.removes == ()
    assert again.done == ()


@pytest.mark.parametrize("seed", range(30))
def test_equal_input_gives_equal_plans_whatever_its_order(seed: int) -> None:
    world = a_world(seed)
    first: Plan = plan(world.snapshot(), world.settings)
    world.pulls = dict(reversed(world.pulls.items()))
    world.found = dict(reversed(world.found.items()))
    world.notes = dict(reversed(world.notes.items()))
    assert plan(world.snapshot(), world.settings) == first
