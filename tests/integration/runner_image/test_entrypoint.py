"""The life of a claimed runner: its job, its idle end, its stop and what it leaves behind."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess

import pytest

from tests.integration.runner_image.container import (
    LONG_POLLS,
    RUNNER_IMAGE,
    TAKES_A_JOB,
    WAITS_FOR_SIGINT,
    Container,
)
from tests.integration.runner_image.loopback import Answer, ClaimApi


def granted(idle_timeout_seconds: int = 3600) -> Answer:
    body = {"jit_config": "QQ==", "runner_name": "r-1", "idle_timeout_seconds": idle_timeout_seconds}
    return Answer(200, body)


@pytest.fixture(autouse=True)
def _grants_a_runner(api: ClaimApi) -> None:
    api.claims, api.releases = [granted()], [Answer(200)]


@pytest.mark.parametrize(
    ("listener", "code"),
    [(0, 0), (1, 20), (2, 23), (3, 22), (4, 22), (5, 21), (7, 22), (127, 23), (139, 23)],
)
def test_each_exit_code_of_the_listener_has_its_meaning(
    api: ClaimApi, container: Container, listener: int, code: int
) -> None:
    container.install_listener(f"exit {listener}\n")
    assert container.run() == code
    assert [phase["code"] for phase in container.phases() if phase["phase"] == "listener_ended"] == [listener]
    # Whatever it failed of before any job, its registration is given back.
    assert api.asked("release") == (listener != 0)


def test_a_listener_that_fails_after_its_job_began_had_a_usable_jit_config(container: Container) -> None:
    container.install_listener(TAKES_A_JOB + "exit 1\n")
    assert container.run() == 23


def test_a_started_job_switches_the_watchdog_off(api: ClaimApi, container: Container) -> None:
    container.time_scale = 10
    api.claims = [granted(40)]  # four seconds: time for the job to start, and less than the job takes
    container.install_listener(TAKES_A_JOB + "sleep 4.4\n")
    assert container.run() == 0
    assert "job_started" in container.phase_names()
    assert api.asked("release") == 0


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_hook_that_can_tell_nobody_does_not_fail_the_job(container: Container, shell: str) -> None:
    container.environment.update(SLIPWAY_JOB_MARKER="/nonexistent/marker", SLIPWAY_ENTRYPOINT_PID="")
    container.start_command(shell, "-e", str(RUNNER_IMAGE / "hooks" / "job-started.sh"))
    assert container.finish() == 0


@pytest.mark.parametrize("status", [200, 410])
def test_an_idle_runner_is_released_and_its_listener_stopped(
    api: ClaimApi, container: Container, status: int
) -> None:
    api.claims, api.releases = [granted(5)], [Answer(status, meanwhile=container.wait_until_listening)]
    container.install_listener(WAITS_FOR_SIGINT)
    assert container.run() == 0
    assert "saw-sigint\n" in container.output
    assert container.phase_names()[4:] == [
        "release_asked",
        "released",
        "listener_interrupted",
        "listener_ended",
        "container_down",
    ]
    assert api.received[-1].signature_is_valid
    assert (api.received[-1].path, api.received[-1].body) == ("/v1/release", b"{}")


def test_a_released_listener_that_ignores_sigint_is_killed_after_its_grace(
    api: ClaimApi, container: Container
) -> None:
    api.claims, api.releases = [granted(5)], [Answer(200, meanwhile=container.wait_until_listening)]
    container.install_listener(f"trap '' INT\n{LONG_POLLS}")
    assert container.run() == 0
    ended = container.phases()[-2]
    assert (ended["phase"], ended["code"]) == ("listener_ended", 128 + signal.SIGKILL)


def test_a_refused_release_leaves_the_runner_to_its_job(api: ClaimApi, container: Container) -> None:
    refused = container.directory / "refused"
    api.claims, api.releases = [granted(5)], [Answer(409, {"reason": "busy"}, meanwhile=refused.touch)]
    container.install_listener(
        f"trap 'echo saw-sigint' INT\nuntil [[ -e {refused} ]]; do sleep 0.01; done\n"
        "sleep 0.5\n"  # many idle timeouts long
    )
    assert container.run() == 0
    assert api.asked("release") == 1
    assert "saw-sigint\n" not in container.output


def test_an_unanswered_release_is_asked_again_later(api: ClaimApi, container: Container) -> None:
    container.time_scale = 1000
    first = Answer(503, retry_after="20", meanwhile=container.wait_until_listening)
    api.claims, api.releases = [granted(5)], [first, Answer(500), Answer(200, cut=3), Answer(410)]
    container.install_listener(WAITS_FOR_SIGINT)
    assert container.run() == 0
    asked_to, *others = container.delays_ms()
    assert 20_000 <= asked_to <= 22_000
    assert all(delay <= ceiling for delay, ceiling in zip(others, [2000, 4000], strict=True))
    assert api.asked("release") == 4


def test_a_job_that_starts_during_the_release_wins(api: ClaimApi, container: Container) -> None:
    go = container.directory / "go"

    def start_the_job() -> None:
        go.touch()
        container.wait_for(container.home / ".slipway-job-started")

    api.claims, api.releases = [granted(5)], [Answer(200, meanwhile=start_the_job)]
    container.install_listener(
        f"trap 'echo saw-sigint; exit 9' INT\nuntil [[ -e {go} ]]; do sleep 0.01; done\n{TAKES_A_JOB}sleep 0.2\n"
    )
    assert container.run() == 0
    assert "saw-sigint\n" not in container.output
    assert container.phase_names()[4:] == ["release_asked", "job_started", "listener_ended", "container_down"]


def test_a_stop_of_an_idle_runner_releases_it_first(api: ClaimApi, container: Container) -> None:
    container.install_listener(WAITS_FOR_SIGINT)
    container.start()
    container.wait_until_listening()
    container.signal()
    assert container.finish() == 0
    assert container.phase_names()[4:7] == ["stop_asked", "release_asked", "released"]
    assert "saw-sigint\n" in container.output


def test_a_stop_during_the_release_leaves_the_listener_its_grace(api: ClaimApi, container: Container) -> None:
    def stop() -> None:
        container.wait_until_listening()
        container.signal()

    container.time_scale = 10  # a grace of 3 s
    api.claims, api.releases = [granted(1)], [Answer(200, meanwhile=stop)]
    container.install_listener(f"trap 'sleep 0.2; echo wound-up; exit 0' INT\n{LONG_POLLS}")
    assert container.run() == 0
    assert "wound-up\n" in container.output


def test_a_stop_of_an_idle_runner_that_github_calls_busy_interrupts_it(
    api: ClaimApi, container: Container
) -> None:
    api.releases = [Answer(409)]
    container.install_listener(WAITS_FOR_SIGINT)
    container.start()
    container.wait_until_listening()
    container.signal()
    assert container.finish() == 0
    assert container.phase_names()[5:8] == ["release_asked", "release_refused", "listener_interrupted"]


def test_a_stop_does_not_wait_for_ever_for_an_answer_to_its_release(
    api: ClaimApi, container: Container
) -> None:
    api.releases = [Answer(503, retry_after="600")]
    container.install_listener(WAITS_FOR_SIGINT)
    container.start()
    container.wait_until_listening()
    container.signal()
    assert container.finish() == 0
    assert "saw-sigint\n" in container.output
    assert "released" not in container.phase_names()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_of_a_busy_runner_interrupts_it_once_and_waits_for_it(
    api: ClaimApi, container: Container, number: int
) -> None:
    container.install_listener(
        "trap 'echo saw-sigint; stop=1' INT\n"
        f"{TAKES_A_JOB}"
        "until [[ ${stop:-} ]]; do sleep 0.02; done\nsleep 0.4\necho job-wound-up\nexit 2\n"
    )
    container.start()
    container.read_until('"job_started"')
    container.signal(number)
    container.read_until("saw-sigint")
    container.signal(number)
    assert container.finish() == 23
    assert container.output.count("saw-sigint\n") == 1
    assert "job-wound-up\n" in container.output
    assert api.asked("release") == 0


LEAVES_AN_ORPHAN = (
    TAKES_A_JOB
    + "(trap '' INT TERM HUP; while true; do sleep 300; done) & echo $! >${PWD%/*}/orphan\nexit 0\n"
)


def test_what_the_job_left_running_ends_with_the_container(container: Container) -> None:
    container.install_listener(LEAVES_AN_ORPHAN)
    assert container.run() == 0
    orphan = int((container.directory / "orphan").read_text())
    assert _is_gone(orphan)


def _is_gone(pid: int) -> bool:
    """A killed process may take a moment to die, and stay a zombie until some process 1 reaps it."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 5)[0])
    finally:
        os.close(handle)


