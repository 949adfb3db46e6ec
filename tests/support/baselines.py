"""Small worlds for the baselines: phases without spread, one pool, jobs by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from local.simulator.outcome import Outcome
from local.simulator.policies.policy import Task
from local.simulator.workload.jobs import Incident, SimulatedJob, Workload
from local.twin.latency import LatencyModel, Phase, exactly
from slipway.domain.configuration import InstanceType, Market, Pool
from slipway.domain.resources import Resources
from tests.builders import ROOM_FOR_FOUR, a_configuration, a_pool, a_profile

STARTS_AT = 1_800_000_000.0  # a whole minute
GIB = 1024
BIG = InstanceType("x.big", ROOM_FOR_FOUR, 0.8)
SMALL = InstanceType("x.small", Resources(2048, 7168), 0.3)
LABELS = ("self-hosted", "linux", "x64", "medium")

#: Exact seconds: whoever adds them up by hand gets what the policies get.
EXACT: Mapping[Phase, float] = {
    Phase.WEBHOOK_DELAY: 1.0,
    Phase.WEBHOOK_CALL: 0.25,
    Phase.QUEUE_TO_FUNCTION: 0.5,
    Phase.FUNCTION_WARM_START: 0.125,
    Phase.GITHUB_CALL: 0.5,
    Phase.ECS_CALL: 0.125,
    Phase.CREATE_FLEET_CALL: 2.0,
    Phase.PENDING_TO_RUNNING: 7.0,
    Phase.RUNNING_TO_REGISTERED: 18.0,
    Phase.RUNNING_TO_REGISTERED_BOTTLEROCKET: 12.0,
    Phase.REGISTERED_TO_CONNECTED: 1.0,
    Phase.PLACE: 0.5,
    Phase.IMAGE_PULL: 15.0,
    Phase.IMAGE_FIRST_TOUCH: 3.0,
    Phase.IMAGE_CACHED: 0.5,
    Phase.CONTAINER_START: 1.5,
    Phase.LISTENER_SESSION: 3.0,
    Phase.JOB_ASSIGNMENT: 1.5,
    Phase.STOP_REPORT: 1.0,
    Phase.EVENT_DELAY: 0.5,
    Phase.CAS_METRIC_PUBLISH: 30.0,
    Phase.CAS_ALARM_EVALUATION: 40.0,
    Phase.CAS_TRACKING_TO_LAUNCH: 8.0,
    Phase.CAS_PLACEMENT_RETRY: 5.0,
    Phase.CAS_WARMUP: 300.0,
    Phase.MANAGED_INSTANCES_DECISION: 1.0,
    Phase.STOCK_SET_UP: 170.0,
    Phase.SPOT_NOTICE: 120.0,
}
TOLD = 1.25  # webhook and webhook function
ASKED = TOLD + 1.25  # and the function that calls RunTask
UNTIL_JOB = 6.0  # container, session, assignment


def exact_latencies(**changes: float) -> LatencyModel:
    """Return the phases without spread, some of them changed by name."""
    named = {Phase[name.upper()]: seconds for name, seconds in changes.items()}
    return LatencyModel({phase: exactly(seconds) for phase, seconds in {**EXACT, **named}.items()})


def a_simulated_job(queued_at: float = 0.0, duration: float = 60.0, **changes: Any) -> SimulatedJob:
    """Return a job of the medium profile: a quarter of the big type, the whole of the small."""
    facts: dict[str, Any] = {"organization": "acme", "repository": "one", "labels": LABELS}
    return SimulatedJob(queued_at, duration_seconds=duration, **{**facts, **changes})


def a_baseline_pool(**changes: Any) -> Pool:
    """Return a pool of the big type, On-Demand unless said otherwise."""
    return a_pool(**{"instance_types": (BIG,), "market": Market.ON_DEMAND, "max_instances": 50, **changes})


def a_task(
    jobs: Iterable[SimulatedJob],
    *,
    pool: Pool | None = None,
    incidents: tuple[Incident, ...] = (),
    latency: LatencyModel | None = None,
    seed: int = 1,
) -> Task:
    """Return a task of one pool and one profile."""
    configuration = a_configuration([a_profile()], [pool or a_baseline_pool()])
    workload = Workload("by hand", STARTS_AT, tuple(jobs), incidents)
    return Task(workload, configuration, latency or exact_latencies(), seed)


def waits(outcome: Outcome) -> list[float | None]:
    """Return each job's wait in seconds."""
    return [job.wait_seconds for job in outcome.jobs]


def launches(outcome: Outcome) -> list[float]:
    """Return when instances were launched, in seconds from the start."""
    return sorted(life.launched_at - STARTS_AT for life in outcome.instances)


def ends(outcome: Outcome) -> list[float]:
    """Return when instances ended, in seconds from the start."""
    return sorted(life.ended_at - STARTS_AT for life in outcome.instances)
