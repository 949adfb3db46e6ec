"""The plan: what one convergence decided for one pool, and why each job still waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.domain.intents import LaunchInstances, RunTasks
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.reasons import Reason
from slipway.domain.snapshot import WaitingJob


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions only; applying them is the services' work.

    ``offers``: for each task shape the jobs to serve, in fair order. ``dismiss``: tasks that nobody needs.
    ``drain`` and ``end``: instance ids. ``idle_since``: instance ids whose idle mark changes (None clears).
    """

    offers: Mapping[Shape, tuple[WaitingJob, ...]] = field(default_factory=dict)
    run: tuple[RunTasks, ...] = ()
    launch: tuple[LaunchInstances, ...] = ()
    dismiss: tuple[str, ...] = ()
    drain: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    idle_since: Mapping[str, float | None] = field(default_factory=dict)
    reasons: Mapping[JobKey, Reason] = field(default_factory=dict)

    @property
    def is_quiet(self) -> bool:
        """Say whether nothing outward is left to do."""
        return not (self.run or self.launch or self.dismiss or self.drain or self.end)
