"""One demo from start to end: jobs queue, things go wrong, everything ends, nothing is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.demo.checks import WatchedContainers, broken_promises, is_clean
from local.demo.report import Result, summarize
from local.demo.scenario import BURSTS, Scenario
from local.demo.world import World

SPOT_LOSS_SECONDS = 60.0  # after the first burst: instances are up and busy by then
JOBS_LIMIT_SECONDS = 3_600.0
SETTLE_LIMIT_SECONDS = 900.0
_LOOK_SECONDS = 0.2

Show = Callable[[World, Scenario], None]


class DemoBrokenError(Exception):
    """The demo itself failed; the message says how."""


def run(world: World, scenario: Scenario, show: Show) -> Result:
    """Play a scenario in a world that is up; ``show`` is called a few times a second, without the lock.

    Raises:
        DemoBrokenError: a twin stopped. Jobs that hang or things that leak are no error: the result says so.
    """
    watched = WatchedContainers(world)
    with world.lock:
        world.aws.ecs.runtime = watched
        scenario.start()
        world.clock.schedule(BURSTS[0][0] + SPOT_LOSS_SECONDS, lambda: _lose_spot(world, watched))
    _until(scenario.is_over, JOBS_LIMIT_SECONDS, world, scenario, show)
    _until(lambda: is_clean(world), SETTLE_LIMIT_SECONDS, world, scenario, show)
    with world.lock:
        violations = watched.violations + broken_promises(world, scenario)
        violations += [f"a function failed: {fault}" for fault in _failures(world)]
        return summarize(world, scenario, violations)


def _until(
    is_done: Callable[[], bool], limit_seconds: float, world: World, scenario: Scenario, show: Show
) -> None:
    deadline = world.scaled.now() + limit_seconds
    while world.scaled.now() < deadline:
        if world.is_broken:
            raise DemoBrokenError(f"a twin stopped: {world.is_broken!r}") from world.is_broken
        with world.lock:
            if is_done():
                return
        show(world, scenario)
        time.sleep(_LOOK_SECONDS)


def _lose_spot(world: World, watched: WatchedContainers) -> None:
    """Let EC2 take back the first Spot instance that runs, or look again in a moment."""
    spots = [i for i in world.aws.ec2.live_instances() if i.market == "spot" and i.state == "running"]
    if not spots:
        world.clock.schedule(5.0, lambda: _lose_spot(world, watched))
        return
    watched.lost_instances.add(spots[0].instance_id)
    world.aws.ec2.interrupt_spot(spots[0].instance_id)


def _failures(world: World) -> list[str]:
    return [fault for mapping in world.mappings for fault in mapping.failures] + world.schedules.failures
