"""The demo as a user runs it: real functions under the Lambda runtime client, real entrypoints, twins on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.demo.world import PERMISSIONS
from local.permissions.record import read_record, refused
from slipway import telemetry
from slipway.config import load_configuration
from tests.support.checkout import IMPORT_PATH
from tests.support.emf import told_to_cloudwatch
from tests.support.permissions import policies_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("curl") is None, reason="the entrypoint needs curl: apt-get install curl"
    ),
]
ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "seed", "registration", "clock_scale", "jobs_queued", "jobs_completed", "jobs_cancelled", "deliveries",
    "duplicates", "lost", "redelivered", "wait_seconds", "own_seconds", "runners_registered", "leaked", "github_calls_per_job",
    "github_calls", "aws_calls", "violations",
}  # fmt: skip


def demo(logs: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run ``slipway demo --json``; return exit status and the object it printed.

    The folder is named as the documents name it, from where the command runs: each container stands in another.
    """
    command = [
        sys.executable,
        "-m",
        "local.slipway_cli",
        "demo",
        "--json",
        "--keep-logs",
        os.path.relpath(logs, ROOT),
        *arguments,
    ]
    environment = {**os.environ, "PYTHONPATH": IMPORT_PATH}
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


# What a demo may not write; all else it must. Why each, and where its function is made to write it.
HEALTHY = "an alarm's: nothing of it is written while all is well (tests/unit/functions/test_metrics.py)"
MAY_BE_MISSING = {
    telemetry.JOBS_ON_STANDBY: "the demo keeps no standby (tests/integration/functions/test_telemetry.py)",
    telemetry.STARTING_RUNNERS: "written by a convergence while one starts, if there is one just then (the same)",
    telemetry.IDLE_RUNNERS: "or while one waits for GitHub, which may take no time (the same)",
    telemetry.STOPPED_INSTANCES: "nor stopped instances (the same)",
    telemetry.INSTANCES_STARTED: "so none is started (the same)",
    telemetry.LAUNCHES_REFUSED: "EC2 has room there (the same)",
    telemetry.REAPED: "most things end by themselves (tests/integration/functions/test_schedules.py)",
    telemetry.JOBS_FOUND: "a lost delivery is sent again before the sweep looks (the same)",
    **dict.fromkeys(telemetry.OF_ALARMS, HEALTHY),
}


def every_metric_was_written(logs: Path) -> None:
    """Each function's log tells CloudWatch of all that happens in a healthy run [LAMBDA-EMF], and of nothing else."""
    found = metrics_of(logs)
    listed = {metric.name: metric for metric in telemetry.METRICS}
    assert {name for name, _ in found} <= set(listed)
    written = {(listed[name], by) for name, by in found}
    everything = {(metric, by) for metric in telemetry.METRICS for by in metric.by or ("",)}
    assert {metric for metric, _ in everything - written} <= set(MAY_BE_MISSING)


def each_job_was_told_once(logs: Path) -> None:
    """Deliveries are doubled and come in any order: each job that ran is a value, and a line, of its own."""
    lines = list(log_lines(logs, "scaler"))
    found = metrics_of(logs)
    for message, metric, key in (
        ("job started", telemetry.JOB_QUEUE_DURATION, "queue_seconds"),
        ("job completed", telemetry.JOB_EXECUTION_DURATION, "execution_seconds"),
    ):
        told = [line for line in lines if line.get("message") == message]
        assert told
        assert len({line["job"] for line in told}) == len(told)
        assert len(found[metric.name, telemetry.PROFILE]) == sum(key in line for line in told)


def log_lines(logs: Path, function: str) -> Iterator[dict[str, Any]]:
    """Return the JSON lines of a function's log."""
    for text in (logs / f"{function}.log").read_text("utf-8", "replace").splitlines():
        if text.startswith("{"):
            yield json.loads(text)


def metrics_of(logs: Path) -> dict[tuple[str, str], list[float]]:
    """Return the values in the logs by metric and the dimension besides the function's."""
    found: dict[tuple[str, str], list[float]] = {}
    for function in ("webhook", "scaler", "registrar", "reaper", "redelivery"):
        for told in told_to_cloudwatch(log_lines(logs, function)):
            assert told.dimensions[telemetry.FUNCTION].endswith(function)
            found.setdefault((told.name, told.by), []).extend(told.values)
    return found


