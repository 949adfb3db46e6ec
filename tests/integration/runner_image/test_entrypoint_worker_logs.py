"""Worker logs go to S3 only where the profile asks, under the organization that the registrar named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.runner_image.container import TAKES_A_JOB, Container
from tests.integration.runner_image.loopback import SECRET_ACCESS_KEY, SESSION_TOKEN, Answer, ClaimApi

GRANT: dict[str, Any] = {
    "jit_config": "QQ==",
    "runner_name": "r-1",
    "idle_timeout_seconds": 3600,
    "organization": "acme",
}
WRITES_A_LOG = TAKES_A_JOB + "mkdir _diag\necho what the worker did >_diag/Worker_20261125-120000-utc.log\n"


@pytest.fixture(autouse=True)
def _keeps_logs(api: ClaimApi, container: Container) -> None:
    api.claims, api.releases, api.uploads = [Answer(200, GRANT)], [Answer(200)], [Answer(200)]
    container.environment["SLIPWAY_WORKER_LOGS"] = "s3://acme-logs/runners/"
    container.wrap_command(
        "curl",
        f'loopback={api.url}/s3\nexec "$real" "${{@/#https:\\/\\/acme-logs.s3.eu-west-1.amazonaws.com/$loopback}}"\n',
    )


def outcome(container: Container) -> tuple[int, int] | None:
    for phase in container.phases():
        if phase["phase"] == "worker_logs":
            return phase["sent"], phase["lost"]
    return None


def uploads(api: ClaimApi) -> dict[str, bytes]:
    return {request.path: request.body for request in api.received if request.method == "PUT"}


def test_a_jobs_worker_log_is_sent_signed_under_its_organization_and_runner(
    api: ClaimApi, container: Container
) -> None:
    container.install_listener(WRITES_A_LOG)
    assert container.run() == 0
    assert outcome(container) == (1, 0)
    assert uploads(api) == {"/s3/runners/acme/r-1/Worker_20261125-120000-utc.log": b"what the worker did\n"}
    assert all(request.signature_is_valid for request in api.received)


def test_nothing_is_sent_where_the_profile_does_not_ask(api: ClaimApi, container: Container) -> None:
    del container.environment["SLIPWAY_WORKER_LOGS"]
    container.install_listener(WRITES_A_LOG)
    assert container.run() == 0
    assert (outcome(container), uploads(api)) == (None, {})


def test_a_runner_without_a_job_has_nothing_to_send(api: ClaimApi, container: Container) -> None:
    container.install_listener(WRITES_A_LOG.removeprefix(TAKES_A_JOB))
    assert container.run() == 0
    assert uploads(api) == {}


def test_without_an_organization_from_the_registrar_nothing_is_sent(
    api: ClaimApi, container: Container
) -> None:
    api.claims = [Answer(200, {**GRANT, "organization": "../other"})]
    container.install_listener(WRITES_A_LOG)
    assert container.run() == 0
    assert (outcome(container), uploads(api)) == ((0, 0), {})


def test_a_bucket_that_refuses_costs_the_logs_and_not_the_exit_code(
    api: ClaimApi, container: Container
) -> None:
    api.uploads = [Answer(403)]
    container.install_listener(WRITES_A_LOG)
    assert container.run() == 0
    assert outcome(container) == (0, 1)


def test_a_log_of_the_jobs_making_is_sent_only_if_it_is_a_file_of_a_workers_name_and_size(
    api: ClaimApi, container: Container
) -> None:
    container.install_listener(
        TAKES_A_JOB + "mkdir _diag\ncd _diag\n"
        "ln -s /etc/passwd Worker_1.log\n"
        "echo x >'Worker_a b.log'\n"
        "mkdir Worker_2.log\nmkfifo Worker_3.log\n"
        "truncate -s 17M Worker_4.log\n"
    )
    assert container.run() == 0
    assert (outcome(container), uploads(api)) == ((0, 1), {})


def test_a_folder_that_is_a_link_is_not_followed(api: ClaimApi, container: Container) -> None:
    elsewhere = container.directory / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "Worker_1.log").write_text("not the worker's")
    container.install_listener(TAKES_A_JOB + f"ln -s {elsewhere} _diag\n")
    assert container.run() == 0
    assert uploads(api) == {}


def test_at_most_twenty_logs_are_sent(api: ClaimApi, container: Container) -> None:
    container.install_listener(
        TAKES_A_JOB + "mkdir _diag\nfor n in {1..22}; do echo $n >_diag/Worker_$n.log; done\n"
    )
    assert container.run() == 0
    assert outcome(container) == (20, 2)
    assert len(uploads(api)) == 20


def test_no_secret_of_the_upload_is_on_a_command_line(api: ClaimApi, container: Container) -> None:
    arguments = container.directory / "argv"
    container.install_listener(WRITES_A_LOG)
    loopback = f"{api.url}/s3"
    container.wrap_command(
        "curl",
        f'tr "\\0" "\\n" </proc/$$/cmdline >>{arguments}\n'
        f'exec "$real" "${{@/#https:\\/\\/acme-logs.s3.eu-west-1.amazonaws.com/{loopback}}}"\n',
    )
    assert container.run() == 0
    assert "aws:amz:eu-west-1:s3" in arguments.read_text()
    assert not [secret for secret in (SECRET_ACCESS_KEY, SESSION_TOKEN) if secret in arguments.read_text()]
