"""`slipway plan`: exit statuses, both outputs, and a quick --help."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.planning.screen import JOBS_SHOWN
from local.slipway_cli.main import main
from tests.support.checkout import IMPORT_PATH
from tests.support.snapshot_files import (
    EXAMPLE,
    SAMPLES,
    a_file,
    a_queued_job,
    written,
)

HELP = """
import contextlib, io, json, sys
from local.slipway_cli.main import main
out = io.StringIO()
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(out):
    main(sys.argv[1:])
print(json.dumps({"text": out.getvalue(), "modules": sorted(sys.modules)}))
"""
SLOW = {"pydantic", "pydantic_core", "rich", "yaml", "boto3", "httpx", "difflib"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_exits_0_and_prints_one_object_on_one_line(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--snapshot", str(sample), "--json"]) == 0
    captured = capsys.readouterr()
    (line,) = captured.out.splitlines()
    assert json.loads(line)["pool"] == "general"
    assert captured.err == ""


def test_a_snapshot_with_faults_exits_1_and_prints_a_line_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, a_file(control="paus", jobs=[a_queued_job(attempt=0)]))
    assert main(["plan", "--snapshot", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{path}:5: control: 'paus' is not one of run, pause, drain; did you mean 'pause'?",
        f"{path}:19: jobs[0].attempt: must be 1 or more",
    ]


def test_faults_as_json_are_one_object_that_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, a_file(pool="generall"))
    assert main(["plan", "--snapshot", str(path), "--json"]) == 1
    fault = {
        "file": str(path), "path": "pool", "line": 3, "message": "no pool is called 'generall'", "nearest": "general",
    }  # fmt: skip
    assert json.loads(capsys.readouterr().out) == {"valid": False, "faults": [fault]}


def test_a_snapshot_that_is_not_there_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.json"
    assert main(["plan", "--snapshot", str(path), "--config", str(EXAMPLE)]) == 1
    assert f"{path}: (file): cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--snapshot"], ["--snapshot", "a", "b"], ["--snap", "a"]])
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan", *arguments])
    assert ended.value.code == 2
    assert "usage: slipway" in capsys.readouterr().err


def test_the_screen_tells_intents_counts_and_the_longest_waits_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    limits = next(path for path in SAMPLES if path.stem == "limits")
    assert main(["plan", "--snapshot", str(limits)]) == 0
    screen = capsys.readouterr().out
    assert re.search(r"start_tasks +4 +small \(1 vCPU, 3 GiB\), not on i-50", screen)
    assert re.search(r"9 +fair_share", screen)
    assert "the pool is at its 50 instances" in screen
    assert "GitHub gave it none of 3 runners made for it; the next comes at 16:01:20" in screen
    assert "its repository is at its 40 runners of the profile" in screen


def test_the_screen_shows_the_20_that_have_waited_longest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [a_queued_job(n, queued_at=f"2026-07-18T09:{n:02d}:00+09:00") for n in range(30, 5, -1)]
    assert main(["plan", "--snapshot", str(written(tmp_path, a_file(jobs=jobs)))]) == 0
    screen = capsys.readouterr().out
    shown = [int(number) for number in re.findall(r"acme-web/(\d+)-1", screen)]
    assert shown == list(range(6, 6 + JOBS_SHOWN))
    assert "and 5 younger jobs" in screen


def test_a_quiet_pool_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--snapshot", str(written(tmp_path, a_file(control="pause")))]) == 0
    screen = capsys.readouterr().out
    assert "Nothing is left to do." in screen
    assert "No job waits." in screen


def test_text_of_strangers_is_neither_markup_nor_escape_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failures = {"count": 4, "last_at": "2026-07-18T09:59:50+09:00", "why": "[red]x[/red]\x1b[2J"}
    body = a_file(jobs=[a_queued_job()], launch_failures=failures)
    assert main(["plan", "--snapshot", str(written(tmp_path, body))]) == 0
    screen = capsys.readouterr().out
    assert "[red]x" in screen
    assert "\x1b" not in screen


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"]], ids=" ".join)
def test_help_imports_nothing_that_is_slow(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP, *arguments],
        env={"PYTHONPATH": IMPORT_PATH, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout)
    assert "plan" in told["text"]
    assert not SLOW & set(told["modules"])
    assert [name for name in told["modules"] if name.startswith("local.planning")] == []
