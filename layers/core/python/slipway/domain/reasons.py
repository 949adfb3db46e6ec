"""Why a queued job has no runner yet: the closed list that plan, explain, dashboards and metrics share."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Why(StrEnum):
    """The codes. Every job which waits has exactly one."""

    RUNNER_IDLE = "runner_idle"  # a runner with its labels is registered and waits for GitHub
    TASK_STARTING = "task_starting"  # a container is on its way and will claim it
    INSTANCE_STARTING = "instance_starting"  # an instance with room for it boots
    AWAITING_TURN = "awaiting_turn"  # a container is up for it and waits for its turn to register at GitHub
    START_RAMP = "start_ramp"  # there is room for it, but enough runners of its repository are starting
    NO_PROFILE = "no_profile"  # the profile that served it is no longer configured
    NOT_TAKEN = "not_taken"  # GitHub gave it none of the runners made for it; the next one comes later
    ZOMBIE = (
        "zombie"  # GitHub calls it queued and gave it none of many runners: set aside, tried again each hour
    )
    POOL_LIMIT = "pool_limit"
    PROFILE_LIMIT = "profile_limit"
    REPOSITORY_LIMIT = "repository_limit"
    ORGANIZATION_LIMIT = "organization_limit"
    FAIR_SHARE = "fair_share"  # the pool is at its limit, and younger jobs of those who hold less go first
    NO_CAPACITY = "no_capacity"  # EC2 has none of the pool's types for now
    LAUNCHES_FAIL = "launches_fail"  # no instance of the pool comes up; tried again, less and less often
    STARTS_FAIL = "starts_fail"  # its profile's containers end before they take a job; one at a time is tried
    GITHUB_BUSY = "github_busy"  # GitHub asked to register no runner for a while
    GITHUB_REFUSED = (
        "github_refused"  # GitHub refuses runners until somebody mends it; one job tries all the time
    )
    TOO_LARGE = "too_large"  # no instance type of the pool holds it
    PAUSED = "paused"
    DRAINING = "draining"


# Nothing holds these up: their runner is there or on its way.
SERVED = frozenset({Why.RUNNER_IDLE, Why.TASK_STARTING})
SET_ASIDE = frozenset(
    {Why.NO_PROFILE, Why.NOT_TAKEN, Why.TOO_LARGE, Why.ZOMBIE}
)  # no room, however large, serves these now


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and its parameters, ready to be put into words."""

    code: Why
    parameters: dict[str, str | int | float] = field(default_factory=dict)
