"""Why a queued job has no runner yet: the closed list that plan, explain, dashboards and metrics share."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Why(StrEnum):
    """The codes. Every job which waits has exactly one."""

    RUNNER_IDLE = "runner_idle"  # a runner with its labels is registered and waits for GitHub
    TASK_STARTING = "task_starting"  # a container is on its way and will claim it
    INSTANCE_STARTING = "instance_starting"  # an instance with room for it boots
    NO_PROFILE = "no_profile"  # the profile that served it is no longer configured
    NOT_TAKEN = "not_taken"  # GitHub gave it none of the runners made for it; the next one comes later
    POOL_LIMIT = "pool_limit"
    PROFILE_LIMIT = "profile_limit"
    REPOSITORY_LIMIT = "repository_limit"
    ORGANIZATION_LIMIT = "organization_limit"
    NO_CAPACITY = "no_capacity"  # EC2 has none of the pool's types for now
    TOO_LARGE = "too_large"  # no instance type of the pool holds it
    PAUSED = "paused"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and its parameters, ready to be put into words."""

    code: Why
    parameters: dict[str, str | int | float] = field(default_factory=dict)
