"""The metrics that functions write: those of the one list, each by its function, with its dimensions, and no zeros."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from functions.reaper import handler as reaper
from functions.redelivery import handler as redelivery
from functions.registrar import handler as registrar
from functions.scaler import handler as scaler
from slipway import telemetry
from slipway.domain.errors import UnavailableError
from slipway.domain.notices import Notice, NoticeCode
from slipway.domain.strain import Strain
from slipway.services.claim import Answer
from slipway.services.converge import Converged
from slipway.services.reap import Reaped
from slipway.services.repair import Repaired

ROOT = Path(__file__).parents[3]
FUNCTIONS = ("scaler", "registrar", "reaper", "redelivery")
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
    """A batch of the scaler that converges as it is told."""

    converged: list[Converged]
    outcomes: dict[str, str]

    def batch(self) -> Batch:
        return self

    def converge(self, _holder: str, _has_time: Callable[[], bool]) -> list[Converged]:
        return self.converged


def run_scaler(patch: pytest.MonkeyPatch, *, good: bool) -> None:
    strain = Strain() if good else Strain(3, 2, 1)
    ended = [Converged("general", strain=strain), Converged("alone", errors=() if good else tuple(FAULTS))]
    patch.setattr(scaler, "scale", lambda: Batch(ended, {}))
    scaler.lambda_handler({"Records": []}, Invocation("blue-scaler"))  # type: ignore[arg-type]


def run_registrar(patch: pytest.MonkeyPatch, *, good: bool) -> None:
    answer = Answer(503, fault="busy") if good else Answer(503, fault="no", is_refusal=True)
    patch.setattr(registrar, "runner_api", lambda: (lambda _: answer, lambda _: answer))
    registrar.lambda_handler({"rawPath": "/v1/claim"}, Invocation("blue-registrar"))  # type: ignore[arg-type]


def run_reaper(patch: pytest.MonkeyPatch, *, good: bool) -> None:
    notices = tuple(Notice(code, "made-up", "because") for code in NoticeCode)
    reaped = Reaped() if good else Reaped(notices=notices, errors=tuple(FAULTS))
    patch.setattr(reaper, "reap", lambda: lambda **_: reaped)
    reaper.lambda_handler({}, Invocation("blue-reaper"))  # type: ignore[arg-type]


def run_redelivery(patch: pytest.MonkeyPatch, *, good: bool) -> None:
    repaired = Repaired() if good else Repaired(resent=3, errors=list(FAULTS))
    patch.setattr(redelivery, "repair", lambda: lambda _: repaired)
    redelivery.lambda_handler({}, Invocation("blue-redelivery"))  # type: ignore[arg-type]


RUN = dict(zip(FUNCTIONS, (run_scaler, run_registrar, run_reaper, run_redelivery), strict=True))


def written(output: str) -> dict[str, tuple[dict[str, str], str, list[float]]]:
    """Return each metric's dimensions, unit and values, as CloudWatch reads them from the log [LAMBDA-EMF]."""
    found = {}
    for line in map(json.loads, output.splitlines()):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == telemetry.NAMESPACE
            (names,) = directive["Dimensions"]
            for metric in directive["Metrics"]:
                dimensions = {name: line[name] for name in names}
                found[metric["Name"]] = (dimensions, metric["Unit"], line[metric["Name"]])
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_in_trouble_writes_its_metrics_of_the_list_and_no_other(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    RUN[name](monkeypatch, good=False)
    found = written(capsys.readouterr().out)
    listed = {metric.name: metric for metric in telemetry.METRICS if metric.function == name}
    assert set(found) == set(listed)
    for metric, (dimensions, unit, _) in found.items():
        assert unit == listed[metric].unit
        assert set(dimensions) == {telemetry.FUNCTION, *listed[metric].dimensions}
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
    assert found["JobsOverTarget"] == ({"service": "blue-scaler", "pool": "general"}, "Count", [3.0])
    assert found["StartCircuitsOpen"][2] == [1.0]
    assert found["ConvergencesFailed"] == ({"service": "blue-scaler"}, "Count", [1.0])
    run_redelivery(monkeypatch, good=False)
    found = written(capsys.readouterr().out)
    assert (found["FailedDeliveries"][2], found["RepairErrors"][2]) == ([3.0], [2.0])


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


@pytest.mark.parametrize("name", [*FUNCTIONS, "webhook"])
def test_no_handler_writes_a_metric_but_through_the_list(name: str) -> None:
    tree = ast.parse((ROOT / f"functions/{name}/handler.py").read_text("utf-8"))
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & {"add_metric", "flush_metrics", "add_dimension", "log_metrics", "single_metric"}
