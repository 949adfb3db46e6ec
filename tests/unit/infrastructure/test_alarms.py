"""Alarms: each rests on a metric that AWS has or that a function of ours writes, and says what to do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.infrastructure.alarms import alarms as bare_alarms
from local.infrastructure.places import Places
from slipway import telemetry
from slipway.domain.configuration import Configuration, Registration
from tests.builders import a_configuration, a_pool
from tests.support.environments import settings

PLACES = Places()
PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
FORM = {
    "description", "namespace", "metric", "dimensions", "statistic", "period_seconds", "evaluation_periods",
    "threshold", "comparison", "missing",
}  # fmt: skip
# What AWS's services publish, with the dimensions that make up one series.
OF_AWS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},  # [SQS-METRICS]
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): {"QueueName"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},  # [LAMBDA-METRICS]
    ("AWS/Lambda", "Throttles"): {"FunctionName"},
    ("AWS/Lambda", "Invocations"): {"FunctionName"},
    ("AWS/DynamoDB", "ReadThrottleEvents"): {"TableName"},  # [DDB-METRICS]
    ("AWS/DynamoDB", "WriteThrottleEvents"): {"TableName"},
    ("AWS/ApiGateway", "5xx"): {"ApiId"},  # [LAMBDA-HTTP-API-METRICS]
}
# Everything that the issue wants an operator to be called for.
WANTED = {
    "dead-letters", "jobs-age", "events-age", "jobs-wait-general", "failed-deliveries", "repair-errors", "token-expires",
    "token-refused", "token-without-scope", "unknown-runner", "launches-fail-general", "starts-fail-general",
    "webhook-throttles", "scaler-throttles", "registrar-throttles", "table-read-throttles", "table-write-throttles",
    "scaler-fails", "registrar-fails", "reaper-fails", "redelivery-fails", "reaper-errors", "webhook-5xx", "runners-refused",
    "zombie-jobs", "runner-version-ends", "runner-version-refused", "convergences-fail",
    "scaler-silent", "reaper-silent", "redelivery-silent",
    "environments-fails", "environments-age", "environments-silent",
}  # fmt: skip


def configured(registration: Registration = Registration.ENTERPRISE, **github: Any) -> Configuration:
    made = a_configuration()
    target = {"app_secret": "slipway/app", "runner_token_secrets": ("slipway/token",), **github}
    return replace(made, github=replace(made.github, registration=registration, **target))


def alarms(configuration: Configuration, places: Places) -> dict[str, dict[str, Any]]:
    """Those of a deployment that has environments of pull requests too."""
    return bare_alarms(configuration, places, settings(deployment=configuration.deployment))


def test_an_operator_is_called_for_all_that_the_issue_names() -> None:
    assert set(alarms(configured(), PLACES)) == WANTED


@pytest.mark.parametrize("name", sorted(WANTED))
def test_an_alarm_is_in_cloudwatch_s_words_and_says_what_to_do(name: str) -> None:
    alarm = alarms(configured(), PLACES)[name]
    assert set(alarm) == FORM
    assert alarm["statistic"] in {"Sum", "Maximum"}
    assert alarm["comparison"] in {"GreaterThanThreshold", "LessThanThreshold"}
    assert alarm["missing"] in {"notBreaching", "breaching"}
    assert alarm["period_seconds"] % 60 == 0
    assert 40 < len(alarm["description"]) <= 1_024


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_alarm_s_metric_is_there_with_exactly_its_dimensions(name: str) -> None:
    alarm = alarms(configured(), PLACES)[name]
    if alarm["namespace"] != telemetry.NAMESPACE:
        assert set(alarm["dimensions"]) == OF_AWS[alarm["namespace"], alarm["metric"]]
        return
    (metric,) = [metric for metric in telemetry.METRICS if metric.name == alarm["metric"]]
    assert set(alarm["dimensions"]) == {telemetry.FUNCTION, *metric.by}
    assert alarm["dimensions"][telemetry.FUNCTION] == f"slipway-{metric.function}"


def test_each_metric_that_is_there_for_an_alarm_has_one() -> None:
    watched = {alarm["metric"] for alarm in alarms(configured(), PLACES).values()}
    assert {metric.name for metric in telemetry.OF_ALARMS} <= watched
    assert watched.isdisjoint(metric.name for metric in telemetry.EVERYDAY)


def test_only_what_must_run_by_the_clock_is_missed_when_it_says_nothing() -> None:
    made = alarms(configured(), PLACES)
    assert {name for name, alarm in made.items() if alarm["missing"] == "breaching"} == {
        "scaler-silent", "reaper-silent", "redelivery-silent", "environments-silent"
    }  # fmt: skip


def test_what_a_deployment_does_not_have_is_not_watched() -> None:
    without_app = set(alarms(configured(app_secret=None), PLACES))
    assert WANTED - without_app == {
        "failed-deliveries", "repair-errors", "redelivery-fails", "redelivery-silent",
    }  # fmt: skip
    by_app = set(alarms(configured(Registration.ORGANIZATION), PLACES))
    assert WANTED - by_app == {"token-expires", "token-refused", "token-without-scope"}
    on_a_server = set(alarms(configured(api_url="https://ghes.example/api/v3"), PLACES))
    assert WANTED - on_a_server == {"runner-version-ends", "runner-version-refused"}
    without_environments = set(bare_alarms(configured(), PLACES))
    assert WANTED - without_environments == {
        "environments-fails", "environments-age", "environments-silent",
    }  # fmt: skip


def test_the_series_are_few_whatever_the_number_of_profiles() -> None:
    pools = [a_pool(name=f"pool-{number}") for number in range(12)]
    made = alarms(a_configuration(pools=pools), PLACES)
    series = {
        (alarm["metric"], *sorted(alarm["dimensions"].items()))
        for alarm in made.values()
        if alarm["namespace"] == telemetry.NAMESPACE
    }
    assert len(series) <= 60
    assert sum("jobs-wait-" in name for name in made) == 12


def test_the_page_lists_every_alarm_with_its_metric() -> None:
    made = alarms(configured(), PLACES)
    text = PAGE.read_text("utf-8")
    rows = [row.split("|") for row in text.splitlines() if row.startswith("| `")]
    assert all(
        len(row) == 7 and all(cell.strip() for cell in row[1:6]) for row in rows
    )  # each has a cause and a cure
    names = {name.replace("POOL", "general") for row in rows for name in re.findall(r"`([\w-]+)`", row[1])}
    assert names == set(made)
    assert all(f"`{alarm['metric']}`" in text for alarm in made.values())
    assert f"{len(made)} of them at most" in text


def test_alarms_of_two_deployments_watch_nothing_of_each_other() -> None:
    def dimensions(deployment: str) -> set[str]:
        made = alarms(replace(configured(), deployment=deployment), Places(webhook_api_id=deployment))
        return {repr((alarm["metric"], alarm["dimensions"])) for alarm in made.values()}

    assert not dimensions("blue") & dimensions("green")
