"""How long each thing takes in the modelled AWS: estimates and published measurements, not promises.

Every figure is seconds at the 50th and 95th percentile of a lognormal. "E" marks our own estimate,
"M" one that somebody measured and published; both are to be replaced by measurements on a real
account. Sources: [EC2-TIMING-LAUNCH] [EC2-TIMING-BOOT] [ECS-TIMING-PULL] [ECS-TIMING-START].
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_Z95: Final = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A duration in seconds by its median and 95th percentile; both 0 means never any delay."""

    p50: float
    p95: float

    def draw(self, rng: random.Random) -> float:
        if self.p50 <= 0 or self.p50 == self.p95:
            return self.p50
        sigma = math.log(self.p95 / self.p50) / _Z95
        return rng.lognormvariate(math.log(self.p50), sigma)

    def scaled(self, factor: float) -> Lognormal:
        return Lognormal(self.p50 * factor, self.p95 * factor)


def exactly(seconds: float) -> Lognormal:
    """A duration without spread."""
    return Lognormal(seconds, seconds)


class Phase(StrEnum):
    """The named waits of the AWS twin."""

    CREATE_FLEET_CALL = "create_fleet_call"
    PENDING_TO_RUNNING = "pending_to_running"
    RUNNING_TO_REGISTERED = "running_to_registered"
    START_TO_REGISTERED = "start_to_registered"
    REGISTERED_TO_CONNECTED = "registered_to_connected"
    AGENT_AWAY = "agent_away"
    PLACE = "place"
    IMAGE_PULL = "image_pull"
    IMAGE_FIRST_TOUCH = "image_first_touch"
    IMAGE_CACHED = "image_cached"
    CONTAINER_START = "container_start"
    STOP_REPORT = "stop_report"
    SHUTDOWN = "shutdown"
    DEREGISTER_AFTER_TERMINATE = "deregister_after_terminate"
    STOPPED_HOST_DISCONNECT = "stopped_host_disconnect"
    DESCRIBE_LAG = "describe_lag"
    EVENT_DELAY = "event_delay"
    EVENT_LATE = "event_late"
    SPOT_NOTICE = "spot_notice"


MODELLED: Final[Mapping[str, Lognormal]] = {
    Phase.CREATE_FLEET_CALL: Lognormal(2.0, 4.0),  # M 1.5-4.8 [EC2-TIMING-LAUNCH]
    Phase.PENDING_TO_RUNNING: Lognormal(7.0, 15.0),  # M 4.9, <= 16 [EC2-TIMING-BOOT]
    Phase.RUNNING_TO_REGISTERED: Lognormal(18.0, 30.0),  # E, Amazon Linux 2023 [ECS-TIMING-START]
    Phase.START_TO_REGISTERED: Lognormal(9.0, 14.0),  # E: W 16-22 in all, less pending to running
    Phase.REGISTERED_TO_CONNECTED: Lognormal(0.6, 3.0),  # E [ECS-AGENT-REGISTERS-FIRST]
    Phase.AGENT_AWAY: Lognormal(5.0, 60.0),  # E [ECS-AGENT-RECONNECTS]
    Phase.PLACE: Lognormal(0.4, 1.5),  # E
    Phase.IMAGE_PULL: Lognormal(15.0, 35.0),  # M one image of 1 GB [ECS-TIMING-PULL]
    Phase.IMAGE_FIRST_TOUCH: Lognormal(3.0, 10.0),  # E: in the AMI, blocks not yet on the volume
    Phase.IMAGE_CACHED: Lognormal(0.5, 2.0),  # E
    Phase.CONTAINER_START: Lognormal(1.5, 3.5),  # M 1-3 [ECS-TIMING-START]
    Phase.STOP_REPORT: Lognormal(0.5, 2.0),  # E
    Phase.SHUTDOWN: Lognormal(20.0, 60.0),  # E
    Phase.DEREGISTER_AFTER_TERMINATE: Lognormal(5.0, 30.0),  # E [ECS-TERMINATE-DEREGISTERS]
    Phase.STOPPED_HOST_DISCONNECT: Lognormal(120.0, 300.0),  # E, "a few minutes" [ECS-STOPPED-HOST-ACTIVE]
    Phase.DESCRIBE_LAG: Lognormal(0.2, 1.5),  # E [ECS-READS-LAG]
    Phase.EVENT_DELAY: Lognormal(0.5, 2.0),  # E
    Phase.EVENT_LATE: Lognormal(30.0, 120.0),  # E: what "late" means when that fault is switched on
    Phase.SPOT_NOTICE: exactly(120.0),  # documented [EC2-SPOT-NOTICE]
}

BOTTLEROCKET: Final[Mapping[str, Lognormal]] = {Phase.RUNNING_TO_REGISTERED: Lognormal(12.0, 20.0)}  # E


@dataclass(frozen=True, slots=True)
class LatencyModel:
    """A table from phase to duration; draws take the random source as an argument."""

    phases: Mapping[str, Lognormal]

    @classmethod
    def modelled(cls) -> LatencyModel:
        return cls(MODELLED)

    @classmethod
    def none(cls) -> LatencyModel:
        """Everything happens at once, except the two-minute Spot notice, which is AWS's contract."""
        return cls({Phase.SPOT_NOTICE: MODELLED[Phase.SPOT_NOTICE]})

    def draw(self, phase: str, rng: random.Random) -> float:
        """Seconds; 0 for a phase that the table does not name."""
        distribution = self.phases.get(phase)
        return 0.0 if distribution is None else distribution.draw(rng)

    def scaled(self, factor: float) -> LatencyModel:
        """Every phase but the Spot notice made `factor` times as long."""
        kept = {Phase.SPOT_NOTICE}
        return LatencyModel({p: d if p in kept else d.scaled(factor) for p, d in self.phases.items()})

    def replacing(self, changes: Mapping[str, Lognormal] | Mapping[Phase, Lognormal]) -> LatencyModel:
        return LatencyModel({**self.phases, **dict(changes.items())})
