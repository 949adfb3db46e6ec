"""How the entrypoint asks for its one runner, and what it makes of each answer."""

from __future__ import annotations

import itertools
import signal
import socket
import threading
from typing import Any

import pytest

from tests.integration.runner_image.container import Container
from tests.integration.runner_image.loopback import Answer, ClaimApi, credentials_answer

CLAIM = {"jit_config": "Y2FuYXJ5LWppdA==", "runner_name": "slipway-medium-0123", "idle_timeout_seconds": 120}
GRANTED = Answer(200, CLAIM)
GONE = Answer(410, {"reason": "no job waits"})


def test_a_granted_claim_runs_the_listener_and_ends_with_it(api: ClaimApi, container: Container) -> None:
    api.claims = [GRANTED]
    assert container.run() == 0
    expected = [
        "container_up",
        "claim_asked",
        "claim_answered",
        "listener_started",
        "listener_ended",
        "container_down",
    ]
    assert container.phase_names() == expected
    assert api.asked("claim") == 1


@pytest.mark.parametrize(("status", "code"), [(403, 11), (409, 12), (410, 0)])
def test_a_final_answer_ends_the_container_with_its_own_code(
    api: ClaimApi, container: Container, status: int, code: int
) -> None:
    api.claims = [Answer(status, {"reason": "said the registrar"})]
    assert container.run() == code
    assert container.phases()[2]["reason"] == "said the registrar"
    assert container.phases()[-1]["exit_code"] == code
    assert api.asked("claim") == 1


@pytest.mark.parametrize("status", [204, 429, 503])
def test_retry_after_is_honoured_never_earlier_and_little_later(
    api: ClaimApi, container: Container, status: int
) -> None:
    asked = [1, 2, 10, 60]
    container.time_scale = 1000
    api.claims = [*(Answer(status, retry_after=str(seconds)) for seconds in asked), GONE]
    assert container.run() == 0
    for seconds, delay in zip(asked, container.delays_ms(), strict=True):
        assert seconds * 1000 <= delay <= seconds * 1000 + max(500, seconds * 100)


def test_other_failures_back_off_with_full_jitter_under_a_doubling_ceiling(
    api: ClaimApi, container: Container
) -> None:
    container.time_scale = 1000
    api.claims = [*(Answer(status) for status in (500, 502, 503, 504, 404, 500, 500, 500)), GONE]
    assert container.run() == 0
    delays = container.delays_ms()
    ceilings = [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]
    assert all(0 <= delay <= ceiling for delay, ceiling in zip(delays, ceilings, strict=True))
    assert len({delay / ceiling for delay, ceiling in zip(delays, ceilings, strict=True)}) > 1


def test_two_containers_that_start_together_do_not_retry_together(
    api: ClaimApi, container: Container
) -> None:
    container.time_scale = 1000
    runs = []
    for _ in range(2):
        api.claims = [*itertools.repeat(Answer(500), 4), GONE]
        container.output.clear()
        container.run()
        container.close_output()
        runs.append(container.delays_ms())
    assert runs[0] != runs[1]


def test_trouble_without_end_exhausts_the_patience(api: ClaimApi, container: Container) -> None:
    container.environment["SLIPWAY_CLAIM_PATIENCE_SECONDS"] = "20"
    container.time_scale = 1000
    api.claims = [Answer(500)]
    assert container.run() == 13
    assert sum(container.delays_ms()[:-1]) <= 20_000


def test_a_retry_after_beyond_the_patience_ends_the_wait_at_once(api: ClaimApi, container: Container) -> None:
    del container.environment["SLIPWAY_CLAIM_PATIENCE_SECONDS"]  # 600 unless told otherwise
    container.time_scale = 1
    api.claims = [Answer(503, retry_after="601")]
    assert container.run() == 13
    assert api.asked("claim") == 1


def test_a_standby_container_waits_longer_than_the_patience(api: ClaimApi, container: Container) -> None:
    container.environment["SLIPWAY_CLAIM_PATIENCE_SECONDS"] = "60"
    container.time_scale = 200
    api.claims = [*itertools.repeat(Answer(204, retry_after="20"), 4), GONE]
    assert container.run() == 0
    assert api.asked("claim") == 5


def test_an_api_that_cannot_be_reached_exhausts_the_patience(container: Container) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        container.environment["SLIPWAY_CLAIM_URL"] = f"http://127.0.0.1:{closed.getsockname()[1]}"
        container.environment["SLIPWAY_CLAIM_PATIENCE_SECONDS"] = "5"
        assert container.run() == 13
    assert container.phases()[2]["curl_exit"] == 7


@pytest.mark.parametrize("cut", [0, -5], ids=["all of it", "its last five bytes"])
def test_a_lost_reply_costs_this_container_and_never_claims_twice(
    api: ClaimApi, container: Container, cut: int
) -> None:
    api.claims = [Answer(200, CLAIM, cut=cut), Answer(409, {"reason": "already registered"})]
    assert container.run() == 12
    assert "listener_started" not in container.phase_names()
    assert api.asked("claim") == 2


