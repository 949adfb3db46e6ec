"""The jobs of a simulation, and the incidents that befall whoever runs them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_HOUR_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class SimulatedJob:
    """One job as a trace tells it; times are seconds, the first counted from the trace's start."""

    queued_at_seconds: float
    organization: str
    repository: str
    """Its name within the organization."""
    labels: tuple[str, ...]
    duration_seconds: float

    @property
    def full_name(self) -> str:
        """Return the repository as GitHub writes it."""
        return f"{self.organization}/{self.repository}"


class IncidentKind(StrEnum):
    """What can befall a simulated day."""

    SPOT_STORM = "spot_storm"
    """Every Spot instance is interrupted by ``strength`` an hour (a rate)."""
    NO_SPOT_CAPACITY = "no_spot_capacity"
    """No offering has Spot capacity."""
    GITHUB_DOWN = "github_down"
    """A share ``strength`` of GitHub's API calls is answered 503, and of its webhooks is never sent."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong for a while; times are seconds from the trace's start."""

    kind: IncidentKind
    at_seconds: float
    lasts_seconds: float
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Workload:
    """What every policy is given: jobs by time, incidents, and when the trace starts (epoch seconds)."""

    name: str
    starts_at: float
    jobs: tuple[SimulatedJob, ...]
    incidents: tuple[Incident, ...] = ()

    @property
    def hours(self) -> float:
        """Return in how many hours, begun ones among them, its jobs are queued: at least one."""
        last = max((job.queued_at_seconds for job in self.jobs), default=0.0)
        return math.floor(last / _HOUR_SECONDS) + 1.0
