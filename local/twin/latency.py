"""How long each thing takes in the modelled AWS and GitHub: estimates and published measurements, not promises.

The figures, what each is and where it comes from are in ``latencies.yaml`` beside this module.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

LATENCIES: Final = Path(__file__).with_name("latencies.yaml")
_Z95: Final = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A duration in seconds by its median and 95th percentile; both 0 means never any delay."""

    p50: float
    p95: float

    def draw(self, rng: random.Random) -> float:
        if self.p50 <= 0 or self.p50 == self.p95:
            return self.p50
        mean, spread = _parameters(self.p50, self.p95)
        return math.exp(rng.normalvariate(mean, spread))

    def scaled(self, factor: float) -> Lognormal:
        return Lognormal(self.p50 * factor, self.p95 * factor)


@dataclass(frozen=True, slots=True)
class Uniform:
    """A duration in seconds that is anything between two, such as the wait for the next minute."""

    shortest: float
    longest: float

    def draw(self, rng: random.Random) -> float:
        return rng.uniform(self.shortest, self.longest)

    def scaled(self, factor: float) -> Uniform:
        return Uniform(self.shortest * factor, self.longest * factor)


Duration = Lognormal | Uniform


@cache
def _parameters(p50: float, p95: float) -> tuple[float, float]:
    """Return the mean and the spread of the logarithm."""
    return math.log(p50), math.log(p95 / p50) / _Z95


def exactly(seconds: float) -> Lognormal:
    """A duration without spread."""
    return Lognormal(seconds, seconds)


class Phase(StrEnum):
    """The named waits; ``latencies.yaml`` says what each is."""

    # GitHub
    WEBHOOK_DELAY = "webhook_delay"
    GITHUB_CALL = "github_call"
    LISTENER_SESSION = "listener_session"
    JOB_ASSIGNMENT = "job_assignment"
    # Functions and their calls
    WEBHOOK_CALL = "webhook_call"
    WEBHOOK_COLD_START = "webhook_cold_start"
    FUNCTION_COLD_START = "function_cold_start"
    FUNCTION_WARM_START = "function_warm_start"
    QUEUE_TO_FUNCTION = "queue_to_function"
    DYNAMODB_CALL = "dynamodb_call"
    SQS_CALL = "sqs_call"
    PARAMETER_CALL = "parameter_call"
    ECS_CALL = "ecs_call"
    EC2_DESCRIBE_CALL = "ec2_describe_call"
    # EC2
    CREATE_FLEET_CALL = "create_fleet_call"
    PENDING_TO_RUNNING = "pending_to_running"
    SHUTDOWN = "shutdown"
    SPOT_NOTICE = "spot_notice"
    # ECS and its agent
    RUNNING_TO_REGISTERED = "running_to_registered"
    RUNNING_TO_REGISTERED_BOTTLEROCKET = "running_to_registered_bottlerocket"
    START_TO_REGISTERED = "start_to_registered"
    REGISTERED_TO_CONNECTED = "registered_to_connected"
    AGENT_AWAY = "agent_away"
    PLACE = "place"
    IMAGE_PULL = "image_pull"
    IMAGE_FIRST_TOUCH = "image_first_touch"
    IMAGE_CACHED = "image_cached"
    CONTAINER_START = "container_start"
    CONTAINER_TO_CLAIM = "container_to_claim"
    STOP_REPORT = "stop_report"
    DEREGISTER_AFTER_TERMINATE = "deregister_after_terminate"
    STOPPED_HOST_DISCONNECT = "stopped_host_disconnect"
    DESCRIBE_LAG = "describe_lag"
    EVENT_DELAY = "event_delay"
    EVENT_LATE = "event_late"
    # What Slipway is compared with
    CAS_METRIC_PUBLISH = "cas_metric_publish"
    CAS_ALARM_EVALUATION = "cas_alarm_evaluation"
    CAS_TRACKING_TO_LAUNCH = "cas_tracking_to_launch"
    CAS_PLACEMENT_RETRY = "cas_placement_retry"
    CAS_WARMUP = "cas_warmup"
    MANAGED_INSTANCES_DECISION = "managed_instances_decision"
    STOCK_SET_UP = "stock_set_up"


#: The model that knows no delays keeps this one: it is AWS's contract, not a delay [EC2-SPOT-NOTICE].
_SPOT_NOTICE: Final = exactly(120.0)


@dataclass(frozen=True, slots=True)
class LatencyModel:
    """A table from phase to duration; draws take the random source as an argument."""

    phases: Mapping[str, Duration]

    @classmethod
    def modelled(cls) -> LatencyModel:
        """Return the model of ``latencies.yaml``, which is read when it is first asked for."""
        return _modelled()

    @classmethod
    def none(cls) -> LatencyModel:
        """Everything happens at once, except the two-minute Spot notice, which is AWS's contract."""
        return cls({Phase.SPOT_NOTICE: _SPOT_NOTICE})

    def on_bottlerocket(self) -> LatencyModel:
        """Return the model of instances that boot Bottlerocket instead of Amazon Linux 2023."""
        boot = self.phases[Phase.RUNNING_TO_REGISTERED_BOTTLEROCKET]
        return self.replacing({Phase.RUNNING_TO_REGISTERED: boot})

    def draw(self, phase: str, rng: random.Random) -> float:
        """Seconds; 0 for a phase that the table does not name."""
        duration = self.phases.get(phase)
        return 0.0 if duration is None else duration.draw(rng)

    def scaled(self, factor: float) -> LatencyModel:
        """Every phase but the Spot notice made `factor` times as long."""
        kept = {Phase.SPOT_NOTICE}
        return LatencyModel({p: d if p in kept else d.scaled(factor) for p, d in self.phases.items()})

    def replacing(self, changes: Mapping[str, Duration] | Mapping[Phase, Duration]) -> LatencyModel:
        return LatencyModel({**self.phases, **dict(changes.items())})


def duration_of(entry: Mapping[str, Any]) -> Duration:
    """Return the duration of one checked entry of a latency file, whichever of the three forms it has."""
    if "between" in entry:
        shortest, longest = entry["between"]
        return Uniform(float(shortest), float(longest))
    if "exactly" in entry:
        return exactly(float(entry["exactly"]))
    return Lognormal(float(entry["p50"]), float(entry["p95"]))


@cache
def _modelled() -> LatencyModel:
    entries = yaml.safe_load(LATENCIES.read_text("utf-8"))
    return LatencyModel({Phase(name): duration_of(entry) for name, entry in entries.items()})
