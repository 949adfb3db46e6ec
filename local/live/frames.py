"""Frames: what the page draws at one moment, as plain JSON with short keys (docs/live.md lists them).

A snapshot and its plan come in; nothing here reads a clock or a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.live.reading import Reading
from local.live.waits import ALL, WINDOW_SECONDS, Waits
from local.words import told
from slipway.domain.configuration import Configuration
from slipway.domain.gauges import held_by_instance
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.plan import Plan
from slipway.domain.planner import plan
from slipway.domain.policy import Policy, policy_of
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Snapshot
from slipway.domain.usage import JobUsage

Frame = dict[str, Any]

# Pools, instances, runners, waiting jobs, finished jobs, waits, and for each reason the words of whoever waits longest.
KINDS = ("p", "i", "r", "j", "d", "w", "y")
FINISHED_KEPT = 12
# Which turn or instance a job of many is counted on changes with each job before it: told once for all of them.
_TOLD_TOGETHER = frozenset({Why.AWAITING_TURN, Why.INSTANCE_STARTING})
_STATES: Mapping[RunnerState, str] = {
    RunnerState.STARTING: "starting",
    RunnerState.REGISTERED: "registered",
    RunnerState.BUSY: "busy",
    RunnerState.GONE: "ending",
}


@dataclass(slots=True)
class FrameMaker:
    """Makes frames of looks at one deployment; keeps what a single look does not show: waits, the last finished."""

    configuration: Configuration
    _waits: Waits = field(default_factory=Waits)
    _finished: dict[str, JobUsage] = field(default_factory=dict)

    def frame(self, reading: Reading) -> Frame:
        """Return the frame of a look, with the reasons that a convergence would find now."""
        self._waits.see(reading)
        for usage in reading.finished:
            self._finished[str(usage.job)] = usage
        latest = sorted(self._finished.items(), key=lambda item: (item[1].completed_at, item[0]))
        self._finished = dict(latest[-FINISHED_KEPT:])
        frame: Frame = {"t": round(reading.at, 1), **{kind: {} for kind in KINDS}}
        for snapshot in reading.pools:
            policy = policy_of(self.configuration, snapshot.pool, snapshot.now)
            _add_pool(frame, snapshot, policy, plan(snapshot, policy))
        frame["d"] = {key: _finished_job(usage) for key, usage in self._finished.items()}
        frame["w"] = self._waits.figures()
        frame["s"] = _summary(frame)
        return frame


def about(configuration: Configuration, kind: str, **more: Any) -> dict[str, Any]:
    """Return what stays the same while a deployment is watched; ``kind`` says where the frames come from."""
    profiles = {
        name: {
            "pool": profile.pool,
            "cpu_units": profile.size.cpu_units,
            "memory_mib": profile.size.memory_mib,
            "target_seconds": profile.wait_target.p90_wait_seconds if profile.wait_target else None,
        }
        for name, profile in sorted(configuration.profiles.items())
    }
    return {
        "kind": kind,
        "deployment": configuration.deployment,
        "window_seconds": WINDOW_SECONDS,
        "pools": sorted(configuration.pools),
        "profiles": profiles,
        **more,
    }


def _add_pool(frame: Frame, snapshot: Snapshot, policy: Policy, decided: Plan) -> None:
    places = {instance.arn: instance.instance_id for instance in snapshot.instances if instance.arn}
    for instance in snapshot.instances:
        if instance.state is not InstanceState.GONE:
            frame["i"][instance.instance_id] = _instance(instance)
    for runner in snapshot.runners:
        place = places.get(runner.instance_arn or "", "")
        frame["r"][runner.task_id] = _runner(runner, place)
    for job in sorted(snapshot.jobs, key=lambda job: (job.queued_at, job.key)):
        reason = decided.reasons.get(job.key)
        code, sentence = _explained(reason)
        frame["y"].setdefault(code, [sentence])
        frame["j"][str(job.key)] = [
            job.pool,
            job.shape.profile,
            *_size(job.shape.size),
            job.repository,
            round(job.queued_at),
            code,
            "" if reason is not None and reason.code in _TOLD_TOGETHER else sentence,
        ]
    frame["p"][snapshot.pool] = _pool(snapshot, policy)


def _explained(reason: Reason | None) -> tuple[str, str]:
    if reason is None:
        return "", "not planned yet"
    return reason.code.value, told(reason)


def _pool(snapshot: Snapshot, policy: Policy) -> list[Any]:
    states = Counter(instance.state for instance in snapshot.instances)
    return [
        snapshot.control.value,
        policy.pool.max_instances,
        sum(_state_of_runner(runner) == "standby" for runner in snapshot.runners),
        sum(policy.tiers.standby.values()),
        free_slots(snapshot, policy),
        policy.tiers.headroom_slots,
        states[InstanceState.STOPPED],
        policy.tiers.stopped_instances,
    ]


def free_slots(snapshot: Snapshot, policy: Policy) -> int:
    """Count the slots of usable instances that no task holds: each has room for any of the pool's profiles."""
    held = held_by_instance(snapshot)
    tasks = Counter(runner.instance_arn for runner in snapshot.runners)
    free = 0
    for instance in snapshot.instances:
        if instance.is_usable and instance.lost_at is None and instance.arn is not None:
            room = instance.registered - held.get(instance.arn, NOTHING)
            more = policy.max_tasks_on(instance.instance_type) - tasks[instance.arn]
            free += max(0, min(_times(room, policy.slot), more))
    return free


