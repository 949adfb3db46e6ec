"""The environments function's handler, and the webhook where environments are configured and where they are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from functions.environments import handler
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.pulls import (
    ACTIONS,
    SWEEP_MESSAGE,
    PullRequestEvent,
    encode_pull_request_event,
    repositories_of,
)
from slipway.domain.environments.reasons import Why
from slipway.domain.errors import MalformedError, UnavailableError
from slipway.services.environments.intake import PullRequestIntake
from slipway.services.environments.receive import Received
from slipway.services.environments.reconcile import Reconciled
from slipway.services.ingest import Answer, Ingest, Request
from tests.deliveries import BOUND_SECRET, NOW, SECRET, SECRETS, configuration, encode, headers, repository
from tests.fakes.clock import ManualClock
from tests.fakes.job_queue import MemoryJobQueue
from tests.fakes.secret_store import MemorySecrets
from tests.support.environments import settings

KNOWN = {"acme/web": "web", "acme/api": "api"}


@dataclass
class MemoryQueue:
    """Implements ``ports.pull_requests.PullRequestQueue``."""

    events: list[PullRequestEvent] = field(default_factory=list)
    next_error: Exception | None = None

    def send(self, event: PullRequestEvent) -> None:
        if self.next_error is not None:
            raise self.next_error
        self.events.append(event)


def a_payload(action: str = "opened", name: str = "acme/web", **changes: Any) -> dict[str, Any]:
    pull = {"number": 12, "head": {"ref": "x" * 5_000}, "body": "never read"}
    return {"action": action, "pull_request": pull, "repository": repository(name), **changes}


def answer(
    payload: Any, queue: MemoryQueue | None, *, event: str = "pull_request", secret: str = SECRET
) -> Answer:
    clock = ManualClock(NOW)
    intake = PullRequestIntake(settings(), queue, clock) if queue is not None else None
    ingest = Ingest(configuration(), MemorySecrets(dict(SECRETS)), MemoryJobQueue(), clock, intake)
    body = encode(payload)
    head = {name.lower(): value for name, value in headers(body, event=event, secret=secret).items()}
    return ingest(Request(head, body.decode()))


def test_without_the_section_a_pull_request_is_another_event() -> None:
    assert (answer(a_payload(), None).status, answer(a_payload(), None).reason) == (200, "other_event")


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_an_event_of_a_configured_repository_is_queued_with_nothing_but_where_to_look(action: str) -> None:
    queue = MemoryQueue()
    assert answer(a_payload(action, "Acme/Web"), queue).status == 202
    (event,) = queue.events
    assert (event.action, event.repository, event.number) == (action, "Acme/Web", 12)
    assert len(encode_pull_request_event(event)) < 250
    assert repositories_of(encode_pull_request_event(event), KNOWN) == {"acme/web"}


@pytest.mark.parametrize(
    ("payload", "status", "reason"),
    [
        (a_payload("assigned"), 200, "unknown_action"),
        (a_payload(name="acme/other"), 200, "no_environments"),
        (a_payload(name="acme/web\n"), 400, "malformed"),
        ({**a_payload(), "pull_request": {"number": "12"}}, 400, "malformed"),
        ({**a_payload(), "pull_request": {"number": 0}}, 400, "malformed"),
        ({**a_payload(), "action": None}, 400, "malformed"),
    ],
)
def test_what_changes_no_environment_or_is_not_what_github_sends_is_not_queued(
    payload: Any, status: int, reason: str
) -> None:
    queue = MemoryQueue()
    found = answer(payload, queue)
    assert (found.status, found.reason, queue.events) == (status, reason, [])


def test_a_forged_or_foreign_signature_is_refused_before_anything_is_read() -> None:
    queue = MemoryQueue()
    assert answer(a_payload(), queue, secret="forged").status == 401
    assert answer(a_payload(), queue, secret=BOUND_SECRET).reason == "secret_not_for_organization"
    assert queue.events == []


def test_a_queue_that_does_not_answer_makes_github_show_a_failure() -> None:
    queue = MemoryQueue(next_error=UnavailableError("no"))
    assert answer(a_payload(), queue).status == 503


def test_jobs_are_taken_as_before_beside_pull_requests() -> None:
    assert answer({"zen": "x"}, MemoryQueue(), event="ping").reason == "ping"
    assert answer(a_payload(), MemoryQueue(), event="issues").reason == "other_event"


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (SWEEP_MESSAGE, {"acme/web", "acme/api"}),
        ('{"slipway":"look"}', set()),
        ('{"source":"aws.ecr","detail":{"repository-name":"api"}}', {"acme/api"}),
        ('{"source":"aws.ecr","detail":null}', set()),
        ('{"version":1,"repository":"gone/away"}', set()),
    ],
)
def test_a_message_names_where_to_look(body: str, asked: set[str]) -> None:
    assert repositories_of(body, KNOWN) == asked


@pytest.mark.parametrize(
    "body", ["[]", "x", "{}", '{"version":1}', '{"version":true,"repository":"acme/web"}']
)
def test_a_message_of_nobody_is_malformed(body: str) -> None:
    with pytest.raises(MalformedError):
        repositories_of(body, KNOWN)


def test_a_message_of_a_newer_version_waits_for_a_newer_function() -> None:
    with pytest.raises(UnavailableError):
        repositories_of('{"version":2,"repository":"acme/web"}', KNOWN)


@dataclass
class Context:
    """What Powertools asks of Lambda's context."""

    function_name: str = "slipway-environments"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:111122223333:function:slipway-environments"
    aws_request_id: str = "8d0c"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def test_the_handler_passes_bodies_on_hands_back_what_failed_and_logs_the_reasons(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given: list[Any] = []

    def receive(bodies: Any, token: str, has_time: Any) -> Received:
        given.append((bodies, token, has_time()))
        reasons = {EnvironmentKey("acme/web", 1): Why.READY}
        done = Reconciled(reasons, made=1, errors=[UnavailableError("GitHub is away")])
        return Received(("2",), {"3": "not ours"}, done)

    monkeypatch.setattr(handler, "reconcile_environments", lambda: receive)
    records = [{"messageId": "1", "body": "one"}, {"messageId": "2", "body": "two"}]
    back = handler.lambda_handler({"Records": records}, Context())  # type: ignore[arg-type]
    assert back == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert given == [({"1": "one", "2": "two"}, "8d0c", False)]
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR", "INFO"]
    assert vars(caplog.records[-1])["reasons"] == {"ready": 1}
