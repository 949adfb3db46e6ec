"""One seed from beginning to end: storm, calm, and what was broken."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from local.simulator.chaos.checks import broken_promises, leaks, unserved
from local.simulator.chaos.deliveries import Deliveries
from local.simulator.chaos.event_log import EventLog
from local.simulator.chaos.of_calls import meddle_with_calls
from local.simulator.chaos.of_capacity import meddle_with_capacity
from local.simulator.chaos.of_containers import meddle_with_containers
from local.simulator.chaos.of_functions import meddle_with_functions
from local.simulator.chaos.of_github import meddle_with_github
from local.simulator.chaos.of_jobs import QueuedJobs, cancel_what_is_assigned, count_stolen, queue_jobs
from local.simulator.chaos.of_messages import LATE_SECONDS, count_messages, meddle_with_messages
from local.simulator.chaos.recipe import STARTS_AT, Recipe, recipe_of
from local.simulator.chaos.storm import Storm
from local.simulator.chaos.watch import Watch
from local.simulator.world import World, build_world
from local.twin.latency import LatencyModel

SERVED_WITHIN_SECONDS: Final = 2 * 3_600.0  # of the last fault
CLEAN_WITHIN_SECONDS: Final = 3_600.0  # of the last job's end
_STEP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one seed. ``counts`` is how often each fault fired, ``model_seconds`` how long it took there."""

    seed: int
    jobs: int
    violations: tuple[str, ...]
    counts: Counter[str]
    log: tuple[str, ...]
    model_seconds: float


def run_seed(seed: int, *, keeps_log: bool = False, ends_when_broken: bool = False) -> Result:
    """Run one seed; the same seed gives the same result, to the last line of its log.

    ``ends_when_broken``: whoever asks only whether anything breaks is told within a model minute of the first.
    """
    recipe = recipe_of(seed)
    world = _world(recipe)
    log = EventLog(world.clock.now, world.clock.now(), keeps_log)
    storm = Storm(world, recipe, log)
    watch, deliveries = Watch(storm), Deliveries()
    jobs = _begin(storm, watch, deliveries)
    try:
        _live(storm, jobs, deliveries, lambda: ends_when_broken and bool(watch.violations))
        for about, what in broken_promises(storm, jobs, deliveries):
            watch.broken(about, what)
        watch.end()
    except Exception as fault:  # noqa: BLE001 - a bug of ours that broke the run is what we are looking for
        at = traceback.extract_tb(fault.__traceback__)[-1]
        watch.broken("crash", f"the run broke: {type(fault).__name__}: {fault} ({at.name}, line {at.lineno})")
    count_messages(storm)
    count_stolen(storm, jobs)
    return Result(
        seed=seed,
        jobs=len(jobs.served) + len(jobs.refused),
        violations=tuple(watch.violations.values()),
        counts=storm.counts,
        log=tuple(log.lines()),
        model_seconds=world.clock.now() - STARTS_AT,
    )


def prepare() -> None:
    """Read what a process reads once, models and schemas and keys: whoever forks has read it for all its children."""
    _world(recipe_of(0))


def _begin(storm: Storm, watch: Watch, deliveries: Deliveries) -> QueuedJobs:
    for meddle in (
        meddle_with_functions,
        meddle_with_calls,
        meddle_with_messages,
        meddle_with_capacity,
        meddle_with_containers,
        meddle_with_github,
        cancel_what_is_assigned,
    ):
        meddle(storm)
    deliveries.watch(storm)
    jobs = queue_jobs(storm)
    watch.begin(jobs)
    storm.world.clock.schedule(storm.recipe.storm_seconds, storm.end)
    return jobs


def _live(storm: Storm, jobs: QueuedJobs, deliveries: Deliveries, is_over: Callable[[], bool]) -> None:
    """Go through the storm, then wait until every job has ended and everything is given back, or for too long."""
    clock = storm.world.clock
    ends_at = clock.now() + storm.recipe.storm_seconds
    while clock.now() < ends_at and not is_over():
        clock.advance_to(min(ends_at, clock.now() + _STEP_SECONDS))
    if storm.world.github.deliveries.counts["late"]:
        clock.advance(LATE_SECONDS[1])  # what is on its way is a fault too
        storm.last_fault_at = clock.now()
    if not storm.recipe.has_app:
        deliveries.resend(storm)
    wait_until = storm.last_fault_at + SERVED_WITHIN_SECONDS
    while not is_over() and _is_unsettled(storm, jobs, deliveries) and clock.now() < wait_until:
        clock.advance(_STEP_SECONDS)
    storm.log.tell("chaos", "every job has ended, or should have")
    wait_until = clock.now() + CLEAN_WITHIN_SECONDS
    while not is_over() and leaks(storm) and clock.now() < wait_until:
        clock.advance(_STEP_SECONDS)


def _is_unsettled(storm: Storm, jobs: QueuedJobs, deliveries: Deliveries) -> bool:
    is_short = bool(unserved(storm, jobs, deliveries))
    return is_short or next(deliveries.unrecorded(storm, jobs), None) is not None


@cache
def _latency() -> LatencyModel:
    return LatencyModel.modelled()


def _world(recipe: Recipe) -> World:
    world = build_world(
        recipe.configuration,
        recipe.repositories,
        starts_at=STARTS_AT,
        seed=recipe.seed,
        latency=_latency(),
    )
    for name in recipe.public:
        world.github.add_repository(name, private=False)
    return world
