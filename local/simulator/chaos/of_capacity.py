"""Faults of EC2 and ECS themselves: no capacity, hosts that never come up, flap or are taken away, images."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from local.simulator.chaos.storm import Storm
from local.twin.aws.ec2.lifecycle import BootPlan
from local.twin.aws.ec2.records import Instance

_HARDWARE: Final = ("Server.InternalError", "Server.InternalError: the host has failed")
_PULL: Final = "CannotPullContainerError: the registry does not answer"


def meddle_with_capacity(storm: Storm) -> None:
    """Let capacity run out, hosts fail, and images not come."""
    _boots(storm)
    _scarcity(storm)
    _losses(storm)
    ecs = storm.world.loop.aws.ecs
    rng = storm.source("numbers")

    def flap(rng: random.Random) -> str | None:
        alive = _alive(storm, lambda instance: instance.state == "running")
        if not alive:
            return None
        chosen = rng.choice(alive)
        ecs.blip_agent(chosen.instance_id)
        return chosen.instance_id

    storm.again_and_again("agent-flaps", flap)
    ecs.plan_start_failures(lambda: _PULL if storm.happens("pull-fails") else None)
    ecs.plan_room(lambda: rng.randint(0, 2) if storm.happens("runtask-partial") else None)


def _boots(storm: Storm) -> None:
    lifecycle, registry = storm.world.loop.aws.ec2.lifecycle, storm.world.loop.aws.ecs.registry
    usual, rng = lifecycle.boot_plan, storm.source("boots")

    def plan(instance: Instance) -> BootPlan:
        planned = usual(instance)
        if storm.happens("never-registers", instance.instance_id):
            return BootPlan.NEVER_REGISTER
        if planned is BootPlan.POWER_OFF and storm.happens("misses-the-tier", instance.instance_id):
            return BootPlan.REGISTER
        return planned

    lifecycle.boot_plan = plan
    registry.connects_late = lambda: rng.uniform(30.0, 900.0) if storm.happens("connects-late") else 0.0


def _scarcity(storm: Storm) -> None:
    """Let zones and markets run out for a while, and single fleets come in part [EC2-CAPACITY-ERRORS]."""
    loop = storm.world.loop
    capacity = loop.aws.ec2.capacity
    places = sorted({subnet for pool in loop.configuration.pools.values() for subnet in pool.subnets})

    def run_out(rng: random.Random) -> str:
        place = rng.choice([*places, *places, None])
        market = rng.choice(("spot", "on-demand", None))
        capacity.limit(rng.choice((0, 0, 1)), place=place, market=market)
        storm.for_a_while(rng.uniform(60.0, 1_200.0), lambda: capacity.lift(place=place, market=market))
        return f"{place or 'anywhere'} {market or 'in any market'}"

    storm.again_and_again("no-capacity", run_out)


def _losses(storm: Storm) -> None:
    """Take hosts away: Spot with two minutes' warning in every phase, any host without a word."""
    loop = storm.world.loop
    ec2, registry = loop.aws.ec2, loop.aws.ecs.registry

    def holds(instance: Instance) -> int | None:
        """Return how many tasks are on it; None before it has registered."""
        member = registry.by_ec2_id(instance.instance_id)
        return None if member is None else len(member.tasks)

    phases: dict[str, Callable[[Instance], bool]] = {
        "spot-lost-booting": lambda instance: holds(instance) is None,
        "spot-lost-idle": lambda instance: holds(instance) == 0,
        "spot-lost-busy": lambda instance: bool(holds(instance)),
    }

    def taken(is_in_phase: Callable[[Instance], bool]) -> Callable[[random.Random], str | None]:
        def take(rng: random.Random) -> str | None:
            found = _alive(storm, lambda one: one.market == "spot" and is_in_phase(one))
            if not found:
                return None
            chosen = rng.choice(found)
            storm.lost_hosts.add(chosen.instance_id)
            ec2.interrupt_spot(chosen.instance_id)
            return chosen.instance_id

        return take

    def break_down(rng: random.Random) -> str | None:
        found = _alive(storm, lambda one: one.state in ("pending", "running"))
        if not found:
            return None
        chosen = rng.choice(found)
        storm.lost_hosts.add(chosen.instance_id)
        ec2.lifecycle.terminate(chosen, _HARDWARE)
        return chosen.instance_id

    for name, is_in_phase in phases.items():
        storm.again_and_again(name, taken(is_in_phase))
    storm.again_and_again("host-lost", break_down)


def _alive(storm: Storm, condition: Callable[[Instance], bool]) -> list[Instance]:
    return [
        instance
        for instance in storm.world.loop.aws.ec2.live_instances()
        if instance.instance_id not in storm.lost_hosts and condition(instance)
    ]
