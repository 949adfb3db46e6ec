"""Environments function: wake-ups of pull requests in, environments as they should be out. Optional."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap
from slipway.services.environments.receive import Received

LAST_STEP_MS = 30_000  # making one environment is six calls, of which one may hang for 16 s, and be recorded

logger = Logger(service="environments")
reconcile_environments = functools.cache(
    bootstrap.reconcile_environments
)  # built on first use, kept while warm
bootstrap.import_early("environments")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Look at what the messages ask for; hand back those that a newer version of this function must read."""
    time_left = context.get_remaining_time_in_millis
    bodies = {record["messageId"]: record["body"] for record in event["Records"]}
    received = reconcile_environments()(bodies, context.aws_request_id, lambda: time_left() > LAST_STEP_MS)
    _log(received)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in received.failed]}


def _log(received: Received) -> None:
    for message_id, why in received.set_aside.items():
        logger.error("message set aside", message_id=message_id, outcome=why)
    done = received.reconciled
    for fault in done.errors:
        logger.error("reconciliation met an error", fault=repr(fault))
    logger.info(
        "reconciled",
        made=done.made,
        removed=done.removed,
        errors=len(done.errors),
        reasons=dict(Counter(why.value for why in done.reasons.values())),
    )
