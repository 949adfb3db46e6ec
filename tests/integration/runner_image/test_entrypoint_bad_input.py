"""What ought never to happen: each ends the container with a stated reason, a given-back registration and no loop."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.integration.runner_image.container import TAKES_A_JOB, Container
from tests.integration.runner_image.loopback import Answer, ClaimApi

GRANTED = Answer(200, {"jit_config": "QQ==", "runner_name": "r-1", "idle_timeout_seconds": 3600})


@pytest.fixture(autouse=True)
def _grants_a_runner(api: ClaimApi) -> None:
    api.claims, api.releases = [GRANTED], [Answer(200)]


@pytest.mark.parametrize(("hours", "seconds"), [(1, -3600), (-1, 3600)])
def test_a_clock_one_hour_off_is_named_and_costs_no_registration(
    api: ClaimApi, container: Container, hours: int, seconds: int
) -> None:
    """API Gateway refuses the signature with 403 [IAM-SIGV4-SKEW]; its own Date tells how far off we are."""
    theirs = datetime.now(UTC) + timedelta(hours=hours)
    message = {"message": "Signature expired: 20261125T120000Z is now earlier than 20261125T125500Z"}
    api.claims = [Answer(403, message, date=format_datetime(theirs, usegmt=True))]
    assert container.run() == 14
    (answered,) = [phase for phase in container.phases() if phase["phase"] == "claim_answered"]
    off_by = int(answered["reason"].removeprefix("this host's clock is off by ").removesuffix(" s"))
    assert abs(off_by - seconds) <= 30
    assert (api.asked("claim"), api.asked("release")) == (1, 0)


@pytest.mark.parametrize("date", [None, "yesterday", "Wed, 99 Foo 2026 12:00:00 GMT", "$(touch pwned)"])
def test_a_refusal_without_a_readable_time_is_a_plain_refusal(
    api: ClaimApi, container: Container, date: str | None
) -> None:
    api.claims = [Answer(403, {"reason": "no task of ours"}, date=date)]
    assert container.run() == 11


def test_a_refusal_by_a_clock_that_agrees_is_a_plain_refusal(api: ClaimApi, container: Container) -> None:
    api.claims = [Answer(403, {}, date=format_datetime(datetime.now(UTC), usegmt=True))]
    assert container.run() == 11


def test_a_listener_that_cannot_read_its_jit_config_gives_its_registration_back(
    api: ClaimApi, container: Container
) -> None:
    container.install_listener("echo 'The JIT config is not valid.' >&2\nexit 1\n")
    assert container.run() == 20
    assert container.phase_names()[-4:] == ["listener_ended", "release_asked", "released", "container_down"]
    assert (api.asked("claim"), api.asked("release")) == (1, 1)


def test_giving_back_is_tried_again_and_given_up_after_its_patience(
    api: ClaimApi, container: Container
) -> None:
    container.time_scale = 20
    api.releases = [Answer(503, retry_after="5")]
    container.install_listener("exit 1\n")
    assert container.run() == 20
    assert 2 <= api.asked("release") <= 4  # within 20 s
    assert "released" not in container.phase_names()


def test_a_claim_endpoint_that_is_down_for_ten_minutes_ends_the_container_before_any_registration(
    api: ClaimApi, container: Container
) -> None:
    container.environment.clear()  # the patience that ships
    container.time_scale = 200
    api.claims = [Answer(502)]
    assert container.run() == 13
    assert sum(container.delays_ms()[:-1]) <= 600_000
    assert api.asked("claim") > 5
    assert api.asked("release") == 0


def test_a_job_that_kills_its_listener_ends_the_container_and_itself(
    api: ClaimApi, container: Container
) -> None:
    container.install_listener(TAKES_A_JOB + "setsid sh -c 'sleep 0.2; exec kill -KILL $0' $$ &\nsleep 300\n")
    assert container.run() == 23
    ended = [phase["code"] for phase in container.phases() if phase["phase"] == "listener_ended"]
    assert ended == [128 + signal.SIGKILL]
    assert (api.asked("claim"), api.asked("release")) == (1, 0)  # GitHub's to end: the job began


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_job_that_signals_the_entrypoint_reaches_no_second_claim(
    api: ClaimApi, container: Container, number: int
) -> None:
    container.install_listener(TAKES_A_JOB + f"trap 'exit 2' INT\nkill -{number} $PPID\nsleep 0.5\nexit 0\n")
    assert container.run() in (0, 23)
    assert api.asked("claim") == 1


@pytest.fixture
def small_disk(container: Container) -> Iterator[Path]:
    """The runner's directory on a disk of its own, of 64 KiB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "tmpfs", str(container.home)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk needs root and mount")
    container.install_listener("exit 0\n")
    yield container.home
    container.kill()
    subprocess.run(["umount", "--lazy", str(container.home)], check=True)


FILLS_ITS_DISK = "cat /dev/zero >fill 2>/dev/null || true\n"


