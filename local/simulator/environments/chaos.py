"""One seed of environments from beginning to end: a storm, then calm, then what must be true."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from local.simulator.environments.checks import SETTLED_SECONDS, EnvironmentWatch, Wanted
from local.simulator.environments.storm import EnvironmentStorm
from local.simulator.environments.world import EnvironmentWorld, configured
from local.twin.aws.behaviour import Behaviour

STARTS_AT: Final = 1_795_000_000.0
STORM_SECONDS: Final = 3 * 3_600.0
REST_SECONDS: Final = 900.0
_STEP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class ChaosResult:
    """What came of one seed."""

    seed: int
    pulls: int
    violations: tuple[str, ...]
    counts: Counter[str]


def run_seed(seed: int) -> ChaosResult:
    """Run one seed; the same seed gives the same result."""
    world = _world(seed)
    storm, watch = EnvironmentStorm(world, seed), EnvironmentWatch(world)
    storm.begin()
    _advance(world, watch, STORM_SECONDS)
    storm.end()
    # Long enough for what cannot start to be given up, and for what was given a last chance meanwhile. A place that was
    # given up goes to the next in line, which may not start either.
    a_wave = world.settings.unhealthy_after_seconds + 2 * SETTLED_SECONDS
    _advance(world, watch, a_wave)
    for _ in world.pulls():
        before = len(world.runs)
        _advance(world, watch, a_wave)
        if not any(run.made or run.removed for run in world.runs[before:]):
            break
    violations = [*watch.violations, *_at_rest(world, watch)]
    before = len(world.runs)
    _advance(world, watch, REST_SECONDS)
    moved = sum(run.made + run.removed for run in world.runs[before:])
    if moved:
        violations.append(f"at rest {moved} things were made or removed")
    violations += [f"at rest a run met {fault!r}" for run in world.runs[before:] for fault in run.errors]
    for pull in world.pulls():
        world.github.pulls.close(pull)
    _advance(world, watch, SETTLED_SECONDS)
    violations += [f"after everything was closed: {leak}" for leak in watch.leaks()]
    violations += [f"after everything was closed: {name} exists" for name in sorted(watch.served())]
    return ChaosResult(seed, len(world.pulls()), tuple(violations), storm.counts)


def _world(seed: int) -> EnvironmentWorld:
    rng = random.Random(f"{seed}/recipe")
    _, settings = configured()
    most = rng.choice((4, 10, 40))
    settings = replace(settings, most=most, most_per_repository=rng.choice((2, most)))
    behaviour = Behaviour(throttling=True, doubled_message_rate=0.05)
    return EnvironmentWorld(STARTS_AT, seed=seed, settings=settings, behaviour=behaviour)


def _advance(world: EnvironmentWorld, watch: EnvironmentWatch, seconds: float) -> None:
    """Let time pass, and look every minute at what must never be."""
    until = world.clock.now() + seconds
    while world.clock.now() < until:
        world.clock.advance(_STEP_SECONDS)
        watch.look(strictly=False)


def _at_rest(world: EnvironmentWorld, watch: EnvironmentWatch) -> list[str]:
    """Return everything that is not as it should be once nothing has happened for long."""
    served, wrong = watch.served(), watch.leaks()
    running = {one.name: one.running for one in world.aws.ecs.services.live()}
    wrong += [f"{name} cannot start and is still there" for name in sorted(served) if not running[name]]
    names = {world.name_of(pull): pull for pull in world.pulls()}
    held = Counter(names[name].repository.full_name for name in served if name in names)
    settings = world.settings
    for name, pull in sorted(names.items()):
        wanted, of = watch.wanted(pull), pull.repository.full_name
        if wanted is Wanted.MUST_NOT and name in served:
            wrong.append(f"{of}#{pull.number} has an environment, and must not")
        is_full = len(served) >= settings.most or held[of] >= settings.most_per_repository
        if wanted is Wanted.MUST and name not in served and not is_full:
            wrong.append(f"{of}#{pull.number} has no environment, and must")
    return wrong + _told(world)


def _told(world: EnvironmentWorld) -> list[str]:
    """Return what was told twice."""
    comments = Counter((one.repository_id, one.number) for one in world.github.pulls.comments)
    deployments = Counter(
        (one.repository_id, one.sha, one.environment) for one in world.github.pulls.deployments
    )
    return [f"{n} comments for {about}" for about, n in comments.items() if n > 1] + [
        f"{n} deployments of {about}" for about, n in deployments.items() if n > 1
    ]
