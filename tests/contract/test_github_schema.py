"""The judge of our calls to GitHub, held to account: it fails for what no server publishes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.twin.github import spec
from slipway.adapters.github.http import GitHubApi
from tests.contract.github_faces import FACES
from tests.fakes.clock import ManualClock
from tests.support.github_schema import hold_to_schema

RUNNERS = "/enterprises/acme/actions/runners"
MINT = {"name": "one", "runner_group_id": 1, "labels": ["linux"]}
RUNNER = {"id": 1, "name": "one", "os": "unknown", "status": "offline", "busy": False, "labels": []}


def api(server: str, reply: Callable[[httpx.Request], httpx.Response]) -> GitHubApi:
    client = httpx.Client(base_url="https://github.test", transport=httpx.MockTransport(reply))
    return GitHubApi(hold_to_schema(client, server), ManualClock(0.0))


def answering(status: int, body: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json=body)


def test_every_edition_is_a_face_of_the_contract() -> None:
    assert set(FACES) == set(spec.SERVERS)


@pytest.mark.parametrize("server", spec.SERVERS)
def test_a_call_that_a_server_publishes_passes(server: str) -> None:
    reply = {"runner": RUNNER, "encoded_jit_config": "e30="}
    assert (
        api(server, answering(201, reply)).call("POST", f"{RUNNERS}/generate-jitconfig", str, json=MINT)
        == reply
    )


@pytest.mark.parametrize("server", ["ghes-3.17", "ghes-3.18", "ghes-3.19"])
def test_a_call_that_only_github_com_has_is_refused_for_a_server(server: str) -> None:
    reply = answering(200, {"runner_version": "2.336.0"})
    assert api("ghec", reply).call("GET", f"{RUNNERS}/deprecations/2.336.0", str)
    with pytest.raises(AssertionError, match=f"no published path of {server}"):
        api(server, reply).call("GET", f"{RUNNERS}/deprecations/2.336.0", str)


def test_a_parameter_that_is_not_published_is_refused() -> None:
    with pytest.raises(AssertionError, match="takes"):
        api("ghec", answering(200, {})).call("GET", RUNNERS, str, params={"status": "online"})


@pytest.mark.parametrize("wrong", [{"labels": []}, {"runner_group_id": "1"}, {"name": None}])
def test_a_body_that_is_not_published_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="Invalid request"):
        api("ghec", answering(201, {})).call("POST", f"{RUNNERS}/generate-jitconfig", str, json=MINT | wrong)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (201, {"runner": RUNNER}),
        (201, {"runner": {**RUNNER, "busy": "no"}, "encoded_jit_config": "e30="}),
        (202, {}),
        (409, {"message": 409}),
    ],
    ids=["a field lacks", "a wrong type", "a status", "a refusal"],
)
def test_an_answer_that_is_not_published_is_refused(status: int, body: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        api("ghec", answering(status, body)).call("POST", f"{RUNNERS}/generate-jitconfig", str, json=MINT)
