"""Telemetry: the one list of metrics of our own, and the one way in which functions write them.

Only what is not zero is written: alarms take what is missing for good news, and a quiet system costs nothing. But a
zero that says something is: a job that did not wait is one that started.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from slipway.domain import metric as basics
from slipway.domain.gauges import Gauges
from slipway.domain.launches import Launch
from slipway.domain.milestones import JobCompleted, JobFacts, JobStarted
from slipway.domain.notices import NoticeCode
from slipway.domain.strain import Strain

Metric = basics.Metric
NAMESPACE, FUNCTION = basics.NAMESPACE, basics.FUNCTION
SECONDS, PERCENT = basics.SECONDS, basics.PERCENT
POOL, PROFILE, ORGANIZATION = "pool", "profile", "organization"
OTHERS = "other"  # the organization of those that have no series of their own

# What jobs wait and take, told once for each.
JOB_QUEUE_DURATION = Metric(
    "JobQueueDuration",
    "scaler",
    "from queued to in progress, by GitHub's clock; the count of its values is that of jobs started",
    (PROFILE, ORGANIZATION),
    SECONDS,
    "gha_job_queue_duration_seconds",
    tells_zero=True,
)
JOB_STARTUP_DURATION = Metric(
    "JobStartupDuration",
    "scaler",
    "our part of it, and AWS's: from hearing of the job until its runner was registered",
    (PROFILE,),
    SECONDS,
    "gha_job_startup_duration_seconds",
    tells_zero=True,
)
GITHUB_QUEUE_DURATION = Metric(
    "GitHubQueueDuration",
    "scaler",
    "GitHub's part of it: until we heard of the job, and from its runner's registration until it was given the job",
    (PROFILE,),
    SECONDS,
    tells_zero=True,
)
JOB_EXECUTION_DURATION = Metric(
    "JobExecutionDuration",
    "scaler",
    "from in progress to completed, by GitHub's clock; the count of its values is that of jobs completed",
    (PROFILE,),
    SECONDS,
    "gha_job_execution_duration_seconds",
    tells_zero=True,
)
JOBS_ON_STANDBY = Metric(
    "JobsOnStandby", "scaler", "jobs started by a container that was up before them", (PROFILE,)
)
JOBS_ON_HEADROOM = Metric(
    "JobsOnHeadroom", "scaler", "jobs started by a container for which there was room at once", (PROFILE,)
)
DELIVERY_DELAY, DELIVERIES_REFUSED = basics.DELIVERY_DELAY, basics.DELIVERIES_REFUSED

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
    "GitHubCallsLeft",
    "registrar",
    "calls left this hour to the credential that has the fewest",
    tells_zero=True,
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
    "StartCircuitsOpen", "scaler", "profiles whose containers end before they take a job", (POOL,)
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

EVERYDAY = (
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
)
OF_ALARMS = (
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
METRICS = EVERYDAY + OF_ALARMS

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


Values = Mapping[Metric, float | Sequence[float]]


def write(sink: Sink, function_name: str, values: Values, **dimensions: str) -> None:
    """Write the values that say something as one line; none where there are none."""
    told = [
        (one, number)
        for one, several in values.items()
        for number in _each(several)
        if number or one.tells_zero
    ]
    if not told:
        return
    for name, value in {FUNCTION: function_name, **dimensions}.items():
        sink.add_dimension(name, value)
    for one, number in told:
        sink.add_metric(name=one.name, unit=one.unit, value=number)
    sink.flush_metrics()


def _each(values: float | Sequence[float]) -> Sequence[float]:
    return values if isinstance(values, Sequence) else (values,)


def of_strain(strain: Strain) -> dict[Metric, float]:
    """Return what the strain of a pool is written as."""
    return {
        JOBS_OVER_TARGET: strain.late_jobs,
        LAUNCH_CIRCUITS_OPEN: strain.launch_circuits,
        START_CIRCUITS_OPEN: strain.start_circuits,
    }


def of_gauges(gauges: Gauges) -> dict[Metric, float]:
    """Return what the state of a pool is written as."""
    return {
        WAITING_JOBS: gauges.waiting_jobs,
        RUNNING_JOBS: gauges.running_jobs,
        IDLE_RUNNERS: gauges.idle_runners,
        STARTING_RUNNERS: gauges.starting_runners,
        READY_INSTANCES: gauges.ready_instances,
        BOOTING_INSTANCES: gauges.booting_instances,
        STOPPED_INSTANCES: gauges.stopped_instances,
        FILL: gauges.fill_percent,
    }


def of_launches(launches: Iterable[Launch]) -> dict[Metric, float]:
    """Return what calls to EC2 brought are written as."""
    made = list(launches)
    return {
        INSTANCES_LAUNCHED: sum(one.count for one in made if not one.is_start),
        INSTANCES_STARTED: sum(one.count for one in made if one.is_start),
        LAUNCHES_REFUSED: sum(one.is_refused for one in made),
    }


def of_jobs(
    started: Iterable[JobStarted], completed: Iterable[JobCompleted]
) -> dict[str, dict[Metric, list[float]]]:
    """Return what jobs are written as, by profile: their values together, so that a busy minute has few lines."""
    by_profile: dict[str, dict[Metric, list[float]]] = {}

    def add(profile: str, one: Metric, value: float | None) -> None:
        if value is not None:
            by_profile.setdefault(profile, {}).setdefault(one, []).append(value)

    for job in started:
        add(job.profile, JOB_QUEUE_DURATION, job.queue_seconds)
        add(job.profile, JOB_STARTUP_DURATION, job.startup_seconds)
        add(job.profile, GITHUB_QUEUE_DURATION, job.github_seconds)
        add(job.profile, JOBS_ON_STANDBY, float(job.on_standby))
        add(job.profile, JOBS_ON_HEADROOM, float(job.on_headroom))
    for done in completed:
        add(done.profile, JOB_EXECUTION_DURATION, done.execution_seconds)
    return by_profile


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log: its message, and its fields for Logs Insights."""

    message: str
    fields: Mapping[str, Any]


def fields_of_started(job: JobStarted) -> dict[str, Any]:
    """Return what the line of a job that started tells."""
    waits = {f"{phase}_seconds": round(seconds, 1) for phase, seconds in job.phases.items()}
    return {
        **_facts(job.facts),
        "queue_seconds": round(job.queue_seconds, 1),
        **waits,
        "on_standby": job.on_standby,
        "on_headroom": job.on_headroom,
    }


def fields_of_completed(job: JobCompleted) -> dict[str, Any]:
    """Return what the line of a job that completed tells."""
    seconds = {} if job.execution_seconds is None else {"execution_seconds": round(job.execution_seconds, 1)}
    return {**_facts(job.facts), "conclusion": job.conclusion, **seconds}


def _facts(facts: JobFacts) -> dict[str, Any]:
    return {one.name: value for one in fields(facts) if (value := getattr(facts, one.name)) != ""}


def lines_of_launch(launch: Launch) -> list[Line]:
    """Return the lines that tell what one call to EC2 brought; a subnet lies in one zone."""
    market, verb = launch.market.value, "started" if launch.is_start else "launched"
    lines = [
        Line(verb, {"count": count, "type": of.instance_type, "subnet": of.subnet, "market": market})
        for of, count in launch.brought
    ]
    if launch.is_refused:
        refused = [f"{of.instance_type} {of.subnet}" for of in launch.refused]
        what = "start refused" if launch.is_start else "launch refused"
        lines.append(Line(what, {"offerings": refused, "market": market, "codes": list(launch.codes)}))
    return lines
