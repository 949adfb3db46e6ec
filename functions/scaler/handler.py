"""Scaler function: job events, AWS events and ticks in, converged pools out."""

from __future__ import annotations

import functools
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap, telemetry
from slipway.domain.planner import reasons_count
from slipway.services.converge import Converged

LAST_ROUND_MS = 10_000  # a round that starts with less time left might not end before the deadline

logger = Logger(service="scaler")
metrics = Metrics(namespace=telemetry.NAMESPACE)
scale = functools.cache(bootstrap.scale)  # built on first use, kept while warm
bootstrap.import_early("scaler")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Fold each message, hand back those that failed, then converge the pools that were touched."""
    batch = scale().batch()
    failed: dict[str, Exception] = {}
    # A loop and not Powertools' BatchProcessor, whose import is a tenth of a cold start.
    for record in event["Records"]:
        try:
            batch.fold(record["messageId"], record["eventSourceARN"].rpartition(":")[2], record["body"])
        except Exception as fault:  # noqa: BLE001 - a message that fails costs its neighbours nothing
            failed[record["messageId"]] = fault
    for message_id, outcome in batch.outcomes.items():
        if outcome.startswith("malformed"):
            logger.error("message set aside", message_id=message_id, outcome=outcome)
    for error in failed.values():
        logger.error("message not folded", fault=repr(error))
    time_left = context.get_remaining_time_in_millis
    for done in batch.converge(context.aws_request_id, lambda: time_left() > LAST_ROUND_MS):
        _log(done)
        telemetry.write(
            metrics, context.function_name, telemetry.of_strain(done.strain), **{telemetry.POOL: done.pool}
        )
        telemetry.write(metrics, context.function_name, {telemetry.CONVERGENCES_FAILED: done.failed})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _log(done: Converged) -> None:
    for fault in done.errors:
        logger.error("convergence met an error", pool=done.pool, fault=repr(fault))
    if done.plans:
        logger.info(
            "converged",
            pool=done.pool,
            rounds=len(done.plans),
            started=sum(request.count for plan in done.plans for request in plan.run),
            launched=sum(request.count for plan in done.plans for request in plan.launch),
            started_instances=sum(request.count for plan in done.plans for request in plan.start),
            drained=sum(len(plan.drain) for plan in done.plans),
            replaced=sum(len(plan.replace) for plan in done.plans),
            retired=sum(len(plan.retire) for plan in done.plans),
            set_aside=dict(done.plans[-1].set_aside),
            waiting=dict(reasons_count(done.plans[-1].reasons.items())),
        )
