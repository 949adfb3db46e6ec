"""Telemetry: the one list of metrics of our own, and the one way in which functions write them.

Only what is not zero is written: alarms take what is missing for good news, and a quiet system costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from slipway.domain.notices import NoticeCode
from slipway.domain.strain import Strain

NAMESPACE = "Slipway"
FUNCTION = (
    "service"  # the dimension that every metric has: the function's whole name, so that deployments differ
)
POOL = "pool"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: name and unit as CloudWatch has them, which function writes it, and what it says.

    ``dimensions`` are those besides the function's.
    """

    name: str
    function: str
    help: str
    dimensions: tuple[str, ...] = ()
    unit: str = "Count"


JOBS_OVER_TARGET = Metric(
    "JobsOverTarget",
    "scaler",
    "jobs that wait longer than their profile's slo, or ten minutes without one, while they are more than a tenth",
    (POOL,),
)
LAUNCH_CIRCUITS_OPEN = Metric(
    "LaunchCircuitsOpen",
    "scaler",
    "launches of the pool, or of its stopped tier, that fail in a row",
    (POOL,),
)
START_CIRCUITS_OPEN = Metric(
    "StartCircuitsOpen", "scaler", "profiles whose containers end before they claim", (POOL,)
)
CONVERGENCES_FAILED = Metric(
    "ConvergencesFailed", "scaler", "convergences of which no plan came: reading or planning failed"
)
RUNNERS_REFUSED = Metric(
    "RunnersRefused", "registrar", "runners that GitHub refused until somebody mends it: token, group, App"
)
REAPER_ERRORS = Metric("ReaperErrors", "reaper", "errors that a run met")
UNKNOWN_RUNNERS = Metric("UnknownRunners", "reaper", "runners in groups of ours that nobody knows")
ZOMBIE_JOBS = Metric("ZombieJobs", "reaper", "jobs set aside, because nobody took the runners made for them")
RUNNER_VERSIONS_ENDING = Metric("RunnerVersionsEnding", "reaper", "runner versions that GitHub will refuse")
RUNNER_VERSIONS_REFUSED = Metric("RunnerVersionsRefused", "reaper", "runner versions that GitHub refuses")
TOKENS_REFUSED = Metric("TokensRefused", "reaper", "personal access tokens that GitHub refuses")
TOKENS_WITHOUT_SCOPE = Metric("TokensWithoutScope", "reaper", "personal access tokens without their scope")
TOKENS_EXPIRING = Metric("TokensExpiring", "reaper", "personal access tokens that end within 14 days")
FAILED_DELIVERIES = Metric(
    "FailedDeliveries", "redelivery", "webhook deliveries that failed and that GitHub was asked to send again"
)
REPAIR_ERRORS = Metric("RepairErrors", "redelivery", "errors that a run met")

METRICS = (
    JOBS_OVER_TARGET,
    LAUNCH_CIRCUITS_OPEN,
    START_CIRCUITS_OPEN,
    CONVERGENCES_FAILED,
    RUNNERS_REFUSED,
    REAPER_ERRORS,
    UNKNOWN_RUNNERS,
    ZOMBIE_JOBS,
    RUNNER_VERSIONS_ENDING,
    RUNNER_VERSIONS_REFUSED,
    TOKENS_REFUSED,
    TOKENS_WITHOUT_SCOPE,
    TOKENS_EXPIRING,
    FAILED_DELIVERIES,
    REPAIR_ERRORS,
)

# What is told of once is counted once.
COUNTED: Mapping[NoticeCode, Metric] = {
    NoticeCode.UNKNOWN_RUNNER: UNKNOWN_RUNNERS,
    NoticeCode.ZOMBIE_JOB: ZOMBIE_JOBS,
    NoticeCode.RUNNER_VERSION_ENDS: RUNNER_VERSIONS_ENDING,
    NoticeCode.RUNNER_VERSION_REFUSED: RUNNER_VERSIONS_REFUSED,
    NoticeCode.TOKEN_REFUSED: TOKENS_REFUSED,
    NoticeCode.TOKEN_SCOPE_MISSING: TOKENS_WITHOUT_SCOPE,
    NoticeCode.TOKEN_EXPIRES_SOON: TOKENS_EXPIRING,
}


class Sink(Protocol):
    """What writes metrics: Powertools' ``Metrics``, which writes the embedded metric format to the log."""

    def add_dimension(self, name: str, value: str) -> None:
        """Add a dimension to what is written next."""

    def add_metric(self, name: str, unit: str, value: float) -> None:
        """Add a value to what is written next."""

    def flush_metrics(self) -> None:
        """Write it, and forget values and dimensions."""


def write(sink: Sink, function_name: str, values: Mapping[Metric, float], **dimensions: str) -> None:
    """Write the values that are not zero as one line; none where there are none."""
    told = {metric: value for metric, value in values.items() if value}
    if not told:
        return
    for name, value in {FUNCTION: function_name, **dimensions}.items():
        sink.add_dimension(name, value)
    for metric, number in told.items():
        sink.add_metric(name=metric.name, unit=metric.unit, value=number)
    sink.flush_metrics()


def of_strain(strain: Strain) -> dict[Metric, float]:
    """Return what the strain of a pool is written as."""
    return {
        JOBS_OVER_TARGET: strain.late_jobs,
        LAUNCH_CIRCUITS_OPEN: strain.launch_circuits,
        START_CIRCUITS_OPEN: strain.start_circuits,
    }
