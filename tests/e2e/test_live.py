"""``slipway live`` and ``slipway demo --serve`` as a user runs them: a process, its address, its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.live.frames import FrameMaker, about
from local.live.reading import Reading
from local.live.recording import Recorder, open_recording
from tests.builders import NOW, a_configuration, a_snapshot, several_jobs
from tests.support.checkout import IMPORT_PATH

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


# A shell's background job ignores SIGINT, and so would all that it starts.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from local.slipway_cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def slipway(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command; give the process and the page's address once it is told."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": IMPORT_PATH},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr
        said = process.stderr.readline()
        address = re.fullmatch(r"live view: (http://127\.0\.0\.1:\d+/)\n", said)
        assert address, said + process.stderr.read()
        yield process, address[1]
    finally:
        process.kill()
        process.communicate()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as reply:
        body: bytes = reply.read()
        return body


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "a.jsonl"
    with Recorder(file, about(a_configuration(), "simulation", title="of a test")) as recorder:
        maker = FrameMaker(a_configuration())
        recorder.keep(maker.frame(Reading(NOW, (a_snapshot(jobs=several_jobs(3)),))))
    return file


def test_a_recording_is_served_until_ctrl_c(recording: Path) -> None:
    with slipway("live", "--recording", recording) as (process, url):
        assert b"<title>Slipway live</title>" in get(url)
        assert len(json.loads(get(f"{url}frames?at={NOW}"))["whole"]["j"]) == 3
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_serving_ends_by_itself_where_that_was_asked_for_and_a_port_that_is_taken_is_told(
    recording: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from local.slipway_cli.main import main

    with slipway("live", "--recording", recording, "--serve-seconds", "20") as (process, url):
        port = url.rstrip("/").rpartition(":")[2]
        assert main(["live", "--recording", str(recording), "--port", port]) == 1
        assert f"port {port}: Address already in use" in capfd.readouterr().err
        assert process.wait(60) == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="the entrypoint needs curl: apt-get install curl")
def test_a_demo_is_served_while_it_runs_and_leaves_a_recording(tmp_path: Path) -> None:
    file = tmp_path / "demo.jsonl"
    arguments = ("demo", "--jobs", "8", "--json", "--serve", "--serve-seconds", "1", "--record", file)
    with slipway(*arguments, "--keep-logs", tmp_path / "logs") as (process, url):
        assert b"<title>Slipway live</title>" in get(url)
        out, said = process.communicate(timeout=400)
        assert process.returncode == 0, said
    result = json.loads(out)
    frames = [frame for frame, _ in open_recording(file).frames()]
    started = {row[7] for frame in frames for row in frame["r"].values() if row[5] == "busy"}
    assert max(len(frame["j"]) for frame in frames) > 0
    assert started
    assert frames[-1]["s"][:2] == [0, 0]
    assert frames[-1]["w"][""][0] >= result["jobs_completed"]  # a job that we refuse may take a runner too
