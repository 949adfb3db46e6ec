"""Scaler function: job events, AWS events and ticks in, converged pools out."""

from __future__ import annotations

import functools
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap, telemetry
from slipway.domain.planner import reasons_count
from slipway.services.converge import Converged
from slipway.services.scale import Batch

# A call to ECS or EC2 of a round's may hang this long, and what came of it is to be recorded before the deadline:
# a round that is cut off keeps its pool's lease.
LAST_ROUND_MS = 25_000

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
    # Before converging, which the deadline may cut short: what is news is news once.
    _tell_jobs(batch, context.function_name)
    time_left = context.get_remaining_time_in_millis

    def has_time() -> bool:
        return time_left() > LAST_ROUND_MS

    for done in batch.converge(context.aws_request_id, has_time):
        _log(done)
        _count(done, context.function_name)
    for refusal in batch.tag(has_time):
        logger.info("task not tagged", fault=repr(refusal))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _tell_jobs(batch: Batch, function_name: str) -> None:
    for job in batch.started:
        logger.info("job started", **telemetry.fields_of_started(job))
    for ended in batch.completed:
        logger.info("job completed", **telemetry.fields_of_completed(ended))
    for profile, values in telemetry.of_jobs(batch.started, batch.completed).items():
        telemetry.write(metrics, function_name, values, **{telemetry.PROFILE: profile})
    for organization, jobs in batch.by_organization().items():
        waits = {telemetry.JOB_QUEUE_DURATION: [job.queue_seconds for job in jobs]}
        telemetry.write(metrics, function_name, waits, **{telemetry.ORGANIZATION: organization})


def _count(done: Converged, function_name: str) -> None:
    values = {
        **telemetry.of_gauges(done.gauges),
        **telemetry.of_launches(done.launches),
        **telemetry.of_strain(done.strain),
    }
    telemetry.write(metrics, function_name, values, **{telemetry.POOL: done.pool})
    telemetry.write(metrics, function_name, {telemetry.CONVERGENCES_FAILED: done.failed})


def _log(done: Converged) -> None:
    for fault in done.errors:
        logger.error("convergence met an error", pool=done.pool, fault=repr(fault))
    for launch in done.launches:
        for line in telemetry.lines_of_launch(launch):
            logger.info(line.message, pool=done.pool, **line.fields)
    if done.plans:
        logger.info(
            "converged",
            pool=done.pool,
            rounds=len(done.plans),
            started=sum(request.count for plan in done.plans for request in plan.run),
            launched=sum(launch.count for launch in done.launches if not launch.is_start),
            started_instances=sum(launch.count for launch in done.launches if launch.is_start),
            drained=sum(len(plan.drain) for plan in done.plans),
            replaced=sum(len(plan.replace) for plan in done.plans),
            retired=sum(len(plan.retire) for plan in done.plans),
            set_aside=dict(done.plans[-1].set_aside),
            waiting=dict(reasons_count(done.plans[-1].reasons.items())),
        )
