"""Measures a run from outside: whose time a job's wait was, and how long each instance lived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local.simulator.outcome import InstanceLife
from local.simulator.world import World
from local.twin.aws.events import CONTAINER_INSTANCE_CHANGE, INSTANCE_CHANGE
from local.twin.github.deliveries import Delivery
from local.twin.github.model import WorkflowJob
from slipway.domain.configuration import InstanceType, Market
from slipway.domain.runners import parse_runner_name


@dataclass(slots=True)
class _Run:
    """One running time of an instance, epoch seconds."""

    launched_at: float
    connected_at: float | None = None
    ended_at: float | None = None


class Stopwatch:
    """Notes what happens in a world, at the moment when it happens."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._received: dict[int, float] = {}
        self._runs: dict[str, list[_Run]] = {}
        self._kinds: dict[str, tuple[str, str]] = {}
        deliver = world.github.deliveries.deliver

        def delivered(delivery: Delivery) -> int | None:
            if delivery.action == "queued" and delivery.job_id is not None:
                self._received.setdefault(delivery.job_id, world.clock.now())
            return deliver(delivery)

        world.github.deliveries.deliver = delivered
        # A rule is asked at the moment of the event; it wants nothing delivered.
        world.loop.aws.subscribe(lambda _event: None, self._note)

    def own_seconds(self, job: WorkflowJob) -> float | None:
        """Return the part of a job's wait that is Slipway's own, or None if it never had a runner of ours.

        From its webhook's arrival to the answer to its runner's claim, less the time in which the runner's
        instance was booting and less that in which ECS was starting its task.
        """
        runner = job.now.runner
        named = parse_runner_name(self._world.loop.configuration.deployment, runner.name) if runner else None
        container = self._world.loop.containers.by_task.get(named[1]) if named else None
        received = self._received.get(job.id)
        if container is None or container.claimed_at is None or received is None:
            return None
        until = container.claimed_at
        boots = self._runs.get(container.task.ec2_instance_id, ())
        others = [(run.launched_at, run.connected_at or run.ended_at or until) for run in boots]
        others.append((container.asked_at, container.up_at))
        return max(0.0, until - received - overlap(others, received, until))

    def lives(self, now: float) -> tuple[InstanceLife, ...]:
        """Return the running times of all instances; those that still run end now."""
        types = {
            kind.name: kind
            for pool in self._world.loop.configuration.pools.values()
            for kind in pool.instance_types
        }
        return tuple(
            self._life(types, instance_id, run, now)
            for instance_id, runs in self._runs.items()
            for run in runs
        )

    def _life(self, types: dict[str, InstanceType], instance_id: str, run: _Run, now: float) -> InstanceLife:
        name, market = self._kinds[instance_id]
        ended = run.ended_at if run.ended_at is not None else now
        return InstanceLife(types[name], Market(market), run.launched_at, ended)

    def _note(self, event: dict[str, Any]) -> bool:
        kind, detail, now = event["detail-type"], event["detail"], self._world.clock.now()
        if kind == INSTANCE_CHANGE:
            self._changed(detail["instance-id"], detail["state"], now)
        elif kind == CONTAINER_INSTANCE_CHANGE and detail["agentConnected"]:
            runs = self._runs.get(detail["ec2InstanceId"])
            if runs and runs[-1].connected_at is None:
                runs[-1].connected_at = now
        return False

    def _changed(self, instance_id: str, state: str, now: float) -> None:
        runs = self._runs.setdefault(instance_id, [])
        if state == "pending":
            runs.append(_Run(now))
            instance = self._world.loop.aws.ec2.lifecycle.instances[instance_id]
            self._kinds[instance_id] = (instance.shape.instance_type, instance.market)
        elif state in ("stopping", "shutting-down") and runs and runs[-1].ended_at is None:
            runs[-1].ended_at = now


def overlap(spans: Iterable[tuple[float, float]], start: float, end: float) -> float:
    """Return how much of a time is covered by spans that may overlap each other."""
    covered, reached = 0.0, start
    for first, last in sorted(spans):
        begin, stop = max(first, reached), min(last, end)
        if stop > begin:
            covered += stop - begin
            reached = stop
    return covered
