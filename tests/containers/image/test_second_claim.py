"""A job tries to get a second runner, with the credentials that it can read: from real containers, of the real registrar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.image.conftest import NewJob
from tests.containers.image.jobs import LISTENER, JobContainer
from tests.containers.image.registrar import Registrar
from tests.integration.functions.stage import Stage
from tests.integration.runner_image.loopback import REGION, served

# What any job can do: ask for its task's credentials and sign a claim with them.
CLAIMS = f"""
claims() {{
  local given
  given=$(curl -s "$AWS_CONTAINER_CREDENTIALS_FULL_URI")
  curl -s -o /tmp/answer -w '%{{http_code}}' -X POST -d '{{}}' -H 'Content-Type: application/json' \\
    -H "X-Amz-Security-Token: $(jq -r .Token <<<"$given")" --aws-sigv4 aws:amz:{REGION}:execute-api \\
    -u "$(jq -r '.AccessKeyId + ":" + .SecretAccessKey' <<<"$given")" "$API/v1/claim"
}}
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("registrar")
    with Stage(folder) as made:
        yield made


@pytest.fixture
def registrar(stage: Stage) -> Iterator[Registrar]:
    api = Registrar(url="", stage=stage)
    with served(api):
        yield api


@pytest.fixture
def task(stage: Stage) -> str:
    """A task that runs for a job, while another job waits that could be stolen."""
    (task, *_) = stage.start_tasks(1)
    stage.start_tasks(1)
    return task


def registrations(stage: Stage) -> int:
    return len(stage.github.registry.by_id)


def start(
    container: JobContainer, registrar: Registrar, task: str, job: str, listener: str = LISTENER
) -> None:
    container.environment["API"] = registrar.url
    container.start_job(registrar.url, CLAIMS + job, task, listener)


def test_a_claim_during_the_job_is_refused(
    stage: Stage, registrar: Registrar, task: str, container: JobContainer
) -> None:
    before = registrations(stage)
    start(container, registrar, task, "echo second: $(claims)\ngrep -c jit_config /tmp/answer\n")
    container.finish()
    assert container.said("second") == "409"
    assert registrar.statuses(task) == [200, 409]
    assert registrations(stage) == before + 1


def test_a_claim_before_the_containers_own_costs_that_container_and_gives_one_runner(
    stage: Stage, registrar: Registrar, task: str, new_job: NewJob
) -> None:
    """Whoever is first with a task's credentials gets its one runner: here another container, and then nobody."""
    before = registrations(stage)
    thief, robbed = new_job(), new_job()
    thief.environment.update(
        API=registrar.url, AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{registrar.url}/v2/credentials/{task}"
    )
    thief.start_script(CLAIMS + "echo first: $(claims)\n", network="host")
    thief.finish()
    start(robbed, registrar, task, "")
    assert robbed.finish() == 12
    assert thief.said("first") == "200"
    assert registrar.statuses(task) == [200, 409]
    assert registrations(stage) == before + 1


def test_a_claim_after_the_job_by_a_process_that_it_left_gets_nothing(
    stage: Stage, registrar: Registrar, task: str, container: JobContainer
) -> None:
    before = registrations(stage)
    waits_for_the_listener = "while kill -0 $PPID 2>/dev/null; do sleep 0.01; done; echo orphan: $(claims)"
    start(container, registrar, task, f"({waits_for_the_listener}) & disown\n")
    container.finish()
    assert 200 not in registrar.statuses(task)[1:]
    assert registrations(stage) == before + 1


def test_credentials_that_were_carried_elsewhere_get_no_second_runner(
    stage: Stage, registrar: Registrar, task: str, new_job: NewJob
) -> None:
    before = registrations(stage)
    robbed, elsewhere = new_job(), new_job()
    start(robbed, registrar, task, "true\n")
    robbed.finish()
    elsewhere.environment.update(
        API=registrar.url, AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{registrar.url}/v2/credentials/{task}"
    )
    elsewhere.start_script(CLAIMS + "for _ in 1 2 3; do echo $(claims); done\n", network="host")
    elsewhere.finish()
    assert set(elsewhere.text.split()) <= {"409", "410"}
    assert registrar.statuses(task)[0] == 200
    assert registrations(stage) == before + 1


def test_two_claims_at_the_same_moment_give_one_runner(
    stage: Stage, registrar: Registrar, task: str, container: JobContainer
) -> None:
    before = registrations(stage)
    start(container, registrar, task, "for _ in 1 2 3 4; do claims >/dev/null & done; wait\n")
    container.finish()
    assert registrar.statuses(task).count(200) == 1
    assert registrations(stage) == before + 1


def test_a_released_task_never_claims_again(
    stage: Stage, registrar: Registrar, task: str, new_job: NewJob
) -> None:
    idle = "#!/usr/bin/env bash\ntrap 'exit 0' INT\necho listening\nwhile :; do sleep 0.05; done\n"
    first, again = new_job(), new_job()
    before = registrations(stage)
    start(first, registrar, task, "", idle)
    first.read_until("listening")
    first.signal()
    assert first.finish() == 0
    assert registrar.statuses(task, "release") == [200]
    assert registrations(stage) == before
    start(again, registrar, task, "echo ran: yes\n")
    assert again.finish() == 0  # 410: there is nothing to do
    assert "ran: yes" not in again.text
    assert registrar.statuses(task) == [200, 410]