def _process_1_prefix() -> tuple[str, ...]:
    prefix = ("unshare", "--pid", "--fork", "--kill-child", "--")
    if (
        shutil.which("unshare") is None
        or subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("a process namespace cannot be made here: `unshare --pid` is missing or refused")
    return prefix


@pytest.mark.toolchain
def test_as_process_1_it_ends_orphans_that_fled_into_their_own_session(container: Container) -> None:
    container.command_prefix = _process_1_prefix()
    container.install_listener(TAKES_A_JOB + "setsid sleep 300 &\nsleep 0.1\nexit 5\n")
    assert container.run() == 21  # the orphan holds stdout: this returns only when it is gone


@pytest.mark.toolchain
def test_as_process_1_it_reaps_the_children_that_others_leave_to_it(container: Container) -> None:
    container.command_prefix = _process_1_prefix()
    reads_the_parents_children = (
        "for child in $(</proc/$PPID/task/$PPID/children); do cat /proc/$child/stat; done"
    )
    container.install_listener(
        TAKES_A_JOB + "for _ in 1 2 3; do ( (sleep 0.01; exit 0) & ); done\nsleep 0.3\n"
        f"echo zombies: $({reads_the_parents_children} | grep -c ' Z ')\n"
    )
    container.command_prefix = (*container.command_prefix[:-1], "--mount-proc", "--")
    assert container.run() == 0
    assert "zombies: 0\n" in container.output
