"""The plan: what one convergence decided for one pool, and why each job still waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.domain.intents import LaunchInstances, RunTasks, StartInstances
from slipway.domain.jobs import JobKey
from slipway.domain.launches import FailedLaunch
from slipway.domain.matching import Shape
from slipway.domain.reasons import SET_ASIDE, Reason
from slipway.domain.snapshot import WaitingJob


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions only; applying them is the services' work. Instances and tasks are named by their ids.

    ``offers``: for each task shape the jobs to serve, in fair order. ``reserved``: those for tasks with a turn to
    register in a reach alone: another would need a turn of its own. ``run``, ``launch``, ``start``: tasks to start,
    instances to launch, stopped instances to start. ``hosts``: where there is room for the tasks of ``run``, by
    instance; ECS chooses. ``dismiss``: waiting tasks to end. ``drain``: take no new task. ``end``: drained,
    terminated once ECS lists them empty twice. ``replace``: never came up. ``retire``: stopped ones to terminate.
    ``idle_since``: whose idle mark changes (None clears). ``closes_circuit``, ``closes_tier_circuit``: launches
    succeed again. ``recovered``: profiles whose containers start again. ``failed_launches``: those that the snapshot
    shows. ``reasons``: one for each waiting job. ``set_aside``: instances that cannot be as they are recorded.
    ``is_short_of_tiers``: standby or headroom found no room. ``withholds``: a place is free for a job once ``offers``
    are published.
    """

    offers: Mapping[Shape, tuple[WaitingJob, ...]] = field(default_factory=dict)
    reserved: Mapping[tuple[Shape, str], tuple[WaitingJob, ...]] = field(default_factory=dict)
    run: tuple[RunTasks, ...] = ()
    hosts: Mapping[str, Mapping[Shape, int]] = field(default_factory=dict)
    launch: tuple[LaunchInstances, ...] = ()
    start: tuple[StartInstances, ...] = ()
    dismiss: tuple[str, ...] = ()
    drain: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    retire: tuple[str, ...] = ()
    idle_since: Mapping[str, float | None] = field(default_factory=dict)
    closes_circuit: bool = False
    closes_tier_circuit: bool = False
    recovered: tuple[str, ...] = ()
    failed_launches: tuple[FailedLaunch, ...] = ()
    reasons: Mapping[JobKey, Reason] = field(default_factory=dict)
    set_aside: Mapping[str, str] = field(default_factory=dict)
    is_short_of_tiers: bool = False
    withholds: bool = False

    @property
    def is_quiet(self) -> bool:
        """Say whether nothing outward is left to do."""
        starts = self.run or self.launch or self.start
        return not (starts or self.dismiss or self.drain or self.end or self.replace or self.retire)

    @property
    def jobs_set_aside(self) -> dict[JobKey, Reason]:
        """Return the jobs that no room, however large, would serve now."""
        return {key: reason for key, reason in self.reasons.items() if reason.code in SET_ASIDE}
