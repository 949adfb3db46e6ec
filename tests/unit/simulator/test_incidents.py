"""Incidents that overlap: one that ends does not end the others of its kind."""

from __future__ import annotations

from typing import Any, cast

from local.simulator.configuration import configuration_for
from local.simulator.incidents import plan_incidents
from local.simulator.workload.jobs import Incident, IncidentKind
from local.simulator.world import World, build_world
from local.twin.aws.ec2.records import Instance
from local.twin.aws.ec2.shapes import instance_shape
from local.twin.aws.ec2.user_data import AgentSettings
from local.twin.aws.lag import LaggedView
from local.twin.latency import LatencyModel

DOWN, SCARCE = IncidentKind.GITHUB_DOWN, IncidentKind.NO_SPOT_CAPACITY


def a_world(*incidents: Incident) -> World:
    latency = LatencyModel.modelled()
    world = build_world(configuration_for(), ["acme/one"], starts_at=0.0, seed=1, latency=latency)
    plan_incidents(world, incidents)
    return world


def failing_at(world: World, *moments: float) -> list[tuple[float, float]]:
    """Return which share of calls and of webhooks fails at each of these moments."""
    found = []
    for moment in moments:
        world.clock.advance_to(moment)
        found.append((world.github.faults.failing, world.github.deliveries.faults.lost))
    return found


def test_github_stays_down_until_the_last_incident_ends_and_the_strongest_is_felt() -> None:
    world = a_world(Incident(DOWN, 10, 100, 0.5), Incident(DOWN, 50, 20, 0.9), Incident(DOWN, 100, 100, 0.2))
    shares = failing_at(world, 5, 20, 60, 80, 105, 150, 201)
    assert shares == [(share, share) for share in (0.0, 0.5, 0.9, 0.5, 0.5, 0.2, 0.0)]


def test_two_incidents_of_one_strength_are_two() -> None:
    world = a_world(Incident(DOWN, 10, 100), Incident(DOWN, 20, 10))
    assert failing_at(world, 15, 25, 40, 111) == [(1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (0.0, 0.0)]


def test_spot_capacity_comes_back_when_the_last_incident_ends() -> None:
    world = a_world(Incident(SCARCE, 10, 100), Incident(SCARCE, 20, 10))
    capacity = world.loop.aws.ec2.capacity
    history = LaggedView(cast("Any", None))  # nobody reads it
    shape, agent = instance_shape("m7i.large"), AgentSettings()
    spot = Instance("i-1", shape, "spot", "subnet-1", "zone-1", "ami-1", agent, {}, 0.0, history)
    refusals = []
    for moment in (5, 15, 25, 40, 111):
        world.clock.advance_to(moment)
        refusals.append(capacity.refusal(spot, []))
    assert refusals == [None, *["InsufficientInstanceCapacity"] * 3, None]
