"""What every ``TokenStore`` must do: the one in memory, and ours on Systems Manager."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.twin.http.aws import AwsServer
from slipway.adapters.parameter_store import ParameterStore
from slipway.ports.secrets import ShortToken, TokenStore
from tests.builders import NOW
from tests.contract.aws_faces import EVERY_FACE, TWIN_FACES, Face, aws_face
from tests.fakes.secret_store import MemoryTokenStore

PATH = "/slipway/installation-tokens"
TOKEN = ShortToken("ghs_canary", NOW + 3_600)


@dataclass
class Case:
    store: TokenStore
    aws: Face | None = None

    @property
    def client(self) -> Any:
        assert self.aws is not None
        return self.aws.client("ssm")


@pytest.fixture(params=["memory", *EVERY_FACE])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    if request.param == "memory":
        yield Case(MemoryTokenStore())
        return
    yield from _on_aws(request)


@pytest.fixture(params=TWIN_FACES)
def on_twin(request: pytest.FixtureRequest) -> Iterator[Case]:
    yield from _on_aws(request)


def _on_aws(request: pytest.FixtureRequest) -> Iterator[Case]:
    def serve() -> AwsServer:
        server: AwsServer = request.getfixturevalue("aws_server")
        return server

    with aws_face(request.param, serve) as aws:
        yield Case(ParameterStore(aws.client("ssm"), PATH), aws)


def test_a_token_is_found_until_another_takes_its_place(case: Case) -> None:
    assert case.store.find("7") is None
    case.store.keep("7", TOKEN)
    case.store.keep("8", ShortToken("ghs_other", NOW))
    assert case.store.find("7") == TOKEN
    case.store.keep("7", ShortToken("ghs_new", NOW + 7_200))
    assert case.store.find("7") == ShortToken("ghs_new", NOW + 7_200)


def test_a_token_is_stored_encrypted(on_twin: Case) -> None:
    """[SSM-PARAMETERS]"""
    on_twin.store.keep("7", TOKEN)
    shown = on_twin.client.get_parameter(Name=f"{PATH}/7")["Parameter"]
    assert shown["Type"] == "SecureString"
    assert TOKEN.value not in str(shown)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalServerError"])
def test_a_store_that_fails_is_an_empty_store_and_says_so_once(
    on_twin: Case, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert on_twin.aws is not None
    faults = on_twin.aws.account.faults
    faults.next_error("ssm", "PutParameter", code)
    on_twin.store.keep("7", TOKEN)
    on_twin.store.keep("7", TOKEN)
    faults.next_error("ssm", "GetParameter", code)
    assert on_twin.store.find("7") is None
    assert on_twin.store.find("7") == TOKEN
    assert on_twin.store.find("nobody's") is None
    (told,) = caplog.messages
    assert code in told
    assert TOKEN.value not in told


@pytest.mark.parametrize(
    "text", ["", "canary", "[]", '{"token": "canary"}', '{"token": 1, "expires_at": "x"}']
)
def test_what_is_no_token_is_none(on_twin: Case, text: str) -> None:
    on_twin.client.put_parameter(Name=f"{PATH}/7", Value=text, Type="SecureString")
    assert on_twin.store.find("7") is None


def test_a_token_shows_in_no_repr() -> None:
    assert "canary" not in repr(TOKEN)
