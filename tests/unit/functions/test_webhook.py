"""The webhook function, whole: HTTP API event in, answer, queue message and log line out."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.webhook import handler
from slipway.domain.jobs import decode_job_event
from tests.deliveries import (
    BOUND_SECRET,
    MEDIUM,
    NOW,
    SECRET,
    SECRET_ARN,
    encode,
    github_examples,
    headers,
    http_event,
    iso,
    payload,
    repository,
    signature,
    signed_event,
)
from tests.unit.functions.conftest import Webhook

MIB = 1024 * 1024
CANARIES = (SECRET, BOUND_SECRET, "canary-aws-secret-key", "canary-session-token")


def signed(body: bytes, **changes: str) -> dict[str, Any]:
    return http_event(body, {**headers(body), **changes}, as_base64=True)


def test_a_served_job_is_queued_with_its_organization_as_message_group(webhook: Webhook) -> None:
    status, answer = webhook(signed_event(payload()))
    assert (status, answer["reason"]) == (202, "queued")
    [message] = webhook.aws.messages
    assert message["QueueUrl"] == "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"
    assert message["MessageGroupId"] == "acme"
    event = decode_job_event(message["MessageBody"])
    assert (event.job_id, event.labels, event.received_at) == (9001, tuple(MEDIUM), NOW)
    assert event.delivery_id == "72d3162e-cc78-11e3-81ab-4c9367dc0958"


@pytest.mark.parametrize("as_base64", [False, True])
@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_a_body_is_read_plain_or_base64_json_or_form_whatever_the_case_of_header_names(
    webhook: Webhook, as_base64: bool, form: bool, case: Any
) -> None:
    body = encode(payload(job={"name": "café & co = 100%"}))
    kind = "application/json"
    if form:
        body, kind = (
            urlencode({"payload": body.decode()}).encode(),
            "application/x-www-form-urlencoded; charset=utf-8",
        )
    head = {case(name): value for name, value in {**headers(body), "Content-Type": kind}.items()}
    assert webhook(http_event(body, head, as_base64=as_base64))[0] == 202
    assert webhook.events[0]["name"] == "café & co = 100%"


@pytest.mark.parametrize("example", github_examples("ping"), ids=lambda item: str(item["hook"]["type"]))
def test_a_ping_is_answered(webhook: Webhook, example: dict[str, Any]) -> None:
    status, answer = webhook(signed_event(example, event="ping"))
    assert (status, answer["reason"]) == (200, "ping")
    assert not webhook.aws.messages


@pytest.mark.parametrize("event", ["push", "workflow_run", "", "WORKFLOW_JOB", "workflow_job\x00"])
def test_other_events_are_ignored(webhook: Webhook, event: str) -> None:
    status, answer = webhook(signed_event({"any": "thing"}, event=event))
    assert (status, answer["reason"]) == (200, "other_event")
    assert not webhook.aws.messages


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"job": {"status": "waiting"}}, "waiting"),
        ({"action": "rerequested"}, "unknown_action"),
        ({"job": {"labels": ["ubuntu-latest"]}}, "no_profile"),
        ({"job": {"labels": []}}, "no_labels"),
        ({"job": {"labels": ["slipway/sized/cpu=4_0"]}}, "labels_unreadable"),
        ({"job": {"labels": ["slipway/sized/cpu=64"]}}, "size_out_of_bounds"),
        ({"job": {"labels": ["slipway/sized/run=1-1"]}}, "run_mismatch"),
        ({"repository": repository("acme/site", private=False)}, "public_repository"),
        ({"job": {"created_at": iso(NOW - 86_401)}}, "too_old"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_what_is_not_for_us_is_ignored_with_its_reason_and_logged(
    webhook: Webhook, changes: dict[str, Any], reason: str
) -> None:
    status, answer = webhook(signed_event(payload(**changes)))
    assert (status, answer["reason"]) == (200, reason)
    assert answer["detail"]
    assert not webhook.aws.messages
    assert webhook.lines[-1]["reason"] == reason


def test_day_old_replay_is_ignored(webhook: Webhook) -> None:
    delivery = signed_event(payload())
    assert webhook(delivery)[0] == 202
    webhook.clock.advance(86_401)
    assert webhook(delivery) == (200, {"reason": "too_old", "detail": webhook.lines[-1]["message"]})
    assert len(webhook.aws.messages) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha1=" + "0" * 40},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "sha256=" + "g" * 64},
        {"X-Hub-Signature-256": signature(encode(payload()), "another secret")},
        {"X-Hub-Signature-256": signature(encode(payload()), "")},
        {"X-Hub-Signature-256": signature(encode(payload())) + ",sha256=" + "0" * 64},
    ],
    ids=lambda change: change["X-Hub-Signature-256"][:12],
)
def test_a_bad_or_missing_signature_is_refused(webhook: Webhook, change: dict[str, str]) -> None:
    body = encode(payload())
    assert webhook(http_event(body, {**headers(body), **change}))[0] == 401
    assert not webhook.aws.messages


def test_a_body_changed_by_one_byte_is_refused(webhook: Webhook) -> None:
    body = encode(payload())
    assert webhook(http_event(body + b" ", headers(body)))[0] == 401


def test_nothing_is_parsed_before_the_signature_is_verified(webhook: Webhook) -> None:
    for body in (b"{", b"\xff", b"[" * 100_000):
        assert webhook(http_event(body, {**headers(body), "X-Hub-Signature-256": "sha256=" + "0" * 64},
                                  as_base64=True))[0] == 401  # fmt: skip


def test_org_secret_cannot_sign_for_other_org(webhook: Webhook) -> None:
    own = payload(repository=repository("Globex/app"), organization={"login": "Globex", "id": 8})
    assert webhook(signed_event(own, secret=BOUND_SECRET))[0] == 202

    claims = [
        payload(),
        # The forger names itself wherever it may, and another's repository where it counts.
        payload(organization={"login": "globex", "id": 8}),
        payload(repository={**repository("acme/rocket"), "owner": {"login": "globex", "id": 8}},
                organization={"login": "globex", "id": 8}),
        payload(repository=repository("globexx/app")),
        payload("completed"),
    ]  # fmt: skip
    for claim in claims:
        status, answer = webhook(signed_event(claim, secret=BOUND_SECRET))
        assert (status, answer["reason"]) == (401, "secret_not_for_organization")
    assert len(webhook.aws.messages) == 1


def test_a_secret_bound_to_no_organization_signs_for_all(webhook: Webhook) -> None:
    assert webhook(signed_event(payload(repository=repository("globex/app"))))[0] == 202


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b'"x"', b"7", b"{}", b"\xff\xfe", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1e999}',
        b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' + b"9" * 5000 + b"}", b"payload=%7B%7D", b"\x00" * 1000,
        encode(payload())[:-40], encode({**payload(), "workflow_job": []}),
        encode(payload(repository=repository("acme/../../x"))), encode(payload(job={"id": "9001"})),
    ],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_a_malformed_body_is_answered_400(webhook: Webhook, body: bytes) -> None:
    status, answer = webhook(signed(body))
    assert (status, answer["reason"]) == (400, "malformed")
    assert not webhook.aws.messages


WHOLE = urlencode({"payload": json.dumps(payload())}).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"payload", b"payload=", b"other=1", WHOLE + b"&" + WHOLE, WHOLE.replace(b"build", b"%ff"),
     b"payload=%zz", b"&".join([WHOLE, *(b"a=1" for _ in range(8))]), b"\xff=1&" + WHOLE, WHOLE + b"&stray"],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_a_malformed_form_is_answered_400(webhook: Webhook, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert webhook(signed(WHOLE, **form))[0] == 202
    assert webhook(signed(body, **form))[0] == 400


def test_a_body_that_is_not_base64_as_announced_is_answered_400(webhook: Webhook) -> None:
    event = {**signed_event(payload()), "isBase64Encoded": True}
    assert webhook(event)[0] == 400
    assert webhook({**event, "body": "\ud800", "isBase64Encoded": False})[0] == 400
    spoilt = http_event(encode(payload()), headers(encode(payload())), as_base64=True)
    assert webhook({**spoilt, "body": "!" + spoilt["body"]})[0] == 400  # what a lenient decoder would skip


def test_only_true_announces_base64(webhook: Webhook) -> None:
    for flag in ("false", "true", 1, None, [1]):
        assert webhook({**signed_event(payload()), "isBase64Encoded": flag})[0] == 202


@pytest.mark.parametrize("as_base64", [False, True])
def test_one_mebibyte_is_taken_and_one_byte_more_is_not(webhook: Webhook, as_base64: bool) -> None:
    body = encode(payload(job={"steps": []})).ljust(MIB)
    assert webhook(http_event(body, headers(body), as_base64=as_base64))[0] == 202
    body += b" "
    assert webhook(http_event(body, headers(body), as_base64=as_base64))[0] == 413


def test_a_body_is_measured_in_bytes_not_characters(webhook: Webhook) -> None:
    body = ('"' + "é" * (MIB // 2) + '"').encode()
    assert len(body.decode()) < MIB < len(body)
    assert webhook(http_event(body, headers(body)))[0] == 413


def test_base64_of_a_huge_body_is_refused_before_it_is_decoded(webhook: Webhook) -> None:
    assert webhook({**signed_event(payload()), "isBase64Encoded": True, "body": "!" * (2 * MIB)})[0] == 413


@pytest.mark.parametrize(
    "failure",
    [(500, b""), (503, b"<html>"), (400, b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}'),
     (403, b'{"__type":"AccessDeniedException"}'), (400, b'{"__type":"InvalidMessageContents"}'), (200, b"junk"),
     (429, b"{}"), None],
)  # fmt: skip
def test_a_queue_that_does_not_take_the_event_is_answered_503_and_the_next_delivery_works(
    webhook: Webhook, failure: tuple[int, bytes] | None
) -> None:
    assert webhook(signed_event(payload("completed")))[0] == 202  # secrets are read, connections open
    webhook.aws.failures.extend([failure] * 3)
    status, answer = webhook(signed_event(payload()))
    assert (status, answer["reason"]) == (503, "queue_unavailable")
    assert "sqs SendMessage" in webhook.lines[-1]["fault"]
    assert webhook.lines[-1]["level"] == "ERROR"
    webhook.aws.failures.clear()
    assert webhook(signed_event(payload()))[0] == 202


def test_a_connection_that_went_stale_is_opened_again_unnoticed(webhook: Webhook) -> None:
    webhook(signed_event(payload()))
    webhook.aws.failures.append(None)
    assert webhook(signed_event(payload()))[0] == 202
    assert len(webhook.aws.messages) == 2


def test_connections_are_kept(webhook: Webhook) -> None:
    for _ in range(5):
        assert webhook(signed_event(payload()))[0] == 202
    assert webhook.aws.connections == 2  # one to each service


def test_secrets_that_cannot_be_read_are_answered_503_without_naming_their_place(webhook: Webhook) -> None:
    webhook.aws.secrets.clear()
    status, answer = webhook(signed_event(payload()))
    assert (status, answer["reason"]) == (503, "secrets_unavailable")
    assert "arn:" not in json.dumps(answer)
    assert SECRET_ARN in webhook.lines[-1]["fault"]


@pytest.mark.parametrize("fault", ["no queue", "no configuration", "another version"])
def test_a_function_that_is_not_configured_says_so_in_its_log_alone(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, settings: Any, fault: str
) -> None:
    with monkeypatch.context() as patch:
        if fault == "no queue":
            patch.delenv("SLIPWAY_JOBS_QUEUE_URL")
        else:
            patch.setenv("SLIPWAY_CONFIG", str(settings) if fault == "another version" else "/nowhere.json")
        before = settings.read_text()
        settings.write_text('{"version": 0}')
        assert webhook(signed_event(payload())) == (
            503, {"reason": "not_configured", "detail": webhook.lines[-1]["message"]},
        )  # fmt: skip
        settings.write_text(before)
    assert webhook.lines[-1]["fault"]
    assert webhook(signed_event(payload()))[0] == 202  # nothing of the failure is kept


@pytest.mark.parametrize(
    "event",
    [None, [], "x", 7, {}, {"headers": None}, {"headers": []}, {"headers": {"X-Hub-Signature-256": None}},
     {"body": 7}, {"body": {}}, {"headers": {"x-hub-signature-256": 7}, "body": None}],
    ids=repr,
)  # fmt: skip
def test_an_event_that_api_gateway_would_never_make_is_refused(webhook: Webhook, event: Any) -> None:
    assert webhook(event)[0] == 401


def test_an_unforeseen_exception_is_answered_503_and_logged_without_its_message(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode() -> None:
        raise LookupError(f"quotes a body and {SECRET}")

    with monkeypatch.context() as patch:
        patch.setattr(handler, "ingest_webhook", explode)
        assert webhook(signed_event(payload()))[0] == 503
    line = webhook.lines[-1]
    assert line["exception_name"] == "LookupError"
    assert any("explode" in frame for frame in line["exception_frames"])
    assert SECRET not in webhook.log.getvalue()


def test_each_request_is_one_json_line_with_the_fields_of_powertools(webhook: Webhook) -> None:
    webhook(signed_event(payload()))
    [line] = webhook.lines
    assert line == {
        "level": "INFO", "location": line["location"], "message": "the job event is queued",
        "timestamp": "2026-11-18 11:06:40,000+0000", "service": "webhook", "function_request_id": "",
        "status": 202, "reason": "queued", "delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "event": "workflow_job", "organization": "acme", "repository": "acme/rocket", "action": "queued",
        "job_id": 9001, "run_attempt": 1, "delay_seconds": 5.0,
    }  # fmt: skip


HOSTILE = [
    "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\x1b]0;owned\x07\x1b[2J", "a\r\nSet-Cookie: x=1",
    "::set-output name=x::y", "\u202egnp.exe", "\ud800", "\x00", '{"level":"ERROR"}\n{"forged":true}', "${jndi:ldap}",
    "'; DROP TABLE jobs; --", "../../etc/passwd", "%0d%0a", "\u2028\u2029\x85",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_strings_inert_in_every_sink(webhook: Webhook, text: str) -> None:
    body = encode(payload(job=dict.fromkeys(("name", "workflow_name", "head_branch", "runner_name"), text)))
    head = {**headers(body), "X-GitHub-Delivery": text, "User-Agent": text}
    assert webhook(http_event(body, head))[0] == 202
    assert webhook({**http_event(body, {**head, "X-GitHub-Event": text})})[0] == 200
    for sink in (webhook.log.getvalue(), webhook.aws.messages[0]["MessageBody"]):
        assert sink.isascii()
        assert "\x1b" not in sink
        assert "\\u" not in sink  # nothing that a JSON reader turns back into a control character
    assert len(webhook.log.getvalue().splitlines()) == 3  # a line for each request, and the delay of one
    assert webhook.events[0].get("delivery_id", "") == ""
    for name in ("name", "workflow", "branch"):
        assert webhook.events[0].get(name, "").isprintable()


def test_canary_secrets_absent_from_answers_logs_and_queue(webhook: Webhook) -> None:
    body = encode(payload())
    answers = [
        webhook(signed_event(payload())),
        webhook(signed_event(payload(), secret=BOUND_SECRET)),
        webhook(signed_event(payload(), secret="wrong")),
        webhook(signed(b"{")),
        webhook({"headers": headers(body), "body": base64.b64encode(body).decode()}),
    ]
    webhook.aws.failures.extend(
        [(403, b'{"__type":"SignatureDoesNotMatch","message":"canary-aws-secret-key"}')] * 3
    )
    answers.append(webhook(signed_event(payload())))
    webhook.clock.advance(4000)
    webhook.aws.secrets.clear()
    answers.append(webhook(signed_event(payload())))
    assert [status for status, _ in answers] == [202, 401, 401, 400, 401, 503, 503]
    shown = json.dumps(answers) + webhook.log.getvalue() + json.dumps(webhook.aws.messages)
    derived = [signature(body, secret).removeprefix("sha256=") for secret in (SECRET, BOUND_SECRET)]
    for canary in (*CANARIES, *derived):
        assert canary not in shown
    # AWS itself is sent the session token, never the key.
    assert "canary-aws-secret-key" not in json.dumps(webhook.aws.headers)


def test_no_body_is_ever_logged(webhook: Webhook) -> None:
    marker = "marker-in-a-step-name"
    webhook(signed_event(payload(job={"steps": [{"name": marker}], "name": marker})))
    webhook(signed((marker * 3).encode()))
    webhook(signed(b'{"' + marker.encode() + b'": 1, "x": }'))
    assert marker not in webhook.log.getvalue()
