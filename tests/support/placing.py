"""What became of wants that were placed on a pool, for the tests of placing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slipway.domain.capacity import NewCapacity
from slipway.domain.instances import Instance, Load
from slipway.domain.intents import RunTasks, StartInstances
from slipway.domain.placing import Placing, Ramp, Want
from slipway.domain.policy import Policy
from slipway.domain.reasons import Reason, Why
from slipway.domain.rooms import rooms_of
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Snapshot, WaitingJob
from tests.builders import a_policy, a_runner, a_snapshot, an_arn


@dataclass(frozen=True)
class Placed:
    """What became of some wants."""

    placing: Placing
    started: list[WaitingJob]
    run: tuple[RunTasks, ...]
    start: tuple[StartInstances, ...]
    launched: int

    def reasons(self, jobs: Sequence[WaitingJob]) -> list[Reason]:
        return [self.placing.reasons[job.key] for job in jobs]

    def whys(self, jobs: Sequence[WaitingJob]) -> list[Why]:
        return [reason.code for reason in self.reasons(jobs)]

    @property
    def loads(self) -> dict[str, Load]:
        return {name: load for request in self.start for name, load in request.starts}


def place(
    wants: Sequence[Want],
    snapshot: Snapshot,
    policy: Policy | None = None,
    *,
    allowed: int = 9,
    ramp: int = 100,
    in_flight: dict[str, int] | None = None,
) -> Placed:
    policy = policy or a_policy()
    capacity = NewCapacity(policy, snapshot, allowed)
    rooms, ramps = rooms_of(snapshot, policy, ()), Ramp(ramp, Counter(in_flight or {}))
    placing = Placing(rooms, capacity, policy.pool.exclusive, ramps)
    started = placing.place(wants)
    launched = sum(request.count for request in capacity.requests())
    return Placed(placing, started, placing.run_requests(), placing.start_requests(), launched)


def having(*instances: Instance, **facts: Any) -> Snapshot:
    return a_snapshot(instances=instances, **facts)


def busy_on(instance_id: str, count: int, first: int = 1) -> tuple[Runner, ...]:
    return tuple(
        a_runner(number, RunnerState.BUSY, instance_arn=an_arn(instance_id))
        for number in range(first, first + count)
    )
