"""Do GitHub's deliveries arrive? By what redelivery wrote and counted: the App's key is not read here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from local.doctor.deployment import absence, ago, is_deployed, is_young, name_of, reading
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings
from slipway import telemetry
from slipway.domain.configuration import GitHubTarget, Registration

APP_HOOK = "app"
LATE_SECONDS = 3_600
HOURS = 3


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    github = surroundings.configuration.github
    yield Look("what no webhook tells of", partial(_unheard, github))
    if not github.app_secret:
        return  # nobody may ask GitHub for deliveries then
    hooks = [APP_HOOK, *(f"{login}/{hook}" for login, hook in sorted(github.organization_hooks.items()))]
    for hook in hooks:
        yield Look(f"hook {hook}", partial(_checked, surroundings, hook))
    yield Look(f"deliveries of the last {HOURS} hours", partial(_failed, surroundings))


def _unheard(github: GitHubTarget) -> Iterator[Verdict]:
    """Judge what becomes of a job whose webhook is lost: an enterprise's hook has no deliveries to ask for again."""
    if github.registration is not Registration.ENTERPRISE or github.sweep_calls_per_hour:
        return
    if not github.app_secret:
        message = "there is no GitHub App: a job whose webhook is lost is never learned of"
        mend = (
            "make an App (slipway github-app), name its secret in github.secrets.app, then see docs/repair.md"
        )
        yield warning("no-repair", message, mend)
        return
    message = (
        "there is no sweep: of the enterprise's own hook, a job whose webhook is lost is never learned of"
    )
    mend = "set github.sweep_calls_per_hour (how many: docs/repair.md)"
    yield warning("no-sweep", message, mend)


def _checked(surroundings: Surroundings, hook: str) -> Iterator[Verdict]:
    if not is_deployed(surroundings) or is_young(surroundings, "redelivery"):
        return
    with absence() as found, reading(surroundings) as ledger:
        found.append(ledger.housekeeping.cursor(f"redelivery/{hook}"))
    at, now = (found[0] if found else None), time.time()
    if at is None or now - at > LATE_SECONDS:
        when = "never been" if at is None else f"not been since {ago(now - at)}"
        message = f"its deliveries have {when} looked at to the end: what is lost stays lost"
        mend = "see redelivery's schedule and log: it is not run, GitHub refuses it, or all that is sent again fails"
        yield failed("deliveries-unchecked", message, mend)
    else:
        yield ok(f"its deliveries were looked at {ago(now - at)}")


def _failed(surroundings: Surroundings) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    metric = telemetry.FAILED_DELIVERIES
    dimension = {"Name": telemetry.FUNCTION, "Value": name_of(surroundings, metric.function)}
    named = {"Namespace": telemetry.NAMESPACE, "MetricName": metric.name, "Dimensions": [dimension]}
    now = datetime.now(UTC)
    answer = surroundings.account.client("cloudwatch", surroundings.home_region).get_metric_data(
        MetricDataQueries=[{"Id": "failed", "MetricStat": {"Metric": named, "Period": 3_600, "Stat": "Sum"}}],
        StartTime=now - timedelta(hours=HOURS),
        EndTime=now,
    )
    count = sum(value for result in answer["MetricDataResults"] for value in result["Values"])
    if count:
        message = f"{count:.0f} failed, and GitHub was asked to send them again: their jobs waited for it"
        mend = (
            "see GitHub's Recent Deliveries and the webhook's log: what stands between, a WAF or a throttle?"
        )
        yield warning("deliveries-fail", message, mend)
    else:
        yield ok("none is known to have failed")


CHECK = Check(
    name="deliveries",
    about="lost webhooks are made good, failed deliveries looked after, and there are none; the App's key is not read",
    permissions=("lambda:GetFunctionConfiguration", "dynamodb:GetItem", "cloudwatch:GetMetricData"),
    looks=_looks,
)
