"""The sections of a dashboard, of a deployment by its name or by a variable that stands for one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.infrastructure.dashboards import queries
from local.infrastructure.dashboards.panels import (
    PERCENT,
    SECONDS,
    AlarmsPanel,
    LogPanel,
    MetricPanel,
    Panel,
    Section,
    TextPanel,
    WeekPanel,
)
from local.infrastructure.dashboards.series import Series, Stat, mean, of_all, of_each, own
from local.infrastructure.places import FUNCTIONS, named
from slipway import telemetry
from slipway.telemetry import Metric

MONEY = (
    "Minutes here are those of jobs. **Money is not a metric**: what instances cost, whose jobs ran on them and what"
    " stood idle is in the usage records.\n\n    slipway report --by organization\n\n"
    "`--plot` draws a week by weekday and hour."
)
# What calls somebody as soon as it is not zero, in the order in which jobs suffer.
_CALLS = (
    telemetry.JOBS_OVER_TARGET,
    telemetry.CONVERGENCES_FAILED,
    telemetry.LAUNCH_CIRCUITS_OPEN,
    telemetry.START_CIRCUITS_OPEN,
    telemetry.RUNNERS_REFUSED,
    telemetry.ZOMBIE_JOBS,
    telemetry.UNKNOWN_RUNNERS,
    telemetry.TOKENS_REFUSED,
    telemetry.TOKENS_WITHOUT_SCOPE,
    telemetry.TOKENS_EXPIRING,
    telemetry.RUNNER_VERSIONS_REFUSED,
    telemetry.RUNNER_VERSIONS_ENDING,
    telemetry.REAPER_ERRORS,
    telemetry.REPAIR_ERRORS,
)


@dataclass(frozen=True, slots=True)
class Content:
    """What dashboards of a deployment show; ``functions`` are those that it has."""

    deployment: str
    functions: Sequence[str] = FUNCTIONS

    def sections(self) -> tuple[Section, ...]:
        """Return all of it, what an operator asks first at the top."""
        return (
            Section("Wait", "How long do jobs wait for a runner, against what was promised?", self._wait()),
            Section("Queue", "What waits now, and why?", self._queue()),
            Section("Capacity", "What runs, what is kept ready, and how full is it?", self._capacity()),
            Section("Jobs", "How many jobs are there, and how long do they take?", self._jobs()),
            Section("The week", "When do jobs come, and when do they wait?", _week()),
            Section("Usage", "Who uses it?", _usage()),
            Section("GitHub", "Do we hear of jobs, and may we go on asking?", self._github()),
            Section("Health", "Is anything broken?", self._health()),
        )

    def _wait(self) -> tuple[Panel, ...]:
        wait, ours, theirs = (
            telemetry.JOB_QUEUE_DURATION,
            telemetry.JOB_STARTUP_DURATION,
            telemetry.GITHUB_QUEUE_DURATION,
        )
        name = self.deployment
        return (
            self._waits("Wait, p50", "How long does a job usually wait?", wait, "p50"),
            MetricPanel(
                "Wait, p90",
                "Do nine in ten jobs start within their profile's slo?",
                (of_each(name, wait, "p90", telemetry.PROFILE),),
                SECONDS,
                has_targets=True,
            ),
            self._waits("Wait, p99", "How long does the unlucky one wait?", wait, "p99"),
            MetricPanel(
                "The wait's two parts, on average",
                "Is it we, and AWS, that jobs wait for, or GitHub?",
                (mean(name, ours, wait, "ours, and AWS's"), mean(name, theirs, wait, "GitHub's")),
                SECONDS,
                is_stacked=True,
            ),
            self._waits("Our part, p90", "Which profile do we serve slowly?", ours, "p90"),
            self._waits("GitHub's part, p90", "Where does GitHub tell late, or assign late?", theirs, "p90"),
            LogPanel(
                "The wait by phase, on average",
                "Which step takes the time: the webhook, room, the container's start, its claim, GitHub's assignment?",
                queries.phases(),
                is_table=False,
            ),
            MetricPanel(
                "Wait by organization, p90",
                "Does an organization wait longer than the others?",
                (of_each(name, wait, "p90", telemetry.ORGANIZATION),),
                SECONDS,
                width=12,
                height=8,
            ),
        )

    def _waits(self, title: str, question: str, metric: Metric, statistic: str) -> MetricPanel:
        series = of_each(self.deployment, metric, statistic, telemetry.PROFILE)
        return MetricPanel(title, question, (series,), SECONDS)

    def _queue(self) -> tuple[Panel, ...]:
        return (
            MetricPanel(
                "Jobs that wait", "How long is the queue?", self._with_sum(telemetry.WAITING_JOBS, "Maximum")
            ),
            LogPanel(
                "Why they wait, now",
                "Why does each pool's queue wait, by its last convergence?",
                queries.reasons_now(),
                width=8,
                height=7,
            ),
            LogPanel(
                "Why they waited",
                "Which reason kept jobs waiting: the most at once in one pool?",
                queries.reasons(),
                is_table=False,
                width=8,
                height=7,
            ),
        )

    def _capacity(self) -> tuple[Panel, ...]:
        tiers = (
            ("ready", telemetry.READY_INSTANCES),
            ("booting", telemetry.BOOTING_INSTANCES),
            ("stopped", telemetry.STOPPED_INSTANCES),
        )
        runners = (
            ("busy", telemetry.RUNNING_JOBS),
            ("idle", telemetry.IDLE_RUNNERS),
            ("starting, or on standby", telemetry.STARTING_RUNNERS),
        )
        started = (
            ("all", telemetry.JOB_QUEUE_DURATION, "SampleCount"),
            ("on standby", telemetry.JOBS_ON_STANDBY, "Sum"),
            ("on headroom", telemetry.JOBS_ON_HEADROOM, "Sum"),
        )
        return (
            MetricPanel(
                "Instances by tier", "What is there, and how much of it waits?", self._sums(tiers), is_stacked=True
            ),
            MetricPanel(
                "Ready instances by pool",
                "Which pool is large?",
                (of_each(self.deployment, telemetry.READY_INSTANCES, "Maximum"),),
            ),
            MetricPanel(
                "Fill by pool",
                "How full are ready instances: is capacity paid for that nobody uses?",
                (of_each(self.deployment, telemetry.FILL, "Average"),),
                PERCENT,
            ),
            MetricPanel(
                "Runners", "What do containers do?", self._sums(runners), is_stacked=True
            ),
            MetricPanel(
                "Jobs by the tier that took them",
                "How many jobs found a container, or room, ready? The others waited for an instance.",
                tuple(of_all(self.deployment, metric, statistic, label) for label, metric, statistic in started),
            ),
            MetricPanel(
                "Launches",
                "How much capacity is bought, and does EC2 refuse any?",
                self._sums(
                    (
                        ("launched", telemetry.INSTANCES_LAUNCHED),
                        ("started from stopped", telemetry.INSTANCES_STARTED),
                        ("refused", telemetry.LAUNCHES_REFUSED),
                    ),
                    "Sum",
                ),
            ),
        )  # fmt: skip

    def _jobs(self) -> tuple[Panel, ...]:
        durations = telemetry.JOB_EXECUTION_DURATION
        return (
            MetricPanel(
                "Jobs started",
                "How many jobs start, of which profile?",
                self._with_sum(telemetry.JOB_QUEUE_DURATION, "SampleCount"),
                width=6,
            ),
            MetricPanel(
                "Jobs completed",
                "How many jobs end, of which profile?",
                self._with_sum(durations, "SampleCount"),
                width=6,
            ),
            *(
                MetricPanel(
                    f"Duration, {statistic}",
                    question,
                    (of_each(self.deployment, durations, statistic),),
                    SECONDS,
                    width=6,
                )
                for statistic, question in (
                    ("p50", "How long does a job usually take?"),
                    ("p90", "How long do the long ones take?"),
                )
            ),
        )

    def _github(self) -> tuple[Panel, ...]:
        delay = telemetry.DELIVERY_DELAY
        return (
            MetricPanel(
                "GitHub's budget",
                "How many calls has the credential left that has the fewest?",
                (own(self.deployment, telemetry.GITHUB_CALLS_LEFT, "Minimum", "calls left this hour"),),
            ),
            MetricPanel(
                "Webhooks' delay",
                "How late do we hear of a job?",
                tuple(own(self.deployment, delay, statistic, statistic) for statistic in ("p50", "p90", "p99")),
                SECONDS,
            ),
            MetricPanel(
                "Deliveries",
                "Are deliveries lost, and is somebody posting who is not GitHub?",
                (
                    own(self.deployment, delay, "SampleCount", "jobs queued"),
                    *self._owns(
                        ("refused: not signed by GitHub", telemetry.DELIVERIES_REFUSED),
                        ("failed, asked for again", telemetry.FAILED_DELIVERIES),
                        ("jobs found without a webhook", telemetry.JOBS_FOUND),
                    ),
                ),
            ),
        )  # fmt: skip

    def _health(self) -> tuple[Panel, ...]:
        everything = tuple(self.functions)
        return (
            AlarmsPanel("Alarms", "What calls somebody now?"),
            MetricPanel(
                "What alarms rest on",
                "What was not zero that should be?",
                tuple(
                    of_all(self.deployment, metric, "Maximum", metric.name)
                    if metric.by
                    else own(self.deployment, metric, "Sum", metric.name)
                    for metric in _CALLS
                    if metric.function in self.functions
                ),
                width=12,
            ),
            MetricPanel(
                "Put right by the reaper",
                "How much outlived its use?",
                self._owns(("removed", telemetry.REAPED)),
                width=12,
            ),
            MetricPanel("Functions' errors", "Which function fails?", self._of_functions("Errors")),
            MetricPanel(
                "Functions' throttles", "Does Lambda refuse to run any?", self._of_functions("Throttles")
            ),
            MetricPanel(
                "Messages put aside, and the oldest that wait",
                "Does the scaler keep up, and was anything given up?",
                self._queues(),
            ),
            LogPanel(
                "The last errors", "What do the logs say?", queries.errors(50), functions=everything, width=24
            ),
        )

    def _of_functions(self, metric: str) -> tuple[Series, ...]:
        return tuple(
            Stat("AWS/Lambda", metric, (("FunctionName", named(self.deployment, function)),), "Sum", function)
            for function in self.functions
        )

    def _queues(self) -> tuple[Series, ...]:
        visible, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
        return tuple(
            Stat("AWS/SQS", metric, (("QueueName", named(self.deployment, queue)),), "Maximum", label)
            for queue, metric, label in (
                ("dead-letters", visible, "messages in dead-letters"),
                ("jobs", age, "seconds in jobs"),
                ("events", age, "seconds in events"),
            )
        )

    def _with_sum(self, metric: Metric, statistic: str) -> tuple[Series, ...]:
        return (
            of_all(self.deployment, metric, statistic, "all"),
            of_each(self.deployment, metric, statistic, metric.by[0]),
        )

    def _sums(self, metrics: Sequence[tuple[str, Metric]], statistic: str = "Maximum") -> tuple[Series, ...]:
        return tuple(of_all(self.deployment, metric, statistic, label) for label, metric in metrics)

    def _owns(self, *metrics: tuple[str, Metric]) -> tuple[Series, ...]:
        return tuple(
            own(self.deployment, metric, "Sum", label)
            for label, metric in metrics
            if metric.function in self.functions
        )


def _week() -> tuple[Panel, ...]:
    return (
        WeekPanel("Demand", "In which hours of the week are jobs queued?", "demand"),
        WeekPanel("Wait", "In which hours of the week do jobs wait?", "wait"),
    )


def _usage() -> tuple[Panel, ...]:
    return (
        LogPanel(
            "Minutes by organization",
            "Which organization uses most?",
            queries.usage("organization", 70),
            width=8,
        ),
        LogPanel(
            "Minutes by repository", "Which repository uses most?", queries.usage("repository", 100), width=10
        ),
        TextPanel("Money", MONEY),
    )
