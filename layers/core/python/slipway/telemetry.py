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
# Dimensions. The function's whole name is one of every metric, so that deployments differ.
FUNCTION = "service"
POOL, PROFILE, ORGANIZATION = "pool", "profile", "organization"
SECONDS, PERCENT = "Seconds", "Percent"
OTHERS = "other"  # the organization of those that have no series of their own


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: name and unit as CloudWatch has them, which function writes it, and what it says.

    ``by`` are dimensions besides the function's, one at a time: there are series by each of them. ``arc`` is the name
    that actions-runner-controller has for the same, if any.
    """

    name: str
    function: str
    help: str
    by: tuple[str, ...] = ()
    unit: str = "Count"
    arc: str = ""


# What jobs wait and take, told once for each.
JOB_QUEUE_DURATION = Metric(
    "JobQueueDuration",
    "scaler",
    "from queued to in progress, by GitHub's clock; the count of its values is that of jobs started",
    (PROFILE, ORGANIZATION),
    SECONDS,
    "gha_job_queue_duration_seconds",
)
JOB_STARTUP_DURATION = Metric(
    "JobStartupDuration",
    "scaler",
    "our part of it, and AWS's: from hearing of the job until its runner was registered",
    (PROFILE,),
    SECONDS,
    "gha_job_startup_duration_seconds",
)
GITHUB_QUEUE_DURATION = Metric(
    "GitHubQueueDuration",
    "scaler",
    "GitHub's part of it: until we heard of the job, and from its runner's registration until it was given the job",
    (PROFILE,),
    SECONDS,
)
JOB_EXECUTION_DURATION = Metric(
    "JobExecutionDuration",
    "scaler",
    "from in progress to completed, by GitHub's clock; the count of its values is that of jobs completed",
    (PROFILE,),
    SECONDS,
    "gha_job_execution_duration_seconds",
)
JOBS_ON_STANDBY = Metric(
    "JobsOnStandby", "scaler", "jobs started by a container that was up before them", (PROFILE,)
)
JOBS_ON_HEADROOM = Metric(
    "JobsOnHeadroom", "scaler", "jobs started by a container for which there was room at once", (PROFILE,)
)
DELIVERY_DELAY = Metric(
    "DeliveryDelay",
    "webhook",
    "from queued, by GitHub's clock, until its webhook was here; the count of its values is that of jobs queued",
    (),
    SECONDS,
)
DELIVERIES_REFUSED = Metric(
    "DeliveriesRefused", "webhook", "deliveries that no webhook secret of ours signed"
)

# How a pool is, at each convergence.
WAITING_JOBS = Metric("WaitingJobs", "scaler", "jobs that wait", (POOL,))
RUNNING_JOBS = Metric(
    "RunningJobs", "scaler", "runners that run a job", (POOL,), arc="gha_running_jobs, gha_busy_runners"
)
IDLE_RUNNERS = Metric(
    "IdleRunners", "scaler", "registered runners that wait for GitHub", (POOL,), arc="gha_idle_runners"
)
STARTING_RUNNERS = Metric(
    "StartingRunners",
    "scaler",
    "containers that start, or wait on standby, and have claimed nothing",
    (POOL,),
)
READY_INSTANCES = Metric("ReadyInstances", "scaler", "instances that take tasks, or drain", (POOL,))
BOOTING_INSTANCES = Metric("BootingInstances", "scaler", "instances on their way", (POOL,))
STOPPED_INSTANCES = Metric("StoppedInstances", "scaler", "stopped instances, ready to start", (POOL,))
FILL = Metric(
    "Fill",
    "scaler",
    "how full ready instances are: the mean of the shares of CPU and of memory that their tasks hold",
    (POOL,),
    PERCENT,
)
# What a convergence did.
INSTANCES_LAUNCHED = Metric("InstancesLaunched", "scaler", "instances that EC2 launched", (POOL,))
INSTANCES_STARTED = Metric("InstancesStarted", "scaler", "instances of the stopped tier started", (POOL,))
LAUNCHES_REFUSED = Metric(
    "LaunchesRefused", "scaler", "launches and starts that EC2 refused, in whole or in part", (POOL,)
)
# What of GitHub's limits is left, and what was put right.
GITHUB_CALLS_LEFT = Metric(
    "GitHubCallsLeft", "registrar", "calls left this hour to the credential that has the fewest"
)
REAPED = Metric(
    "Reaped", "reaper", "runners, tasks, instances and jobs removed, because they outlived their use"
)
JOBS_FOUND = Metric("JobsFound", "redelivery", "queued jobs found at GitHub, of which no webhook told")

# What alarms rest on: nothing of it is written while all is well.
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
    JOB_QUEUE_DURATION,
    JOB_STARTUP_DURATION,
    GITHUB_QUEUE_DURATION,
    JOB_EXECUTION_DURATION,
    JOBS_ON_STANDBY,
    JOBS_ON_HEADROOM,
    DELIVERY_DELAY,
    DELIVERIES_REFUSED,
    WAITING_JOBS,
    RUNNING_JOBS,
    IDLE_RUNNERS,
    STARTING_RUNNERS,
    READY_INSTANCES,
    BOOTING_INSTANCES,
    STOPPED_INSTANCES,
    FILL,
    INSTANCES_LAUNCHED,
    INSTANCES_STARTED,
    LAUNCHES_REFUSED,
    GITHUB_CALLS_LEFT,
    REAPED,
    JOBS_FOUND,
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
