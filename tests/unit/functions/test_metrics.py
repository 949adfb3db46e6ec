"""The metrics that functions write: those of the one list, each by its function, with its dimensions, and no zeros."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from functions.reaper import handler as reaper
from functions.redelivery import handler as redelivery
from functions.registrar import handler as registrar
from functions.scaler import handler as scaler
from functions.webhook import handler as webhook
from local.infrastructure.dashboards.log_lines import LOG_LINES
from slipway import telemetry
from slipway.adapters.json_log import JsonLog
from slipway.domain.configuration import Market
from slipway.domain.errors import UnavailableError
from slipway.domain.findings import Reap, What
from slipway.domain.gauges import Gauges
from slipway.domain.intents import LaunchInstances, Offering
from slipway.domain.jobs import JobKey
from slipway.domain.launches import Launch
from slipway.domain.milestones import JobCompleted, JobFacts, JobStarted
from slipway.domain.notices import Notice, NoticeCode
from slipway.domain.plan import Plan
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import NOTHING
from slipway.domain.strain import Strain
from slipway.services import ingest
from slipway.services.claim import Answer
from slipway.services.converge import Converged
from slipway.services.reap import Reaped
from slipway.services.repair import Repaired
from tests.builders import NOW
from tests.contract.ledger_cases import an_event
from tests.fakes.clock import ManualClock
from tests.support.emf import told_to_cloudwatch

ROOT = Path(__file__).parents[3]
FUNCTIONS = ("scaler", "registrar", "reaper", "redelivery", "webhook")
FAULTS = [UnavailableError("down"), KeyError("a bug")]


@dataclass
class Invocation:
    """What Lambda tells of an invocation."""

    function_name: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:111122223333:function:made-up"
    aws_request_id: str = "made-up"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Batch:
    """A batch of the scaler that converges as it is told, after the news that it is told."""

    converged: list[Converged]
    outcomes: dict[str, str] = field(default_factory=dict)
    started: list[JobStarted] = field(default_factory=list)
    completed: list[JobCompleted] = field(default_factory=list)

    def by_organization(self) -> dict[str, list[JobStarted]]:
        return {"acme": self.started} if self.started else {}

    def batch(self) -> Batch:
        return self

    def tag(self, _has_time: Callable[[], bool]) -> list[Exception]:
        return []

    def converge(self, _holder: str, _has_time: Callable[[], bool]) -> list[Converged]:
        return self.converged


FACTS = JobFacts("acme/1-1", 1, "acme", "acme/one", "ci", "build", "medium", "general", "a-runner")
PHASES = {"webhook": 1.0, "room": 2.0, "start": 3.0, "claim": 4.0, "pickup": 5.0}
OFFERING = Offering("m7i.2xlarge", "subnet-1")
LAUNCHES = (
    Launch(Market.SPOT, ((OFFERING, 2),)),
    Launch(Market.ON_DEMAND, ((OFFERING, 1),), is_start=True),
    Launch(Market.SPOT, refused=(OFFERING,), codes=("InsufficientInstanceCapacity",)),
)


def run_scaler(patch: pytest.MonkeyPatch, *, good: bool) -> None:
    busy = Converged(
        "general", strain=Strain(3, 2, 1), gauges=Gauges(1, 2, 3, 4, 5, 6, 7, 80.5), launches=LAUNCHES
    )
    ended = [Converged("general") if good else busy, Converged("alone", errors=() if good else tuple(FAULTS))]
    batch = Batch(ended)
    if not good:
        standby = JobStarted(FACTS, 0.0, PHASES, on_standby=True)
        batch = Batch(ended, {}, [standby, JobStarted(FACTS, 15.0, PHASES, on_headroom=True)])
        batch.completed.append(JobCompleted(FACTS, "success", 60.0))
    patch.setattr(scaler, "scale", lambda: batch)
    scaler.lambda_handler({"Records": []}, Invocation("blue-scaler"))  # type: ignore[arg-type]


def run_registrar(patch: pytest.MonkeyPatch, *, good: bool) -> None:
    left = {"owner-1": 40, "owner-2": 0}
    answer = Answer(204) if good else Answer(503, fault="no", is_refusal=True, calls_left=left)
    patch.setattr(registrar, "runner_api", lambda: (lambda _: answer, lambda _: answer))
    registrar.lambda_handler({"rawPath": "/v1/claim"}, Invocation("blue-registrar"))  # type: ignore[arg-type]


def run_reaper(patch: pytest.MonkeyPatch, *, good: bool) -> None:
    notices = tuple(Notice(code, "made-up", "because") for code in NoticeCode)
    done = (Reap(What.UNCLAIMED_TASK, "made-up", "general", "because"),)
    reaped = Reaped() if good else Reaped(done=done, notices=notices, errors=tuple(FAULTS))
    patch.setattr(reaper, "reap", lambda: lambda **_: reaped)
    reaper.lambda_handler({}, Invocation("blue-reaper"))  # type: ignore[arg-type]


def run_redelivery(patch: pytest.MonkeyPatch, *, good: bool) -> None:
    repaired = Repaired() if good else Repaired(resent=3, found=(an_event(),), errors=list(FAULTS))
    patch.setattr(redelivery, "repair", lambda: lambda _: repaired)
    redelivery.lambda_handler({}, Invocation("blue-redelivery"))  # type: ignore[arg-type]


def run_webhook(patch: pytest.MonkeyPatch, *, good: bool) -> None:
    ignored = ingest.Answer(200, "ping", "pong")
    told = ingest.Answer(202, "queued", "on the queue", delay_seconds=0.0)
    refused = ingest.Answer(401, "signature_mismatch", "no webhook secret made this signature")
    patch.setattr(webhook, "webhook_log", lambda: JsonLog("webhook", ManualClock(NOW)))
    for answer in (ignored,) if good else (told, refused):
        patch.setattr(webhook, "ingest_webhook", lambda answer=answer: lambda _: answer)
        webhook.lambda_handler({}, Invocation("blue-webhook"))


RUN = dict(zip(FUNCTIONS, (run_scaler, run_registrar, run_reaper, run_redelivery, run_webhook), strict=True))
Written = dict[tuple[str, str], tuple[dict[str, str], str, list[float]]]


def written(output: str) -> Written:
    """Return dimensions, unit and values by metric and the dimension besides the function's."""
    lines = map(json.loads, output.splitlines())
    return {(one.name, one.by): (one.dimensions, one.unit, one.values) for one in told_to_cloudwatch(lines)}


