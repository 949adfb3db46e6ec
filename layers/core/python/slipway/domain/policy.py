"""The policy: all that the plan for one pool obeys, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.domain.configuration import (
    MAX_TASKS_ON_A_BRIDGE,
    Configuration,
    Fairness,
    GitHubTarget,
    Pool,
    Profile,
)
from slipway.domain.resources import Resources, largest
from slipway.domain.schedules import is_within


@dataclass(frozen=True, slots=True)
class Tiers:
    """How much waits ready: started containers by profile, free slots, instances that are booted and stopped.

    They are inputs of the plan, not of the pool, so that something other than the configuration can set them.
    """

    standby: Mapping[str, int] = field(default_factory=dict)
    headroom_slots: int = 0
    stopped_instances: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """One pool with the profiles that draw on it (by name), how work is shared, and the sizes of its tiers."""

    pool: Pool
    profiles: Mapping[str, Profile]
    github: GitHubTarget
    fairness: Fairness
    tiers: Tiers

    @property
    def slot(self) -> Resources:
        """Return the room for one task of any profile of the pool, in the profile's own size."""
        return largest(profile.size for profile in self.profiles.values())

    def max_tasks_on(self, instance_type: str) -> int:
        """Return how many tasks an instance of this type takes; one that is no longer configured goes by the bridge."""
        if self.pool.exclusive:
            return 1
        for offered in self.pool.instance_types:
            if offered.name == instance_type:
                return offered.max_tasks
        return MAX_TASKS_ON_A_BRIDGE


def policy_of(configuration: Configuration, pool: str, now: float) -> Policy:
    """Return what the configuration says of a pool at a moment (epoch seconds): schedules are looked up here."""
    asked_for = configuration.pools[pool]
    profiles = {profile.name: profile for profile in configuration.profiles.values() if profile.pool == pool}
    headroom = asked_for.headroom
    is_due = headroom is not None and is_within(headroom.schedule, now)
    tiers = Tiers(
        standby={name: profile.standby for name, profile in profiles.items() if profile.standby},
        headroom_slots=headroom.slots if headroom is not None and is_due else 0,
        stopped_instances=asked_for.stopped_instances,
    )
    return Policy(asked_for, profiles, configuration.github, configuration.fairness, tiers)
