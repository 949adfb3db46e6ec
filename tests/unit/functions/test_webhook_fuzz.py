"""No input makes the webhook raise or answer 500."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.webhook import handler
from slipway.adapters.json_log import JsonLog
from slipway.services.ingest import Ingest
from tests.deliveries import NOW, SECRETS, configuration, encode, headers, http_event, payload
from tests.fakes.clock import ManualClock
from tests.fakes.job_queue import MemoryJobQueue
from tests.fakes.secret_store import MemorySecrets

ANSWERS = {200, 202, 400, 401, 413}
RELAXED = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ANY_TEXT = st.text(st.characters(), max_size=40)  # lone surrogates too
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=15,
)
FIELDS = [(part, name) for part, section in payload(installation={"id": 1}).items() if isinstance(section, dict)
          for name in section] + [(part, None) for part in payload(installation={})]  # fmt: skip


@pytest.fixture(scope="module")
def answer() -> Iterator[Callable[[Any], int]]:
    """Return a function that gives an event to the handler and checks the form of what comes back."""
    clock, lines = ManualClock(NOW), _Lines()
    ingest = Ingest(configuration(), MemorySecrets(dict(SECRETS)), MemoryJobQueue(), clock)
    log = JsonLog("webhook", clock, lines)

    def ask(event: Any) -> int:
        reply = handler.lambda_handler(event, None)
        assert set(json.loads(reply["body"])) == {"reason", "detail"}
        json.loads(lines.last)
        status: int = reply["statusCode"]
        return status

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "ingest_webhook", lambda: ingest)
        patch.setattr(handler, "webhook_log", lambda: log)
        yield ask


class _Lines(io.StringIO):
    """A text stream that keeps the last line and insists on ASCII."""

    last = ""

    def write(self, text: str) -> int:
        assert text.isascii()
        assert text.endswith("\n")
        assert text.count("\n") == 1
        self.last = text
        return len(text)


@RELAXED
@given(event=ANY_JSON | st.builds(
    lambda headers, body, flag: {"headers": headers, "body": body, "isBase64Encoded": flag},
    ANY_JSON | st.dictionaries(st.sampled_from(["X-Hub-Signature-256", "content-type"]) | ANY_TEXT, ANY_JSON),
    ANY_JSON, ANY_JSON))  # fmt: skip
def test_any_event_is_answered(answer: Callable[[Any], int], event: Any) -> None:
    assert answer(event) in ANSWERS


@RELAXED
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]),
)
def test_any_signed_bytes_are_answered(answer: Callable[[Any], int], body: bytes, kind: str) -> None:
    event = http_event(body, {**headers(body), "Content-Type": kind}, as_base64=True)
    assert answer(event) in ANSWERS


@RELAXED
@given(value=ANY_JSON)
def test_any_signed_json_is_answered(answer: Callable[[Any], int], value: Any) -> None:
    body = encode(value)
    assert answer(http_event(body, headers(body), as_base64=True)) in ANSWERS


@RELAXED
@given(place=st.sampled_from(FIELDS), value=ANY_JSON)
def test_any_value_in_any_field_is_answered(
    answer: Callable[[Any], int], place: tuple[str, str | None], value: Any
) -> None:
    whole = payload(installation={"id": 1})
    part, name = place
    whole[part] = value if name is None else {**whole[part], name: value}
    body = encode(whole)
    assert answer(http_event(body, headers(body), as_base64=True)) in ANSWERS


@RELAXED
@given(cut=st.integers(0, 1200), junk=st.binary(max_size=6))
def test_any_truncated_or_spoilt_payload_is_answered(
    answer: Callable[[Any], int], cut: int, junk: bytes
) -> None:
    body = encode(payload())
    body = body[:cut] + junk + body[cut + len(junk) :]
    assert answer(http_event(body, headers(body), as_base64=True)) in ANSWERS


@RELAXED
@given(names=st.dictionaries(ANY_TEXT | st.sampled_from(sorted(headers(b""))), ANY_TEXT, max_size=6))
def test_any_headers_are_answered(answer: Callable[[Any], int], names: dict[str, str]) -> None:
    body = base64.b64encode(encode(payload())).decode()
    assert answer({"headers": names, "body": body, "isBase64Encoded": True}) in ANSWERS