def _times(room: Resources, slot: Resources) -> int:
    return min(
        (
            have // need
            for have, need in (
                (room.cpu_units, slot.cpu_units),
                (room.memory_mib, slot.memory_mib),
                (room.gpus, slot.gpus),
            )
            if need
        ),
        default=0,
    )


def _instance(instance: Instance) -> list[Any]:
    return [
        instance.pool,
        instance.instance_type,
        _state_of(instance),
        *_size(instance.registered),
        instance.market.value if instance.market else "",
        round(instance.launched_at),
    ]


def _state_of(instance: Instance) -> str:
    if instance.lost_at is not None:
        return "lost"
    if instance.state is InstanceState.READY and not instance.connected:
        return "connecting"
    return instance.state.value


def _runner(runner: Runner, place: str) -> list[Any]:
    state = _state_of_runner(runner)
    since = {"busy": runner.busy_at, "registered": runner.claimed_at, "ending": runner.ended_at}.get(
        state, runner.running_at
    )
    return [
        runner.pool,
        place,
        runner.shape.profile,
        *_size(runner.shape.size),
        state,
        runner.repository or "",
        str(runner.job) if runner.job else "",
        round(since if since is not None else runner.started_at),
    ]


def _state_of_runner(runner: Runner) -> str:
    """Return its state; a container that is up waits for its turn to register, or for a job."""
    if runner.state is RunnerState.STARTING and runner.running_at is not None:
        return "standby" if runner.waits_for is None else "turn"
    return _STATES[runner.state]


def _finished_job(usage: JobUsage) -> list[Any]:
    wait = None if usage.started_at is None else round(usage.started_at - usage.queued_at)
    ran = None if usage.started_at is None else round(usage.completed_at - usage.started_at)
    return [
        usage.name,
        usage.workflow,
        usage.repository,
        usage.profile,
        wait,
        ran,
        usage.conclusion,
        round(usage.completed_at),
    ]


def _size(size: Resources) -> tuple[int, int]:
    return size.cpu_units, size.memory_mib


def _summary(frame: Frame) -> list[Any]:
    """Return what the time line draws: jobs that wait and run, instances that run, the p90 of waits."""
    busy = sum(row[5] == "busy" for row in frame["r"].values())
    running = sum(row[2] not in ("stopped", "gone") for row in frame["i"].values())
    figures = frame["w"].get(ALL)
    return [len(frame["j"]), busy, running, figures[2] if figures else None]