@pytest.mark.toolchain
def test_a_disk_that_is_full_already_costs_no_registration(
    api: ClaimApi, container: Container, small_disk: Path
) -> None:
    subprocess.run(["sh", "-c", f"cat /dev/zero >{small_disk}/fill"], check=False, stderr=subprocess.DEVNULL)
    assert container.run() == 10
    assert "RUNNER_HOME cannot be written" in container.phases()[0]["faults"][0]
    assert api.asked("claim") == 0


@pytest.mark.toolchain
def test_a_job_that_starts_on_a_full_disk_is_still_seen_and_never_released(
    api: ClaimApi, container: Container, small_disk: Path
) -> None:
    api.claims = [Answer(200, {"jit_config": "QQ==", "runner_name": "r-1", "idle_timeout_seconds": 400})]
    container.install_listener(
        FILLS_ITS_DISK + TAKES_A_JOB + "sleep 4.4\nexit 0\n"
    )  # longer than an idle timeout
    assert container.run() == 0
    assert "job_started" in container.phase_names()
    assert api.asked("release") == 0


def with_docker(container: Container, functions: str) -> None:
    container.change_image("lib/docker.sh", f"# shellcheck shell=bash\n{functions}\n")
    container.environment["SLIPWAY_DOCKER"] = "nested"
    container.put_command("dockerd", "exit 0\n")
    # No user `runner` on the machine that tests: what would be run as that user is shown instead.
    container.put_command("setpriv", 'echo "as: ${*:1:3}"\nshift 3\nexec "$@"\n')


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the modes with Docker need root")


@needs_root
def test_docker_starts_before_the_claim_and_is_ready_before_the_listener_which_runs_as_its_own_user(
    container: Container,
) -> None:
    with_docker(container, 'start_docker() { echo "mirror: $1"; }\nawait_docker() { return 0; }')
    container.environment["SLIPWAY_REGISTRY_MIRROR"] = "https://mirror.example"
    assert container.run() == 0
    assert container.phase_names()[:6] == [
        *("container_up", "docker_asked", "claim_asked", "claim_answered"),
        *("docker_ready", "listener_started"),
    ]
    assert "mirror: https://mirror.example\n" in container.output
    assert "as: --reuid=runner --regid=runner --init-groups\n" in container.output


@needs_root
def test_a_docker_that_does_not_start_gives_the_registration_back(
    api: ClaimApi, container: Container
) -> None:
    with_docker(container, "start_docker() { :; }\nawait_docker() { return 1; }")
    assert container.run() == 24
    assert container.phase_names()[4:] == ["docker_failed", "release_asked", "released", "container_down"]
    assert api.asked("release") == 1


@needs_root
def test_a_stop_while_docker_starts_gives_the_registration_back_at_once(
    api: ClaimApi, container: Container
) -> None:
    with_docker(container, "start_docker() { :; }\nawait_docker() { echo waits; pause 6000000; }")
    container.start()
    container.read_until("waits")
    container.signal()
    assert container.finish() == 0
    assert container.phase_names()[4:] == ["stop_asked", "release_asked", "released", "container_down"]


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("SLIPWAY_DOCKER", "yes", "SLIPWAY_DOCKER must be none, nested or privileged"),
        ("SLIPWAY_DOCKER", "nested", "SLIPWAY_DOCKER=nested needs dockerd"),
        ("SLIPWAY_WORKER_LOGS", "https://bucket/prefix", "SLIPWAY_WORKER_LOGS must be s3://BUCKET/PREFIX"),
        ("SLIPWAY_WORKER_LOGS", "s3://dotted.bucket/x", "SLIPWAY_WORKER_LOGS must be s3://BUCKET/PREFIX"),
    ],
)
def test_a_wrong_setting_is_named_before_any_claim(
    api: ClaimApi, container: Container, variable: str, value: str, fault: str
) -> None:
    container.environment.update({variable: value, "PATH": "/usr/bin:/bin"})
    assert container.run() == 10
    assert any(fault in line for line in container.phases()[0]["faults"])
    assert api.asked("claim") == 0


def test_the_workers_own_log_stays_out_of_the_log_group(container: Container) -> None:
    container.install_listener(
        "echo '[RUNNER 2026-11-25 INFO Terminal] kept'\necho '[WORKER 2026-11-25 INFO Worker] quotes the job'\n"
    )
    assert container.run() == 0
    assert any("kept" in line for line in container.output)
    assert not any("quotes the job" in line for line in container.output)


def test_the_last_lines_of_a_listener_come_through_on_a_host_that_is_slow(container: Container) -> None:
    container.wrap_command("grep", '[[ "$*" != *WORKER* ]] || sleep 0.3\nexec "$real" "$@"\n')
    container.install_listener("echo last words\nexit 0\n")
    assert container.run() == 0
    assert "last words\n" in container.output


def test_an_orphan_that_holds_the_log_open_does_not_hold_the_end_up(container: Container) -> None:
    container.install_listener(TAKES_A_JOB + "setsid sleep 4 >&1 2>/dev/null &\necho last words\nexit 0\n")
    container.start()
    container.read_until('"container_down"')
    assert "last words\n" in container.output
