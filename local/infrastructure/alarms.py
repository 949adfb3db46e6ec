"""Alarms: what an operator is called for, as CloudWatch is told of it. Pure.

Each rests on one metric, of AWS or of ours (``slipway.telemetry``). Missing data is good news, but for functions that
must run every minute. What calls nobody: a single failure that the next run mends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.infrastructure.places import ENVIRONMENTS, Places, functions_of, named
from slipway import telemetry
from slipway.domain.configuration import Configuration, Registration
from slipway.domain.environments.settings import Environments
from slipway.telemetry import Metric

ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"
QUIET, LOUD = "notBreaching", "breaching"
FIVE_MINUTES = 300
OLD_SECONDS = 120  # an event that waits so long makes a job wait longer than anybody's target
MOST_ERRORS = 2  # of a function in five minutes: one that dies is invoked again


@dataclass(frozen=True, slots=True)
class _Alarm:
    """An alarm in CloudWatch's words; its description says what it means and what to do."""

    description: str
    namespace: str
    metric: str
    dimensions: dict[str, str]
    statistic: str = "Sum"
    period_seconds: int = FIVE_MINUTES
    evaluation_periods: int = 1
    threshold: float = 0
    comparison: str = ABOVE
    missing: str = QUIET

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class _Alarms:
    configuration: Configuration
    places: Places
    deployed: tuple[str, ...]
    made: dict[str, _Alarm] = field(default_factory=dict)

    def add(self, name: str, alarm: _Alarm) -> None:
        if name in self.made:
            raise ValueError(f"two alarms are called {name}")
        self.made[name] = alarm

    def queues(self) -> None:
        self.add(
            "dead-letters",
            _Alarm(
                "Messages that the scaler could not read or not handle: look at them (functions/scaler/README.md).",
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                {"QueueName": self._name("dead-letters")},
                statistic="Maximum",
            ),
        )
        for queue in ("jobs", "events"):
            # A message that failed once comes back after six minutes: at its second failure this is an alarm.
            self.add(
                f"{queue}-age",
                _Alarm(
                    f"The oldest message of {queue} is minutes old: the scaler fails, is throttled, or too slow.",
                    "AWS/SQS",
                    "ApproximateAgeOfOldestMessage",
                    {"QueueName": self._name(queue)},
                    statistic="Maximum",
                    period_seconds=60,
                    evaluation_periods=5,
                    threshold=OLD_SECONDS,
                ),
            )

    def functions(self) -> None:
        """Of the webhook's errors its API tells, those of Lambda and of API Gateway among them."""
        self.add(
            "webhook-5xx",
            _Alarm(
                "The webhook could not take deliveries, which GitHub shows as failed: its log says why "
                "(functions/webhook/README.md).",
                "AWS/ApiGateway",
                "5xx",
                {"ApiId": self.places.webhook_api_id},
            ),
        )
        for function in self._deployed("scaler", "registrar", "reaper", "redelivery"):
            self.add(
                f"{function}-fails",
                self._of_lambda(
                    function,
                    "Errors",
                    "fails or times out again and again: see its log",
                    threshold=MOST_ERRORS,
                ),
            )
        for function in ("webhook", "scaler", "registrar"):
            self.add(
                f"{function}-throttles",
                self._of_lambda(
                    function,
                    "Throttles",
                    "was refused by Lambda: the account's concurrency is used up; ask AWS for more",
                ),
            )
        # Nobody else would tell that a schedule, or the tick that it puts on the queue, is gone.
        for function in self._deployed("scaler", "reaper", "redelivery"):
            self.add(
                f"{function}-silent",
                self._of_lambda(
                    function,
                    "Invocations",
                    "has not run for a quarter of an hour, though it is due every minute: look at its schedule",
                    period_seconds=3 * FIVE_MINUTES,
                    threshold=1,
                    comparison=BELOW,
                    missing=LOUD,
                ),
            )

    def table(self) -> None:
        for kind in ("Read", "Write"):
            self.add(
                f"table-{kind.lower()}-throttles",
                _Alarm(
                    f"DynamoDB goes on refusing {kind.lower()}s of the ledger: jobs wait for their retries. "
                    "A partition takes only so much (docs/ledger.md).",
                    "AWS/DynamoDB",
                    f"{kind}ThrottleEvents",
                    {"TableName": self.configuration.deployment},
                    evaluation_periods=3,
                ),
            )

    def pools(self) -> None:
        for pool in sorted(self.configuration.pools):
            of_pool = {telemetry.POOL: pool}
            # The tick converges every pool once a minute: in two minutes there is one for certain.
            self.add(
                f"jobs-wait-{pool}",
                self._of(
                    telemetry.JOBS_OVER_TARGET,
                    f"More than one in ten jobs of pool {pool} wait longer than their profile's slo, or ten minutes.",
                    statistic="Maximum",
                    period_seconds=120,
                    evaluation_periods=3,
                    **of_pool,
                ),
            )
            self.add(
                f"launches-fail-{pool}",
                self._of(
                    telemetry.LAUNCH_CIRCUITS_OPEN,
                    f"Instances of pool {pool} do not come up: see the scaler's log, then template, role, quotas.",
                    statistic="Maximum",
                    **of_pool,
                ),
            )
            self.add(
                f"starts-fail-{pool}",
                self._of(
                    telemetry.START_CIRCUITS_OPEN,
                    f"Containers in pool {pool} end before they take a job: see ECS's reason, then image, role, API.",
                    statistic="Maximum",
                    **of_pool,
                ),
            )

    def scaling(self) -> None:
        self.add(
            "convergences-fail",
            self._of(
                telemetry.CONVERGENCES_FAILED,
                "The scaler can plan nothing for ten minutes, for some pool at least: its log says why.",
                evaluation_periods=2,
            ),
        )
        self.add(
            "runners-refused",
            self._of(
                telemetry.RUNNERS_REFUSED,
                "GitHub refuses to register runners: the registrar's log has its words, docs/github.md the cures.",
            ),
        )

    def reaping(self) -> None:
        self.add(
            "reaper-errors",
            self._of(
                telemetry.REAPER_ERRORS,
                "The reaper met errors for ten minutes: leftovers cost money until then. Its log says which.",
                evaluation_periods=2,
            ),
        )
        self.add(
            "unknown-runner",
            self._of(
                telemetry.UNKNOWN_RUNNERS,
                "Somebody registered a runner in a group of ours, to get our jobs: find out who, rotate the tokens.",
            ),
        )
        self.add(
            "zombie-jobs",
            self._of(
                telemetry.ZOMBIE_JOBS,
                "A job is queued at GitHub, and GitHub gives it to no runner: look at it there, cancel its run.",
            ),
        )
        if self.configuration.github.api_url.endswith("/api/v3"):
            return  # a GitHub Enterprise Server tells no runner version's end [GH-RUNNER-DEPRECATIONS]
        self.add(
            "runner-version-ends",
            self._of(
                telemetry.RUNNER_VERSIONS_ENDING,
                "GitHub will refuse the runner in the image within 30 days: build it anew (docs/currency.md).",
            ),
        )
        self.add(
            "runner-version-refused",
            self._of(
                telemetry.RUNNER_VERSIONS_REFUSED,
                "GitHub refuses the runner in the image, and jobs get none: build it anew at once (docs/currency.md).",
            ),
        )

    def tokens(self) -> None:
        if self.configuration.github.registration is not Registration.ENTERPRISE:
            return
        renew = "put a new one into its secret (docs/github.md). The reaper's log names it."
        for name, metric, what in (
            ("token-refused", telemetry.TOKENS_REFUSED, "GitHub refuses a personal access token"),
            ("token-without-scope", telemetry.TOKENS_WITHOUT_SCOPE, "A token may not manage runners"),
            ("token-expires", telemetry.TOKENS_EXPIRING, "A personal access token ends within 14 days"),
        ):
            self.add(name, self._of(metric, f"{what}: {renew}"))

    def repair(self) -> None:
        if not self.configuration.github.app_secret:
            return
        self.add(
            "failed-deliveries",
            self._of(
                telemetry.FAILED_DELIVERIES,
                "For a quarter of an hour GitHub could not deliver webhooks, which are sent again while jobs wait: "
                "see the webhook's log, then whether GitHub reaches its address.",
                evaluation_periods=3,
            ),
        )
        self.add(
            "repair-errors",
            self._of(
                telemetry.REPAIR_ERRORS,
                "The redelivery function met errors for ten minutes: what is lost waits for it. Its log says which.",
                evaluation_periods=2,
            ),
        )

    def environments(self) -> None:
        """It is due every five minutes, and what failed comes again after twelve: once is no news."""
        if ENVIRONMENTS not in self.deployed:
            return
        quarter = 3 * FIVE_MINUTES
        self.add(
            "environments-fails",
            self._of_lambda(
                ENVIRONMENTS,
                "Errors",
                "fails or times out again and again: no environment comes or goes. See its log",
                period_seconds=quarter,
                threshold=1,
            ),
        )
        self.add(
            "environments-age",
            _Alarm(
                "The oldest message of environments came a quarter of an hour ago: the function fails or is throttled.",
                "AWS/SQS",
                "ApproximateAgeOfOldestMessage",
                {"QueueName": self._name(ENVIRONMENTS)},
                statistic="Maximum",
                period_seconds=60,
                evaluation_periods=5,
                threshold=quarter,
            ),
        )
        self.add(
            "environments-silent",
            self._of_lambda(
                ENVIRONMENTS,
                "Invocations",
                "has not run for a quarter of an hour, though it is due every five minutes: look at its schedule",
                period_seconds=quarter,
                threshold=1,
                comparison=BELOW,
                missing=LOUD,
            ),
        )

    def _of(self, metric: Metric, description: str, **more: Any) -> _Alarm:
        dimensions = {telemetry.FUNCTION: self._name(metric.function)}
        dimensions |= {name: more.pop(name) for name in metric.by}
        return _Alarm(description, telemetry.NAMESPACE, metric.name, dimensions, **more)

    def _of_lambda(self, function: str, metric: str, what: str, **more: Any) -> _Alarm:
        name = self._name(function)
        return _Alarm(f"{name} {what}.", "AWS/Lambda", metric, {"FunctionName": name}, **more)

    def _deployed(self, *functions: str) -> Iterable[str]:
        return [name for name in functions if name in self.deployed]

    def _name(self, what: str) -> str:
        return named(self.configuration.deployment, what)


def alarms(
    configuration: Configuration, places: Places, environments: Environments | None = None
) -> dict[str, dict[str, Any]]:
    """Return every alarm of a deployment by its name, to which the deployment's is put in front."""
    made = _Alarms(configuration, places, functions_of(configuration, environments))
    for part in (
        made.queues,
        made.functions,
        made.table,
        made.pools,
        made.scaling,
        made.reaping,
        made.tokens,
        made.repair,
        made.environments,
    ):
        part()
    return {name: alarm.as_json() for name, alarm in sorted(made.made.items())}
