"""Webhook function: a signed delivery of GitHub in, a job event on the queue, an answer out."""

from __future__ import annotations

import functools
import json
from typing import Any

from slipway import bootstrap
from slipway.domain.errors import ConfigurationError
from slipway.domain.metric import DELIVERIES_REFUSED, DELIVERY_DELAY
from slipway.services.ingest import Answer, Facts, Request

ingest_webhook = functools.cache(bootstrap.ingest_webhook)  # built on first use, kept while warm
webhook_log = functools.cache(bootstrap.webhook_log)
bootstrap.import_early("webhook")


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one request of an API Gateway HTTP API (payload 2.0 [LAMBDA-HTTP-API-2]).

    It never raises, which would be answered 500 [LAMBDA-HTTP-API-500].
    """
    unforeseen: Exception | None = None
    try:
        answer = ingest_webhook()(_request(event))
    except ConfigurationError as fault:
        answer = _failed("not_configured", {"fault": str(fault)})
    # The last line of defence. 503 and not 4xx: the fault is ours and the delivery may be good, so GitHub
    # must show it as failed and it must be sent again.
    except Exception as fault:  # noqa: BLE001
        answer, unforeseen = _failed("unexpected", {}), fault
    _log(answer, context, unforeseen)
    return {
        "statusCode": answer.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"reason": answer.reason, "detail": answer.detail}),
    }


def _request(event: Any) -> Request:
    event = event if isinstance(event, dict) else {}
    headers, body = event.get("headers"), event.get("body")
    items = headers.items() if isinstance(headers, dict) else ()
    return Request(
        headers={str(name).lower(): value for name, value in items if isinstance(value, str)},
        body=body if isinstance(body, str) else "",
        is_base64=event.get("isBase64Encoded") is True,
    )


def _failed(reason: str, facts: Facts) -> Answer:
    return Answer(503, reason, "the webhook failed; its log says why. Send this delivery again", facts)


def _log(answer: Answer, context: Any, fault: Exception | None) -> None:
    level = "INFO" if answer.status < 300 else "WARNING" if answer.status < 500 else "ERROR"
    facts = {
        "function_request_id": str(getattr(context, "aws_request_id", "")),
        "status": answer.status,
        "reason": answer.reason,
        **answer.facts,
    }
    webhook_log().write(level, answer.detail, facts, fault)
    function_name = str(getattr(context, "function_name", ""))
    if answer.delay_seconds is not None:
        webhook_log().count(DELIVERY_DELAY, answer.delay_seconds, function_name)
    if answer.is_unsigned:
        webhook_log().count(DELIVERIES_REFUSED, 1, function_name)