UNUSABLE: dict[str, Any] = {
    "not JSON": b"<html>",
    "not an object": ["jit"],
    "no JIT config": {**CLAIM, "jit_config": None},
    "empty JIT config": {**CLAIM, "jit_config": ""},
    "JIT config with a line break": {**CLAIM, "jit_config": "QQ==\n"},
    "runner name with a quote": {**CLAIM, "runner_name": 'a"b'},
    "idle timeout as text": {**CLAIM, "idle_timeout_seconds": "120"},
    "idle timeout in fractions": {**CLAIM, "idle_timeout_seconds": 1.5},
    "idle timeout of nothing": {**CLAIM, "idle_timeout_seconds": 0},
    "idle timeout of years": {**CLAIM, "idle_timeout_seconds": 1e12},
    "empty": None,
}


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_grant_that_cannot_be_used_starts_no_listener(
    api: ClaimApi, container: Container, body: Any
) -> None:
    api.claims, api.releases = [Answer(200, body)], [Answer(200)]
    assert container.run() == 20
    assert "listener_started" not in container.phase_names()
    assert container.phase_names()[-3:] == ["release_asked", "released", "container_down"]


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ('said "}\\n::error:: "', "said "),
        ("line\x1b[31m\x9b", "line?[31m??"),
        ("x" * 5000, "x" * 200),
        ("", None),
    ],
    ids=["escapes", "control characters", "long", "empty"],
)
def test_a_hostile_reason_stays_one_harmless_json_line(
    api: ClaimApi, container: Container, reason: str, shown: str | None
) -> None:
    escaped = reason.replace('"', '\\"')
    api.claims = [Answer(403, f'{{"reason": "{escaped}"}}'.encode())]
    assert container.run() == 11
    assert container.phases()[2]["reason"] == shown


@pytest.mark.parametrize("stage", ["", "/prod"])
def test_the_claim_is_signed_with_the_session_token_and_the_port(
    api: ClaimApi, container: Container, stage: str
) -> None:
    api.claims = [GONE]
    container.environment["SLIPWAY_CLAIM_URL"] = f"{api.url}{stage}/"
    assert container.run() == 0
    (request,) = api.received
    assert request.signature_is_valid
    assert (request.method, request.path, request.body) == ("POST", f"{stage}/v1/claim", b"{}")


@pytest.mark.parametrize(
    ("expiration", "fetches"),
    [("2099-01-01T00:00:00Z", 1), ("2099-01-01T00:00:00.123Z", 1), ("2020-01-01T00:00:00Z", 3), ("soon", 3)],
)
def test_credentials_are_renewed_only_near_their_expiry(
    api: ClaimApi, container: Container, expiration: str, fetches: int
) -> None:
    api.credentials = [credentials_answer(expiration)]
    api.claims = [Answer(204, retry_after="1"), Answer(204, retry_after="1"), GONE]
    assert container.run() == 0
    assert len(api.credentials_paths) == fetches


def test_missing_credentials_are_asked_for_again(api: ClaimApi, container: Container) -> None:
    api.credentials = [
        Answer(500),
        Answer(200, {"Token": "alone"}),
        Answer(200, b"nonsense"),
        credentials_answer(),
    ]
    api.claims = [GONE]
    assert container.run() == 0
    assert [phase.get("reason") for phase in container.phases()[2:7:2]] == ["no task credentials"] * 3
    assert api.received[0].signature_is_valid


def test_a_relative_uri_means_the_agents_own_address(api: ClaimApi, container: Container) -> None:
    api.claims = [GONE]
    container.environment.update(
        AWS_CONTAINER_CREDENTIALS_FULL_URI="", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2/credentials/id"
    )
    container.wrap_command(
        "curl", f'loopback={api.url}\nexec "$real" "${{@/#http:\\/\\/169.254.170.2/$loopback}}"\n'
    )
    assert container.run() == 0
    assert api.credentials_paths == ["/v2/credentials/id"]


def test_every_fault_of_the_configuration_is_named_before_any_claim(
    api: ClaimApi, container: Container
) -> None:
    (container.home / "bin" / "Runner.Listener").unlink()
    container.environment.update(
        SLIPWAY_CLAIM_URL="http://claims.example.com",
        AWS_REGION="",
        AWS_CONTAINER_CREDENTIALS_FULL_URI="",
        SLIPWAY_TIME_SCALE="0",
        SLIPWAY_CLAIM_PATIENCE_SECONDS="x",
    )
    assert container.run() == 10
    assert len(container.phases()[0]["faults"]) == 6
    assert not api.received


@pytest.mark.parametrize("marker", ["started", "ended"])
def test_a_home_that_served_a_job_is_refused(api: ClaimApi, container: Container, marker: str) -> None:
    (container.home / f".slipway-job-{marker}").touch()
    assert container.run() == 10
    assert not api.received


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_between_two_claims_ends_at_once(api: ClaimApi, container: Container, number: int) -> None:
    container.time_scale = 1
    api.claims = [Answer(204, retry_after="500")]
    container.start()
    container.read_until('"claim_answered"')
    container.signal(number)
    assert container.finish() == 0
    assert api.asked("release") == 0


def test_a_stop_during_a_claim_ends_at_once(api: ClaimApi, container: Container) -> None:
    asked, ended = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        ended.wait(10)

    api.claims = [Answer(200, CLAIM, meanwhile=hold)]
    container.start()
    assert asked.wait(10)
    container.signal()
    assert container.finish() == 0
    ended.set()
    assert "listener_started" not in container.phase_names()
