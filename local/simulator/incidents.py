"""Incidents of a workload, put on a world's clock."""

from __future__ import annotations

import math
from collections.abc import Iterable

from local.simulator.workload.jobs import Incident, IncidentKind
from local.simulator.world import World

_STORM_STEP_SECONDS = 60.0
Strengths = list[float]
"""How strong each incident of one kind is that goes on now."""


def plan_incidents(world: World, incidents: Iterable[Incident]) -> None:
    """Let each incident begin and end at its time; where some of a kind overlap, the strongest is felt."""
    begin = {
        IncidentKind.SPOT_STORM: _spot_storm,
        IncidentKind.NO_SPOT_CAPACITY: _no_spot_capacity,
        IncidentKind.GITHUB_DOWN: _github_down,
    }
    going_on: dict[IncidentKind, Strengths] = {kind: [] for kind in begin}
    for incident in incidents:
        world.clock.schedule(
            incident.at_seconds,
            lambda one=incident: begin[one.kind](world, one, going_on[one.kind]),  # type: ignore[misc]
        )


def _spot_storm(world: World, incident: Incident, _going_on: Strengths) -> None:
    """Interrupt each Spot instance with the probability that its rate gives to a minute [EC2-SPOT-NOTICE]."""
    until, rng = world.clock.now() + incident.lasts_seconds, world.loop.rng
    share = -math.expm1(-incident.strength * _STORM_STEP_SECONDS / 3600)

    def step() -> None:
        for instance in list(world.loop.aws.ec2.live_instances()):
            if instance.market == "spot" and rng.random() < share:
                world.loop.aws.ec2.interrupt_spot(instance.instance_id)
        if world.clock.now() + _STORM_STEP_SECONDS < until:
            world.clock.schedule(_STORM_STEP_SECONDS, step)

    step()


def _no_spot_capacity(world: World, incident: Incident, going_on: Strengths) -> None:
    capacity = world.loop.aws.ec2.capacity
    going_on.append(incident.strength)
    capacity.limit(0, market="spot")

    def over() -> None:
        going_on.remove(incident.strength)
        if not going_on:
            capacity.lift(market="spot")

    world.clock.schedule(incident.lasts_seconds, over)


def _github_down(world: World, incident: Incident, going_on: Strengths) -> None:
    calls, deliveries = world.github.faults, world.github.deliveries.faults

    def fail() -> None:
        calls.failing = deliveries.lost = max(going_on, default=0.0)

    def over() -> None:
        going_on.remove(incident.strength)
        fail()

    going_on.append(incident.strength)
    fail()
    world.clock.schedule(incident.lasts_seconds, over)
