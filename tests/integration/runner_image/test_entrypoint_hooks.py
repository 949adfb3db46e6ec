"""What the job's hooks tell: the entrypoint that a job began and ended, the job where it runs and what it may not have."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runner_image.container import RUNNER_IMAGE, TAKES_A_JOB, Container
from tests.integration.runner_image.loopback import Answer, ClaimApi

ENDS_ITS_JOB = 'bash -e "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"\n'
GRANT: dict[str, Any] = {"jit_config": "QQ==", "runner_name": "r-1", "idle_timeout_seconds": 3600}


def run_hook(name: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-e", str(RUNNER_IMAGE / "hooks" / name)],
        env={"PATH": os.environ["PATH"], **environment},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def test_a_jobs_beginning_and_end_are_phases_of_their_own(api: ClaimApi, container: Container) -> None:
    api.claims = [Answer(200, GRANT)]
    container.install_listener(TAKES_A_JOB + ENDS_ITS_JOB + "sleep 0.3\n")
    assert container.run() == 0
    assert container.phase_names()[3:] == [
        "listener_started",
        "job_started",
        "job_ended",
        "listener_ended",
        "container_down",
    ]


def test_a_job_learns_where_it_runs_and_what_it_waited_for(api: ClaimApi, container: Container) -> None:
    api.claims = [Answer(200, {**GRANT, "queued_at": int(time.time()) - 75})]
    container.environment.update(SLIPWAY_PROFILE="medium", SLIPWAY_POOL="general")
    container.install_listener(TAKES_A_JOB)
    assert container.run() == 0
    said = [line for line in container.output if line.startswith("Slipway: ")]
    assert said[0] == "Slipway: profile medium, pool general\n"
    assert [part.split(" +")[0].split(" ")[0] for part in said[1].removeprefix("Slipway: ").split(", ")] == [
        *("queued", "container", "claim", "claim", "listener", "job")
    ]
    assert re.search(r"container up \+[789]\d", said[1])
    assert "GitHub may have given it an older one" in said[2]


def test_the_place_comes_from_the_tasks_metadata_where_that_answers_at_once(
    api: ClaimApi, container: Container
) -> None:
    api.credentials = [
        Answer(
            200,
            {
                "TaskARN": "arn:aws:ecs:eu-west-1:111122223333:task/slipway/0123456789abcdef",
                "AvailabilityZone": "eu-west-1b",
                "Limits": {"CPU": 2, "Memory": 7168},
            },
        )
    ]
    done = run_hook("describe-runner.sh", ECS_CONTAINER_METADATA_URI_V4=f"{api.url}/v4/id")
    assert "zone eu-west-1b, task 0123456789abcdef, 2 vCPU, 7168 MiB\n" in done.stdout
    assert api.credentials_paths == ["/v4/id/task"]


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"TaskARN": "a", "Limits": {"CPU": "$(id)"}}'])
def test_metadata_that_cannot_be_read_is_left_out(api: ClaimApi, body: bytes) -> None:
    api.credentials = [Answer(200, body)]
    done = run_hook("describe-runner.sh", ECS_CONTAINER_METADATA_URI_V4=f"{api.url}/v4/id")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "Slipway: profile unknown, pool unknown"


@pytest.mark.parametrize("order", ["prepare_job", "run_container_step"])
def test_a_job_that_needs_docker_fails_at_once_with_the_labels_to_use(order: str) -> None:
    done = run_hook(
        "no-docker.sh",
        json.dumps({"Command": order, "args": {"container": {"image": "redis"}}}),
        SLIPWAY_PROFILE="medium",
        SLIPWAY_DOCKER_LABELS="[self-hosted, linux, docker]",
    )
    assert done.returncode == 1
    assert done.stdout.startswith("::error title=This runner has no Docker::")
    assert "the profile 'medium' has none" in done.stdout
    assert "Use runs-on: [self-hosted, linux, docker]" in done.stdout


def test_where_no_profile_has_docker_the_error_says_whom_to_ask() -> None:
    assert "docker: nested" in run_hook("no-docker.sh", '{"command":"prepare_job"}').stdout


def test_cleaning_up_after_that_failure_is_no_second_failure() -> None:
    done = run_hook("no-docker.sh", '{"command": "cleanup_job", "args": {}}')
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("docker", "told"), [("none", True), ("nested", False)])
def test_the_worker_gets_our_answer_instead_of_docker_only_where_there_is_none(
    api: ClaimApi, container: Container, docker: str, told: bool
) -> None:
    if docker != "none" and os.geteuid() != 0:
        pytest.skip("the modes with Docker need root")
    api.claims = [Answer(200, GRANT)]
    container.change_image("lib/docker.sh", "start_docker() { :; }\nawait_docker() { :; }\n")
    container.put_command("dockerd", "exit 0\n")
    container.put_command("setpriv", 'shift 3\nexec "$@"\n')
    container.environment["SLIPWAY_DOCKER"] = docker
    container.install_listener('echo "hook: ${ACTIONS_RUNNER_CONTAINER_HOOKS:-none}"\n')
    assert container.run() == 0
    shown = f"hook: {container.image / 'hooks' / 'no-docker.sh' if told else 'none'}\n"
    assert shown in container.output


@pytest.mark.parametrize("has_own", [True, False])
def test_node_is_told_of_own_certificates_only_where_there_are_some(
    api: ClaimApi, container: Container, has_own: bool
) -> None:
    api.claims = [Answer(200, GRANT)]
    container.change_image("extra-certificates.pem", "PEM\n" if has_own else "")
    container.install_listener('echo "node: ${NODE_EXTRA_CA_CERTS:-none}"\n')
    assert container.run() == 0
    expected = container.image / "extra-certificates.pem" if has_own else "none"
    assert f"node: {expected}\n" in container.output


def test_every_hook_is_executable_and_lies_where_the_entrypoint_names_it() -> None:
    named = {"job-started.sh", "job-completed.sh", "no-docker.sh"}
    text = (RUNNER_IMAGE / "lib" / "listener.sh").read_text()
    assert all(f"hooks/{name}" in text for name in named)
    assert all(os.access(Path(RUNNER_IMAGE, "hooks", name), os.X_OK) for name in named)
