"""Webhook in, job event out: the only thing the webhook function does."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from slipway.domain import strict_json
from slipway.domain.admission import admit
from slipway.domain.configuration import Configuration, WebhookSecret
from slipway.domain.delivery import (
    Ignored,
    IgnoreReason,
    RepositoryName,
    read_workflow_job,
    readable_delivery_id,
    repository_of,
)
from slipway.domain.errors import MalformedError, SlipwayError
from slipway.domain.jobs import JobEvent, JobState
from slipway.domain.signature import readable
from slipway.domain.text import inert
from slipway.ports.clock import Clock
from slipway.ports.queue import JobQueue
from slipway.ports.secrets import Secrets
from slipway.services.webhook_secrets import WebhookSecrets

MAX_BODY_BYTES = 1024 * 1024
_MAX_BASE64_LENGTH = (MAX_BODY_BYTES + 2) // 3 * 4
Facts = dict[str, str | int | float | list[str]]
_UNSIGNED = ("signature_missing", "signature_mismatch")
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as API Gateway hands it over; header names lower-case, the body maybe base64."""

    headers: Mapping[str, str]
    body: str
    is_base64: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub is told: HTTP status, reason code, sentence; ``facts`` are for the log alone.

    ``facts`` hold inert strings, and for 503 the fault, which may name a place (ARN, account) of ours.
    ``delay_seconds``: how long a ``queued`` event that is on the queue now was on its way here.
    """

    status: int
    reason: str
    detail: str
    facts: Mapping[str, str | int | float | list[str]] = field(default_factory=dict)
    delay_seconds: float | None = None

    @property
    def is_unsigned(self) -> bool:
        """Say whether no webhook secret of ours signed the delivery."""
        return self.reason in _UNSIGNED


class _Stop(Exception):  # noqa: N818 - control flow, not an error: it carries the answer
    def __init__(self, status: int, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.answer = (status, reason, detail)


class Ingest:
    """Checks a delivery, reads it, and puts a job event on the queue if a profile serves the job."""

    def __init__(
        self,
        configuration: Configuration,
        secrets: Secrets,
        queue: JobQueue,
        clock: Clock,
        pull_requests: Callable[[Any, Facts], tuple[int, str, str]] | None = None,
    ) -> None:
        """Take ``pull_requests`` for deliveries of that event; without it they are of no use."""
        self._configuration = configuration
        self._secrets = WebhookSecrets(configuration.github.webhook_secrets, secrets, clock)
        self._queue = queue
        self._clock = clock
        self._pull_requests = pull_requests

    def __call__(self, request: Request) -> Answer:
        """Answer a delivery: 202 queued, 200 ignored, or why not (400, 401, 413, 503).

        Nothing of the body is interpreted before its signature is verified [GH-HOOK-SIGNATURE].
        """
        facts: Facts = {
            "delivery": readable_delivery_id(request.headers.get("x-github-delivery", "")),
            "event": inert(request.headers.get("x-github-event", ""), 40),
        }
        try:
            status, reason, detail = self._receive(request, facts)
        except _Stop as stop:
            status, reason, detail = stop.answer
        except MalformedError as fault:
            status, reason, detail = 400, "malformed", str(fault)
        delay = facts.get("delay_seconds")
        return Answer(status, reason, detail, facts, delay if isinstance(delay, float) else None)

    def _receive(self, request: Request, facts: Facts) -> tuple[int, str, str]:
        raw = _raw_body(request)
        signers = self._signers(request, raw, facts)
        kind = request.headers.get("x-github-event")
        if kind == "ping":
            return 200, IgnoreReason.PING, "pong"
        pull_requests = self._pull_requests if kind == "pull_request" else None
        if kind != "workflow_job" and pull_requests is None:
            return 200, IgnoreReason.OTHER_EVENT, "only workflow_job events are of use here"
        payload = _payload(raw, request.headers.get("content-type", ""))
        repository = repository_of(payload)
        facts |= {"organization": repository.owner, "repository": str(repository)}
        _check_binding(signers, repository)
        if pull_requests is not None:
            return pull_requests(payload, facts)
        event = read_workflow_job(payload, self._clock.now(), str(facts["delivery"]))
        return self._settle(event, facts)

    def _signers(self, request: Request, raw: bytes, facts: Facts) -> tuple[WebhookSecret, ...]:
        signature = request.headers.get("x-hub-signature-256", "")
        if not readable(signature):
            raise _Stop(401, "signature_missing", "no X-Hub-Signature-256 header in GitHub's form")
        try:
            signers = self._secrets.signers(raw, signature)
        except SlipwayError as fault:
            facts["fault"] = str(fault)
            raise _Stop(
                503, "secrets_unavailable", "a webhook secret cannot be read; send this again"
            ) from fault
        if not signers:
            raise _Stop(401, "signature_mismatch", "no webhook secret made this signature")
        return signers

    def _settle(self, event: JobEvent | Ignored, facts: Facts) -> tuple[int, str, str]:
        if isinstance(event, Ignored):
            return 200, event.code, event.detail
        facts |= {"action": event.action, "job_id": event.job_id, "run_attempt": event.run_attempt}
        refusal = admit(event, self._configuration, event.received_at)
        if refusal:
            # By them `slipway explain` tells which profile is the nearest.
            facts["labels"] = list(event.labels)
            return 200, refusal.code, refusal.detail
        try:
            self._queue.send(event)
        # Whatever went wrong, even an unknown outcome: GitHub shows the delivery as failed, it is sent again,
        # and the ledger takes the same event twice [GH-WJ-11].
        except SlipwayError as fault:
            facts["fault"] = str(fault)
            return 503, "queue_unavailable", "the queue did not take the event; send this again"
        if event.action is JobState.QUEUED and event.created_at is not None:
            facts["delay_seconds"] = round(max(0.0, event.received_at - event.created_at), 3)
        return 202, "queued", "the job event is queued"


def _raw_body(request: Request) -> bytes:
    """Return the bytes that GitHub signed. The size is checked before they are decoded, and after."""
    limit = _MAX_BASE64_LENGTH if request.is_base64 else MAX_BODY_BYTES
    if len(request.body) > limit:
        raise _Stop(413, "too_large", "the body is larger than 1 MiB")
    try:
        if request.is_base64:
            raw = base64.b64decode(request.body, validate=True)
        else:
            raw = request.body.encode("utf-8")
    except (binascii.Error, ValueError) as fault:
        raise MalformedError("the body is neither base64 nor text as announced") from fault
    if len(raw) > MAX_BODY_BYTES:
        raise _Stop(413, "too_large", "the body is larger than 1 MiB")
    return raw


def _payload(raw: bytes, content_type: str) -> Any:
    try:
        text = raw.decode("utf-8")
        if content_type.partition(";")[0].strip().lower() == _FORM:
            text = _form_field(text)
    except ValueError as fault:
        raise MalformedError("the body is not UTF-8, or not a form with one payload field") from fault
    return strict_json.loads(text)


def _form_field(text: str) -> str:
    """Return the ``payload`` field of a form-encoded delivery [GH-HOOK-FORM]."""
    values = parse_qs(text, strict_parsing=True, max_num_fields=8, errors="strict").get("payload", [])
    if len(values) != 1:
        raise MalformedError("the form does not have exactly one payload field")
    return values[0]


def _check_binding(signers: tuple[WebhookSecret, ...], repository: RepositoryName) -> None:
    """Refuse a delivery whose secret may not speak for its organization: its owner made it up."""
    owner = repository.owner.lower()
    for signer in signers:
        if not signer.organizations or owner in (name.lower() for name in signer.organizations):
            return
    raise _Stop(401, "secret_not_for_organization", "the secret is bound to other organizations")
