"""What ``slipway demo`` works out before it runs, and says after it."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from local.demo.afterwards import WorthAsking
from local.demo.log_errors import MOST_TOLD, last_errors
from local.demo.report import Result
from local.demo.screen import FAULTS_SHOWN, tell, tell_where_to_look
from local.slipway_cli.demo_command import log_folder
from local.slipway_cli.main import main


def test_logs_lie_where_they_were_asked_for_wherever_a_container_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert log_folder("logs") == tmp_path / "logs"
    assert log_folder(str(tmp_path / "elsewhere")) == tmp_path / "elsewhere"
    (unnamed := log_folder(None)).rmdir()
    assert unnamed.is_absolute()


def test_the_question_can_be_copied_whole_whatever_the_files_are_called() -> None:
    told = look(
        60, Path("a [bold] ledger.jsonl"), "a folder whose name is far longer than the terminal is wide"
    )
    [command] = [line for line in told.splitlines() if "slipway explain" in line]
    named = shlex.split(command)
    assert named[:4] == ["slipway", "explain", "JOB", "--ledger"]
    assert named[4] == "a [bold] ledger.jsonl"
    assert named[6] == f"{named[8]}/slipway.yaml"
    assert "1241  was cancelled" in told


@pytest.mark.parametrize(("ledger", "logs"), [(None, None), (Path("ledger.jsonl"), None), (None, "logs")])
def test_where_too_little_was_kept_to_ask_it_is_said_how_to_keep_it(
    ledger: Path | None, logs: str | None
) -> None:
    told = look(80, ledger, logs)
    assert "slipway demo --keep-ledger ledger.jsonl --keep-logs logs" in told
    assert "1241" not in told


def test_when_no_job_got_a_runner_the_first_faults_speak_for_all() -> None:
    out = io.StringIO()
    faults = [f"promise 1: job {number} is still queued" for number in range(109)]
    tell(a_result(faults), Console(file=out, width=80), "logs")
    assert out.getvalue().count("promise 1") == FAULTS_SHOWN
    assert "and 99 more" in out.getvalue()


@pytest.mark.parametrize(
    "option",
    ["--usage x", "--record x", "--serve", "--containers", "--keep-ledger x", "--keep-logs x", "--jobs 3"],
)
def test_what_the_demo_of_environments_does_not_take_is_refused(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["demo", "--environments", *option.split()])
    assert stop.value.code == 2
    assert f"not {option.split(maxsplit=1)[0]}" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told_before_the_demo_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--jobs", "1", "--usage", str(tmp_path / "none" / "usage.jsonl"), "--json"]) == 1
    assert "there is no folder" in capsys.readouterr().out


def test_the_logs_last_errors_are_told_once_each(tmp_path: Path) -> None:
    refused = {"level": "ERROR", "message": "convergence met an error", "fault": "RefusedError: no role"}
    lines = [
        "START",
        json.dumps({"level": "INFO", "message": "converged"}),
        json.dumps(refused),
        "not json {",
    ]
    (tmp_path / "scaler.log").write_text("\n".join(lines), "utf-8")
    (tmp_path / "reaper.log").write_text(
        "Traceback (most recent call last):\n  File x\nKeyError: 'POOL'\n", "utf-8"
    )
    (tmp_path / "webhook.log").write_text("", "utf-8")
    for number in range(9):
        faults = {"phase": "misconfigured", "faults": ["RUNNER_HOME cannot be written"]}
        (tmp_path / f"{number:032x}.log").write_text(json.dumps(faults), "utf-8")
    container, reaper, scaler = last_errors(tmp_path)
    assert container == f"{0:032x}.log and 8 more: misconfigured: ['RUNNER_HOME cannot be written']"
    assert reaper == "reaper.log: KeyError: 'POOL'"
    assert scaler == "scaler.log: convergence met an error: RefusedError: no role"
    for number in range(9):
        (tmp_path / f"{number}.log").write_text(
            json.dumps({"level": "ERROR", "message": str(number)}), "utf-8"
        )
    assert len(last_errors(tmp_path)) == MOST_TOLD


def look(width: int, ledger: Path | None, logs: str | None) -> str:
    out = io.StringIO()
    tell_where_to_look(a_result([]), Console(file=out, width=width), ledger, logs)
    return out.getvalue()


def a_result(violations: list[str]) -> Result:
    return Result(
        seed=1, registration="enterprise", clock_scale=8, jobs_queued=1, jobs_completed=1, jobs_cancelled=0,
        deliveries=1, duplicates=0, lost=0, redelivered=0, wait_seconds={"p50": 1.0, "p90": 1.0, "max": 1.0},
        own_seconds={name: {"p50": 0.1, "p99": 0.2} for name in ("queued_to_create_fleet", "usable_to_run_task")},
        runners_registered=1, leaked={}, github_calls_per_job=1.0, github_calls={}, aws_calls={},
        violations=violations, worth_asking=(WorthAsking(1241, "was cancelled while it waited"),),
    )  # fmt: skip