def values(output: str) -> dict[str, list[float]]:
    """Return the values of each metric, of one of its dimensions."""
    return {name: numbers for (name, _), (_, _, numbers) in written(output).items()}


def told(caplog: pytest.LogCaptureFixture) -> dict[str, dict[str, Any]]:
    """Return the fields of the last line of each message."""
    return {record.getMessage(): vars(record) for record in caplog.records}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_in_trouble_writes_its_metrics_of_the_list_and_no_other(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    RUN[name](monkeypatch, good=False)
    found = written(capsys.readouterr().out)
    listed = {metric.name: metric for metric in telemetry.METRICS if metric.function == name}
    assert set(found) == {(metric.name, by) for metric in listed.values() for by in metric.by or ("",)}
    for (metric, by), (dimensions, unit, _) in found.items():
        assert unit == listed[metric].unit
        assert set(dimensions) == {telemetry.FUNCTION, *([by] if by else [])}
        assert dimensions[telemetry.FUNCTION] == f"blue-{name}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_without_trouble_writes_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    RUN[name](monkeypatch, good=True)
    assert written(capsys.readouterr().out) == {}


def test_values_are_what_happened_and_the_strain_is_its_pool_s(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_scaler(monkeypatch, good=False)
    found = written(capsys.readouterr().out)
    assert found["JobsOverTarget", "pool"] == ({"service": "blue-scaler", "pool": "general"}, "Count", [3.0])
    assert found["StartCircuitsOpen", "pool"][2] == [1.0]
    assert found["ConvergencesFailed", ""] == ({"service": "blue-scaler"}, "Count", [1.0])
    run_redelivery(monkeypatch, good=False)
    found = written(capsys.readouterr().out)
    assert (found["FailedDeliveries", ""][2], found["RepairErrors", ""][2]) == ([3.0], [2.0])


def test_each_job_is_a_value_of_its_own_also_one_that_did_not_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_scaler(monkeypatch, good=False)
    found = written(capsys.readouterr().out)
    for by, name in ((telemetry.PROFILE, "medium"), (telemetry.ORGANIZATION, "acme")):
        dimensions = {"service": "blue-scaler", by: name}
        assert found["JobQueueDuration", by] == (dimensions, "Seconds", [0.0, 15.0])
    assert found["JobStartupDuration", "profile"][2] == [9.0, 9.0]
    assert found["GitHubQueueDuration", "profile"][2] == [6.0, 6.0]
    assert found["JobsOnStandby", "profile"][2] == found["JobsOnHeadroom", "profile"][2] == [1.0]
    assert found["JobExecutionDuration", "profile"][2] == [60.0]


def test_what_a_pool_holds_and_what_ec2_brought_are_the_pool_s(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_scaler(monkeypatch, good=False)
    found = written(capsys.readouterr().out)
    of_pool = {name: numbers for (name, by), (_, _, numbers) in found.items() if by == telemetry.POOL}
    assert [of_pool[name] for name in ("WaitingJobs", "RunningJobs", "IdleRunners", "StartingRunners")] == [
        [1.0], [2.0], [3.0], [4.0],
    ]  # fmt: skip
    assert [of_pool[name] for name in ("ReadyInstances", "BootingInstances", "StoppedInstances", "Fill")] == [
        [5.0], [6.0], [7.0], [80.5],
    ]  # fmt: skip
    assert [of_pool[name] for name in ("InstancesLaunched", "InstancesStarted", "LaunchesRefused")] == [
        [2.0], [1.0], [1.0],
    ]  # fmt: skip


def test_no_call_left_is_told_though_it_is_a_zero(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    run_registrar(monkeypatch, good=False)
    assert values(capsys.readouterr().out)["GitHubCallsLeft"] == [0.0]
    assert told(caplog)["answered"]["calls_left"] == {"owner-1": 40, "owner-2": 0}


def test_what_jobs_and_launches_do_are_lines_with_fields(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run_scaler(monkeypatch, good=False)
    lines = told(caplog)
    facts = {
        "job": "acme/1-1", "run_id": 1, "organization": "acme", "repository": "acme/one", "workflow": "ci",
        "job_name": "build", "profile": "medium", "pool": "general", "runner_name": "a-runner",
    }  # fmt: skip
    waits = {f"{phase}_seconds": seconds for phase, seconds in PHASES.items()}
    assert (
        lines["job started"].items() >= {**facts, **waits, "queue_seconds": 15.0, "on_headroom": True}.items()
    )
    assert (
        lines["job completed"].items()
        >= {**facts, "conclusion": "success", "execution_seconds": 60.0}.items()
    )
    place = {"pool": "general", "type": "m7i.2xlarge", "subnet": "subnet-1"}
    assert lines["launched"].items() >= {**place, "count": 2, "market": "spot"}.items()
    assert lines["started"].items() >= {**place, "count": 1, "market": "on-demand"}.items()
    assert lines["launch refused"]["offerings"] == ["m7i.2xlarge subnet-1"]
    assert lines["launch refused"]["codes"] == ["InsufficientInstanceCapacity"]


def test_the_lines_that_dashboards_read_have_the_fields_that_they_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written_to = io.StringIO()
    monkeypatch.setattr(scaler, "logger", Logger(service="of-a-test", stream=written_to))
    plan = Plan(
        reasons={JobKey("acme", 1, 1): Reason(Why.PAUSED)},
        launch=(LaunchInstances((OFFERING,), Market.SPOT, 9, NOTHING),),
    )
    batch = Batch([Converged("general", plans=(plan, plan), launches=LAUNCHES)])
    batch.started.append(JobStarted(FACTS, 15.0, PHASES))
    batch.completed.append(JobCompleted(FACTS, "success", 60.0))
    monkeypatch.setattr(scaler, "scale", lambda: batch)
    scaler.lambda_handler({"Records": []}, Invocation("blue-scaler"))  # type: ignore[arg-type]
    lines = {
        line["message"]: line
        for line in map(json.loads, written_to.getvalue().splitlines())
        if "message" in line
    }
    for message, wanted in LOG_LINES.items():
        line = lines[message]
        flat = {f"waiting.{why}" for why in line.get("waiting", ())} | set(line)
        assert {name for name in wanted if not name.startswith("waiting.")} <= flat
    assert lines["converged"]["waiting"] == {"paused": 1}
    # What EC2 brought: a plan may ask for more than is asked of EC2 at once, and so does the next one.
    assert (lines["converged"]["launched"], lines["converged"]["started_instances"]) == (2, 1)


def test_a_dry_run_of_the_reaper_counts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reaped = Reaped(notices=(Notice(NoticeCode.ZOMBIE_JOB, "1", "because"),), errors=tuple(FAULTS))
    monkeypatch.setattr(reaper, "reap", lambda: lambda **_: reaped)
    reaper.lambda_handler({"dry_run": True}, Invocation("blue-reaper"))  # type: ignore[arg-type]
    assert written(capsys.readouterr().out) == {}


def test_each_metric_is_listed_once_and_says_what_it_is() -> None:
    names = [metric.name for metric in telemetry.METRICS]
    assert len(set(names)) == len(names)
    assert all(metric.help and metric.function in FUNCTIONS for metric in telemetry.METRICS)
    defined = {value for value in vars(telemetry).values() if isinstance(value, telemetry.Metric)}
    assert defined == set(telemetry.METRICS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_handler_writes_a_metric_but_through_the_list(name: str) -> None:
    tree = ast.parse((ROOT / f"functions/{name}/handler.py").read_text("utf-8"))
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & {"add_metric", "flush_metrics", "add_dimension", "log_metrics", "single_metric"}
