"""What the doctor reaches: GitHub from here, the webhook, and through the reach function's own handler."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from slipway.adapters.tcp_probe import probe
from slipway.domain.probe_targets import wanted
from tests.integration.doctor.stage import Stage


def test_a_github_enterprise_server_tells_its_version(stage: Stage) -> None:
    _, findings = stage.findings()
    (found,) = [one for one in findings if one["check"] == "github"]
    assert found["message"].startswith("GitHub Enterprise Server 3.19.2 answers 200 in ")
    assert stage.github.paths == ["/api/v3/meta"]


def test_a_server_in_private_mode_was_reached_all_the_same(stage: Stage) -> None:
    stage.github.status = 401
    assert stage.troubles() == []


def test_a_github_that_does_not_listen_fails(stage: Stage) -> None:
    stage.github.stop()
    ((check, status, message),) = stage.troubles()
    assert (check, status) == ("github", "failed")
    assert message.startswith("it cannot be reached: ")


def test_a_github_whose_name_does_not_resolve_fails(stage: Stage) -> None:
    stage.yaml["github"]["url"] = "https://ghes.invalid"
    ((check, status, message),) = stage.troubles()
    assert (check, status) == ("github", "failed")
    assert message.startswith("its name does not resolve: ")


def test_a_private_authority_needs_the_bundle(stage: Stage) -> None:
    del stage.yaml["github"]["ca_bundle"]
    _, findings = stage.findings()
    (found,) = [one for one in findings if one["status"] != "ok"]
    assert found["message"].startswith("its certificate is not trusted: ")
    assert "github.ca_bundle" in found["mend"]


@pytest.mark.parametrize("text", [None, "no certificate\n"])
def test_a_bundle_that_is_not_there_or_none_fails(stage: Stage, text: str | None) -> None:
    stage.yaml["github"]["ca_bundle"] = "own.pem"
    if text is not None:
        (stage.folder / "own.pem").write_text(text)
    ((check, status, message),) = stage.troubles()
    assert (check, status) == ("github", "failed")
    assert message.startswith(f"github.ca_bundle {stage.folder / 'own.pem'} cannot be used: ")


def test_something_else_that_answers_is_no_github(stage: Stage) -> None:
    stage.github.headers = {"Server": "a proxy"}
    ((check, status, message),) = stage.troubles()
    assert (check, status, message) == (
        "github",
        "failed",
        "answers 200, and nothing in it says that it is GitHub",
    )


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, None), (50, None), (90, "warning"), (-90, "warning"), (400, "failed"), (-400, "failed")],
)
def test_clocks_that_disagree_are_told(stage: Stage, seconds: float, status: str | None) -> None:
    stage.github.seconds_ahead = seconds
    troubles = stage.troubles()
    assert [(check, state) for check, state, _ in troubles] == ([("github", status)] if status else [])


@pytest.mark.parametrize(
    ("answered", "status", "message"),
    [
        (401, "ok", "answers, and refuses a delivery without a signature"),
        (202, "failed", "takes a delivery without a signature (202)"),
        (404, "failed", "answers 404 instead of 401"),
        (429, "warning", "answers 429 instead of 401"),
        (503, "failed", "answers 503 instead of 401"),
    ],
)
def test_the_webhook_must_refuse_what_is_not_signed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, answered: int, status: str, message: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(stage.github.certificate))  # any TLS server will do for a webhook
    stage.github.status = answered
    _, findings = stage.findings("--webhook-url", f"{stage.github.url}/webhook/a-path-that-nobody-guesses")
    (found,) = [one for one in findings if one["check"] == "webhook"]
    assert (found["status"], found["message"]) == (status, message)
    assert "nobody-guesses" not in str(findings)


def test_a_webhook_that_is_not_there_fails(stage: Stage) -> None:
    troubles = stage.troubles("--webhook-url", "http://127.0.0.1:9/webhook/x")
    assert [(check, status) for check, status, _ in troubles] == [("webhook", "failed")]


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def handler(event: Any) -> Any:
    """The function as it is deployed, but for the refusal of loopback, on which these tests' servers are."""
    targets = wanted(event)
    return (
        {"fault": targets}
        if isinstance(targets, str)
        else {"targets": probe(targets, 10, lambda _address: None)}
    )


def test_each_target_is_told_as_the_function_found_it(stage: Stage, listening: int) -> None:
    stage.fixed.functions["slipway-reach"] = handler
    arguments = ["--reach", "slipway-reach", "--target", f"localhost:{listening}", "--target", "127.0.0.1:9"]
    status, findings = stage.findings(*arguments)
    reached = [one for one in findings if one["check"] == "reach"]
    github = stage.github.url.removeprefix("https://")
    assert [one["message"].split(" ")[0] for one in reached] == [
        github,
        f"localhost:{listening}",
        "127.0.0.1:9",
    ]
    assert [one["status"] for one in reached] == ["ok", "ok", "failed"]
    assert reached[2]["message"] == "127.0.0.1:9 (127.0.0.1): TCP: 127.0.0.1: Connection refused"
    assert status == 1


def test_for_github_com_its_own_hosts_are_asked_about(stage: Stage) -> None:
    asked: list[Any] = []

    def note(event: Any) -> Any:
        asked.append(event)
        return {"targets": []}

    stage.fixed.functions["slipway-reach"] = note
    stage.yaml["github"]["url"] = "https://github.com"
    del stage.yaml["github"]["ca_bundle"]
    stage.run("--reach", "slipway-reach")
    hosts = [target["host"] for target in asked[0]["targets"]]
    assert "api.github.com" in hosts
    assert len(hosts) == len(set(hosts)) <= 10


def test_a_function_that_is_not_there_or_fails_is_told(stage: Stage) -> None:
    stage.fixed.functions["broken"] = lambda _event: 1 // 0
    troubles = stage.troubles("--reach", "slipway-reach", "--reach", "broken")
    assert troubles == [
        ("reach", "failed", "there is no such function in eu-west-1"),
        ("reach", "unknown", "could not look: the function answered: integer division or modulo by zero"),
    ]


def test_too_many_targets_are_refused_by_the_function_and_that_is_told(stage: Stage) -> None:
    stage.fixed.functions["slipway-reach"] = handler
    targets = [argument for n in range(1, 25) for argument in ("--target", f"127.0.0.1:{n}")]
    ((check, status, message),) = stage.troubles("--reach", "slipway-reach", *targets)
    assert (check, status) == ("reach", "unknown")
    assert "1 to 20" in message
