"""The stub listener as a process: what the entrypoint and the demo rely on."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from local.twin.github import jitconfig
from local.twin.http.github import GitHubServer
from tests.support.github_enterprise import ENTERPRISE, Acme

LISTENER = Path(__file__).parents[3] / "local" / "twin" / "listener" / "bin"
PATIENCE_SECONDS = 30


class Machine:
    """Runner roots and listeners on one machine; the clock stands still until a test advances it."""

    def __init__(self, folder: Path, acme: Acme, server: GitHubServer) -> None:
        self.acme = acme
        self.server = server
        self.root = folder / "runner"
        self.root.mkdir()
        (self.root / "bin").symlink_to(LISTENER)
        self._running: list[subprocess.Popen[str]] = []

    def start(self, encoded: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["bin/Runner.Listener", "run"],
            cwd=self.root,
            env=os.environ | {"ACTIONS_RUNNER_INPUT_JITCONFIG": encoded} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._running.append(process)
        return process

    def hook(self, name: str, script: str) -> str:
        path = self.root.parent / name
        path.write_text(script, "utf-8")
        return str(path)

    def until(self, happened: Callable[[], bool]) -> None:
        """Wait until something is true of the twin, without moving its clock."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with self.server.lock:
                if happened():
                    return
            time.sleep(0.01)
        raise AssertionError("it did not happen in time")

    def advance(self, seconds: float) -> None:
        with self.server.lock:
            self.acme.clock.advance(seconds)

    def online(self) -> bool:
        return any(runner.online for runner in self.acme.twin.registry.by_id.values())

    def configuration(self) -> set[str]:
        return {name for name in jitconfig.FILES if (self.root / name).exists()}

    def finish(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, output


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    acme = Acme()
    with GitHubServer(acme.twin, threading.RLock()) as server:
        machine = Machine(tmp_path, acme, server)
        yield machine
        machine.finish()


def test_it_writes_its_credentials_runs_one_job_with_its_hooks_and_exits_0(machine: Machine) -> None:
    """[RUNNER-JIT-FORMAT] [RUNNER-HOOKS]"""
    started, completed = machine.root / "started", machine.root / "completed"
    hooks = {
        "ACTIONS_RUNNER_HOOK_JOB_STARTED": machine.hook(
            "s.sh", f"env > {started}.part; mv {started}.part {started}"
        ),
        "ACTIONS_RUNNER_HOOK_JOB_COMPLETED": machine.hook("c.sh", f"touch {completed}"),
    }
    job = machine.acme.job(duration_seconds=600, name="compile")
    process = machine.start(machine.acme.mint(), **hooks)
    machine.until(started.exists)
    assert machine.configuration() == set(jitconfig.FILES)
    settings = json.loads((machine.root / ".runner").read_text("utf-8"))
    assert (settings["AgentName"], settings["ServerUrl"]) == ("runner-1", machine.server.url)
    environment = dict(line.split("=", 1) for line in started.read_text("utf-8").splitlines() if "=" in line)
    assert environment["GITHUB_REPOSITORY"] == "alpha/web"
    assert environment["GITHUB_JOB"] == "compile"
    assert Path(environment["GITHUB_EVENT_PATH"]).exists()
    assert "ACTIONS_RUNNER_INPUT_JITCONFIG" not in environment
    assert (job.status, completed.exists()) == ("in_progress", False)
    machine.until(lambda: bool(machine.server.open_polls))
    machine.advance(120)
    machine.until(lambda: bool(machine.server.open_polls))
    machine.advance(480)
    code, output = end(process)
    assert (code, job.conclusion, completed.exists()) == (0, "success", True), output
    assert "Running job: compile" in output
    assert machine.configuration() == set()
    assert machine.acme.twin.registry.by_id == {}


def test_the_credentials_a_job_can_read_are_useless_after_it(machine: Machine) -> None:
    """[GH-RUNNER-EPHEMERAL-REMOVED]"""
    loot = machine.root / "loot"
    copy = f"mkdir {loot}.part; cp .runner .credentials .credentials_rsaparams {loot}.part; mv {loot}.part {loot}"
    job = machine.acme.job(duration_seconds=60)
    process = machine.start(machine.acme.mint(), ACTIONS_RUNNER_HOOK_JOB_STARTED=machine.hook("s.sh", copy))
    machine.until(loot.exists)
    machine.advance(60)
    assert end(process)[0] == 0
    other = machine.acme.job()
    stolen = {name: (loot / name).read_bytes() for name in jitconfig.FILES}
    client_id = json.loads(stolen[".credentials"])["data"]["clientId"]
    secret = base64.b64decode(json.loads(stolen[".credentials_rsaparams"])["d"])
    bearer = {"Authorization": f"Bearer {jitconfig.assertion(client_id, secret)}"}
    reply = httpx.post(f"{machine.server.url}/_twin/broker/sessions", headers=bearer, content=b"{}")
    assert (reply.status_code, reply.json()) == (401, {"error": "invalid_client"})
    assert (job.conclusion, other.status) == ("success", "queued")


def test_an_idle_listener_keeps_polling_until_a_job_comes(machine: Machine) -> None:
    """[RUNNER-NO-IDLE-TIMEOUT] [RUNNER-LONG-POLL]"""
    process = machine.start(machine.acme.mint())
    machine.until(lambda: len(machine.server.open_polls) == 1)
    (first,) = machine.server.open_polls
    machine.advance(50)
    machine.until(lambda: bool(machine.server.open_polls - {first}))
    with machine.server.lock:
        job = machine.acme.job(duration_seconds=5)
    machine.until(lambda: job.status == "in_progress")
    machine.advance(5)
    assert end(process)[0] == 0
    assert job.conclusion == "success"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_during_a_job_fails_the_job_at_once(machine: Machine, number: int) -> None:
    """[RUNNER-SIGNALS]"""
    job = machine.acme.job(duration_seconds=600)
    process = machine.start(machine.acme.mint())
    machine.until(lambda: job.status == "in_progress" and bool(machine.server.open_polls))
    process.send_signal(number)
    code, output = end(process)
    assert (code, job.conclusion) == (0, "failure")
    assert "The runner has received a shutdown signal" in output
    assert machine.configuration() == set()


def test_a_signal_while_idle_ends_the_session_and_leaves_the_registration(machine: Machine) -> None:
    """[RUNNER-SIGNALS]"""
    process = machine.start(machine.acme.mint())
    machine.until(lambda: bool(machine.server.open_polls))
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == 0
    assert not machine.online()
    assert len(machine.acme.twin.registry.by_id) == 1


def test_a_registration_deleted_while_it_listens_ends_it_with_0(machine: Machine) -> None:
    """[RUNNER-REGISTRATION-DELETED]"""
    process = machine.start(machine.acme.mint())
    machine.until(lambda: bool(machine.server.open_polls))
    (runner_id,) = machine.acme.twin.registry.by_id
    bearer = {"Authorization": f"Bearer {machine.acme.pat}"}
    deleted = httpx.delete(f"{machine.server.url}{ENTERPRISE}/runners/{runner_id}", headers=bearer)
    assert deleted.status_code == 204
    assert end(process)[0] == 0
    assert machine.configuration() == set()


def test_a_registration_deleted_before_it_starts_ends_it_with_1(machine: Machine) -> None:
    """[RUNNER-REGISTRATION-DELETED]"""
    encoded = machine.acme.mint()
    (runner,) = machine.acme.twin.registry.by_id.values()
    machine.acme.twin.registry.delete(runner)
    assert end(machine.start(encoded))[0] == 1


@pytest.mark.parametrize("encoded", ["", "garbage", "e30="], ids=["empty", "no base64", "no files"])
def test_a_bad_jit_config_ends_it_with_1(machine: Machine, encoded: str) -> None:
    """[RUNNER-EXIT-CODES]"""
    code, output = end(machine.start(encoded))
    assert code == 1
    assert "not valid" in output
    assert machine.configuration() == set()


def test_a_session_conflict_ends_it_with_5_after_its_tries(machine: Machine) -> None:
    """[RUNNER-SESSION-CONFLICT]"""
    encoded = machine.acme.mint()
    machine.start(encoded)
    machine.until(lambda: bool(machine.server.open_polls))
    code, output = end(machine.start(encoded, TWIN_CLOCK_SCALE="100000"))
    assert code == 5
    assert output.count("Retrying") == 8


def test_a_failing_started_hook_fails_the_job(machine: Machine) -> None:
    """[RUNNER-HOOKS]"""
    job = machine.acme.job(duration_seconds=600)
    process = machine.start(
        machine.acme.mint(), ACTIONS_RUNNER_HOOK_JOB_STARTED=machine.hook("s.sh", "exit 3")
    )
    assert end(process)[0] == 0
    assert job.conclusion == "failure"


def test_a_cancelled_job_ends_and_is_reported_cancelled(machine: Machine) -> None:
    job = machine.acme.job(duration_seconds=600)
    process = machine.start(machine.acme.mint())
    machine.until(lambda: job.status == "in_progress")
    with machine.server.lock:
        machine.acme.twin.jobs.cancel(job.id)
    assert end(process)[0] == 0
    assert job.conclusion == "cancelled"


def test_an_unreachable_server_ends_it_with_2(machine: Machine) -> None:
    """[RUNNER-BROKER-FLOW]"""
    encoded = machine.acme.mint()
    machine.server.close()
    assert end(machine.start(encoded, TWIN_CLOCK_SCALE="100000"))[0] == 2


def test_it_says_its_version() -> None:
    shown = subprocess.run(
        [LISTENER / "Runner.Listener", "--version"], check=True, capture_output=True, text=True
    )
    assert shown.stdout.strip() == "2.336.0"
