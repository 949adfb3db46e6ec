"""What is left in a world beyond the tiers that were asked for."""

from __future__ import annotations

from collections import Counter

from local.simulator.world import World
from slipway.domain.configuration import Configuration, InstanceType, Pool


def beyond_tiers(world: World) -> dict[str, int]:
    """Count what is there beyond what was asked for: standby containers, headroom, stopped instances."""
    configuration = world.loop.configuration
    left = world.left()
    standby = sum(profile.standby for profile in configuration.profiles.values())
    found = {
        "runners": left["runners"],
        "offers": left["offers"],
        "intents": left["intents"],
        "tasks": abs(left["tasks"] - standby),
    }
    instances = [
        (instance.tags.get("slipway:pool", ""), instance.state)
        for instance in world.loop.aws.ec2.live_instances()
    ]
    counted = Counter(instances)
    missing = [
        (instance.tags.get("slipway:pool", ""), instance.tags.get("slipway:tier") == "stopped")
        for instance in world.loop.aws.ec2.live_instances()
        if instance.state == "running"
    ]
    for name, pool in configuration.pools.items():
        running = sum(counted[name, state] for state in ("pending", "running", "stopping"))
        found[f"instances running in {name}"] = max(0, running - _running_asked_for(configuration, pool))
        # One that joined the cluster instead of powering off keeps its place in the tier while it lives.
        missed = sum(name == of and is_missed for of, is_missed in missing)
        gone = pool.stopped_instances - counted[name, "stopped"]
        found[f"stopped instances in {name}"] = max(-gone, gone - missed, 0)
    return {what: count for what, count in found.items() if count}


def _running_asked_for(configuration: Configuration, pool: Pool) -> int:
    """Return how many running instances standby and headroom take at most, in the smallest instances.

    Standby containers are not moved together once they wait: each may hold a host of its own until that is renewed.
    """
    profiles = [one for one in configuration.profiles.values() if one.pool == pool.name]
    slots = pool.headroom.slots if pool.headroom else 0
    largest = max(profiles, key=lambda one: one.size.memory_mib)
    smallest = min(pool.instance_types, key=lambda one: one.registered.memory_mib)
    headroom = -(-slots // _tasks_on(smallest, largest.size.cpu_units, largest.size.memory_mib))
    return headroom + sum(one.standby for one in profiles)


def _tasks_on(host: InstanceType, cpu_units: int, memory_mib: int) -> int:
    return max(1, min(host.registered.cpu_units // cpu_units, host.registered.memory_mib // memory_mib))