def every_call_was_allowed(logs: Path) -> None:
    """The functions signed each call with keys of their own: what each asked for is what its policy allows."""
    record = read_record(logs / PERMISSIONS)
    policies = policies_of(load_configuration(logs / "slipway.json"))
    assert refused(record, policies) == []
    assert set(record.needs) == set(policies)
    assert {need.action for needs in record.needs.values() for need in needs} >= {
        "ec2:CreateFleet", "ec2:RunInstances", "ec2:TerminateInstances", "ecs:RunTask", "iam:PassRole",
        "ecs:UpdateContainerInstancesState", "secretsmanager:GetSecretValue", "sqs:SendMessage",
        "sqs:ReceiveMessage", "sqs:DeleteMessage", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem",
    }  # fmt: skip


@pytest.mark.parametrize("registration", ["enterprise", "organization", "repository"])
def test_every_job_gets_its_runner_and_nothing_is_left(registration: str, tmp_path: Path) -> None:
    status, result = demo(tmp_path, "--jobs", "15", "--seed", "7", "--registration", registration)
    hold_guarantees(status, result, tmp_path)


def test_afterwards_a_refused_and_a_robbed_job_are_explained(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    status, _ = demo(tmp_path, "--jobs", "5", "--seed", "3", "--keep-ledger", str(ledger))
    assert status == 0
    logged = [
        json.loads(line)
        for line in (tmp_path / "webhook.log").read_text("utf-8").splitlines()
        if line[:1] == "{"
    ]
    [thief] = {line["job_id"] for line in logged if line.get("reason") == "repository_not_allowed"}
    [stolen] = explained(tmp_path, ledger, thief)
    assert stolen["answer"].startswith(
        "Slipway does not serve it (github.allow.repositories does not name the repository), and GitHub gave it a runner"
    )
    codes = [one["code"] for one in stolen["story"]]
    assert codes.index("queued") < codes.index("refused")
    hosted = next(line["job_id"] for line in logged if line.get("reason") == "no_profile")
    [refused] = explained(tmp_path, ledger, hosted)
    assert refused["state"] == "refused"
    assert "its labels are ubuntu-latest" in refused["answer"]
    items = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()[1:]]
    robbed = next(
        item["made_for"]
        for item in items
        if str(item.get("job", "")).endswith(f"/{thief}-1") and "made_for" in item
    )
    [victim] = explained(tmp_path, ledger, int(robbed.rpartition("/")[2].partition("-")[0]))
    assert (victim["job"], victim["state"], victim["was_robbed"]) == (robbed, "completed", True)


def explained(logs: Path, ledger: Path, job: int) -> list[dict[str, Any]]:
    """Run ``slipway explain --json`` on what a demo left, and return the tries of the job."""
    command = [sys.executable, "-m", "local.slipway_cli", "explain", str(job), "--json", "--logs", str(logs)]
    command += ["--config", str(logs / "slipway.yaml"), "--ledger", str(ledger)]
    environment = {**os.environ, "PYTHONPATH": IMPORT_PATH}
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)["tries"]
    return found


def test_the_packages_give_the_same_guarantees_as_the_checkout(tmp_path: Path) -> None:
    status, result = demo(tmp_path, "--jobs", "15", "--seed", "7", "--packaged")
    hold_guarantees(status, result, tmp_path)
    manifest = json.loads((tmp_path / "deployment" / "manifest.json").read_text("utf-8"))
    assert len(manifest["packages"]) == 8
    # That what ran is what was unpacked there is proven in tests/integration/packages.
    assert (tmp_path / "unpacked" / "opt" / "python" / "slipway" / "wiring.py").exists()


def hold_guarantees(status: int, result: dict[str, Any], logs: Path) -> None:
    assert set(result) == KEYS
    assert result["violations"] == []
    assert set(result["leaked"].values()) == {0}
    assert result["jobs_queued"] == 15
    assert result["jobs_completed"] + result["jobs_cancelled"] == 15
    assert result["runners_registered"] >= result["jobs_completed"]
    assert set(result["wait_seconds"]) == {"p50", "p90", "p99", "max"}
    for own in (result["own_seconds"][name] for name in ("queued_to_create_fleet", "usable_to_run_task")):
        # So few jobs may take one call, and another reader of the pool may come between it and what it answers.
        assert own["samples"] == 0 or 0 < own["p50"] <= own["p99"]
    assert status == 0
    every_call_was_allowed(logs)
    every_metric_was_written(logs)
    each_job_was_told_once(logs)


def test_a_forgotten_tool_is_named_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "bash").symlink_to("/bin/bash")
    done = subprocess.run(
        [sys.executable, "-m", "local.slipway_cli", "demo", "--jobs", "1"],
        env={"PATH": str(tmp_path), "PYTHONPATH": IMPORT_PATH}, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "apt-get install curl" in done.stderr
