"""What one run of the reaper compares, and what it finds in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from slipway.domain.instances import Instance
from slipway.domain.jobs import JobKey
from slipway.domain.reach import EVERYONE
from slipway.domain.runners import Registration, Runner
from slipway.domain.snapshot import Orphan, Snapshot


class What(StrEnum):
    """What to remove, or to put right in the ledger."""

    REGISTRATION = "registration"  # remove at GitHub
    ORPHAN = "orphan"  # a stopped task's registration: remove at GitHub
    IDLE_RUNNER = "idle runner"  # remove at GitHub, then stop its task
    STUCK_RUNNER = "stuck runner"  # the same, of one whose listener is away: nothing is said of its job
    UNREGISTERED_RUNNER = "unregistered runner"  # GitHub forgot it: ask by removal, then stop its task
    UNCLAIMED_TASK = "unclaimed task"  # stop, unless it claims at this very moment
    OVERDUE_TASK = "overdue task"  # stop
    # Terminate: a host that was used and shut itself down never goes back.
    STOPPED_INSTANCE = "stopped instance"
    WARM_INSTANCE = "warm instance"  # one of the stopped tier whose stop was never told: note it
    INSTANCE = "instance"  # take in if ECS knows it after all, else terminate
    CUT_OFF_INSTANCE = "cut-off instance"  # drain, then terminate: nothing that it holds will ever end
    RUNNER_RECORD = "runner record"  # ECS no longer has the task: forget it
    INSTANCE_NEWS = "instance news"  # ECS knows better than the ledger: fold what it says
    INSTANCE_RECORD = "instance record"  # EC2 no longer has the instance: forget it
    JOB_RECORD = "job record"  # it waits no longer
    UNKNOWN_TASK = "unknown task"  # a task of ours that the ledger does not know: take it in
    WAITING_LONG = "waiting long"  # converge its pool, and say so


@dataclass(frozen=True, slots=True)
class Reap:
    """One thing to reap: what, which one, in which pool (registrations have none), and why."""

    what: What
    id: str
    pool: str
    why: str
    runner: Runner | None = None
    orphan: Orphan | None = None
    registration: Registration | None = None
    instance: Instance | None = None

    @property
    def reach(self) -> str:
        """Return where GitHub has the registration, empty if there is none."""
        found = self.registration or self.orphan or self.runner
        return (found.reach if found else None) or ""


@dataclass(frozen=True, slots=True)
class Ec2Instance:
    """An instance of ours as EC2 has it; ``intent`` is the launch it belongs to."""

    launched_at: float
    intent: str = ""
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """One pool as ledger, ECS and EC2 have it.

    ``tasks`` are the ids of those that run, ``instances`` are EC2's and ``registered`` those that ECS
    knows, both by instance id.
    """

    snapshot: Snapshot
    tasks: frozenset[str]
    instances: Mapping[str, Ec2Instance]
    registered: Mapping[str, Instance]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that one run of the reaper compares.

    ``registrations`` bear names of ours, so that each has a ``task_id``; ``strangers`` are others in runner groups of
    ours; ``listed`` are the places that were read whole in this run. ``over`` are the waiting
    jobs that GitHub says, in this run, want no runner any more, each with its words.
    """

    now: float
    pools: tuple[PoolFacts, ...]
    registrations: tuple[Registration, ...] = ()
    strangers: tuple[Registration, ...] = ()
    listed: frozenset[str] = frozenset()
    over: Mapping[JobKey, str] = field(default_factory=dict)

    def is_listed(self, reach: str) -> bool:
        """Say whether every registration of a reach was seen."""
        return EVERYONE in self.listed or reach in self.listed

    @property
    def alive(self) -> frozenset[str]:
        """Return the ids of the tasks that the ledger or ECS knows."""
        known = {runner.task_id for pool in self.pools for runner in pool.snapshot.runners}
        return frozenset(known.union(*(pool.tasks for pool in self.pools)))
