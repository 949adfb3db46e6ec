"""Pacing: token buckets that keep our calls within AWS's documented limits [ECS-THROTTLE] [EC2-THROTTLE]."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Bucket(StrEnum):
    """The buckets that a plan's calls draw from, each one of an account and region."""

    ECS_CHANGES = "ecs_changes"  # RunTask, StopTask, UpdateContainerInstancesState
    CREATE_FLEET = "create_fleet"
    START_INSTANCES = "start_instances"
    TERMINATE_INSTANCES = "terminate_instances"


# Burst and refill a second, as documented; we take half, because two scalers and the reaper may call at once.
_LIMITS = {
    Bucket.ECS_CHANGES: (100, 40),
    Bucket.CREATE_FLEET: (50, 5),
    Bucket.START_INSTANCES: (5, 2),
    Bucket.TERMINATE_INSTANCES: (100, 5),
}
_OUR_SHARE = 0.5


@dataclass(slots=True)
class CallBudget:
    """What may be called now in one region. Times are epoch seconds."""

    _tokens: dict[Bucket, float] = field(default_factory=dict)
    _filled_at: dict[Bucket, float] = field(default_factory=dict)

    def admits(self, bucket: Bucket, now: float) -> bool:
        """Say whether one more call may be made now, and count it if so."""
        burst, per_second = (limit * _OUR_SHARE for limit in _LIMITS[bucket])
        since = max(0.0, now - self._filled_at.get(bucket, now))
        tokens = min(burst, self._tokens.get(bucket, burst) + since * per_second)
        is_admitted = tokens >= 1
        self._tokens[bucket], self._filled_at[bucket] = tokens - is_admitted, now
        return is_admitted
