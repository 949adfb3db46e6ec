"""What came of a simulated run: each job's and each instance's life, and what was called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from local.catalogue import SPOT_PRICE_SHARE
from local.simulator.workload.jobs import SimulatedJob
from slipway.domain.configuration import InstanceType, Market
from slipway.domain.resources import Resources
from slipway.domain.usage import Usage


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """One job's life; times are epoch seconds, None for what never came."""

    job: SimulatedJob
    queued_at: float
    started_at: float | None
    completed_at: float | None
    own_seconds: float | None = None
    """The part of the wait that is the policy's own doing, not GitHub's, EC2's or ECS's; None: not measured."""

    @property
    def wait_seconds(self) -> float | None:
        """Return how long the job was queued, or None if it never started."""
        return None if self.started_at is None else self.started_at - self.queued_at


@dataclass(frozen=True, slots=True)
class InstanceLife:
    """One running time of an instance: from its launch or start to its end, epoch seconds."""

    type: InstanceType
    market: Market
    launched_at: float
    ended_at: float

    @property
    def hours(self) -> float:
        """Return the billed hours: EC2 bills seconds, a minute at least."""
        return max(60.0, self.ended_at - self.launched_at) / 3600

    @property
    def usd(self) -> float:
        """Return what it cost."""
        share = SPOT_PRICE_SHARE if self.market is Market.SPOT else 1.0
        return self.hours * self.type.usd_per_hour * share


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a policy's run is judged by."""

    policy: str
    seed: int
    jobs: tuple[JobOutcome, ...]
    instances: tuple[InstanceLife, ...]
    sizes: tuple[Resources, ...]
    """What each job's task occupied, in the order of ``jobs``."""
    github_calls: int = 0
    aws_calls: Mapping[str, int] = field(default_factory=dict)
    """Calls by operation: ``{"ecs.RunTask": 12}``."""
    violations: tuple[str, ...] = ()
    """Promises that were broken, in words."""
    extra_usd: float = 0.0
    """What was paid otherwise than for whole instances: the bound buys by the fraction."""
    usage: tuple[Usage, ...] = field(default=(), repr=False)
    """The usage records that Slipway wrote, and what it would write of all that still runs; a baseline writes none."""
