"""Redelivery function: on a schedule, repairs what webhooks and instances lost."""

from __future__ import annotations

import functools
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap, telemetry
from slipway.services.repair import Repaired

# A step may find an installation, make its token, keep it and call: ten seconds each for GitHub, four for the store.
LAST_STEP_MS = 35_000

logger = Logger(service="redelivery")
metrics = Metrics(namespace=telemetry.NAMESPACE)
repair = functools.cache(bootstrap.repair)  # built on first use, kept while warm
bootstrap.import_early("redelivery")


@logger.inject_lambda_context
def lambda_handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Make one run."""
    time_left = context.get_remaining_time_in_millis
    repaired = repair()(lambda: time_left() > LAST_STEP_MS)
    _log(repaired)
    counts = {
        telemetry.JOBS_FOUND: len(repaired.found),
        telemetry.FAILED_DELIVERIES: repaired.resent,
        telemetry.REPAIR_ERRORS: len(repaired.errors),
    }
    telemetry.write(metrics, context.function_name, counts)
    return {
        "resent": repaired.resent,
        "found": len(repaired.found),
        "errors": len(repaired.errors),
    }


def _log(repaired: Repaired) -> None:
    for item in repaired.settled:
        logger.info(
            "run again" if item.was_run_again else "not run again",
            job=str(item.interruption.job),
            repository=item.interruption.repository,
            why=item.why,
        )
    logger.info("redelivered", resent=repaired.resent)
    for job in repaired.found:
        logger.info(
            "found a job that no webhook told of",
            job_id=job.job_id,
            run_attempt=job.run_attempt,
            repository=job.repository,
            waited_seconds=round(job.received_at - job.queued_at),
        )
    logger.info("swept", calls=repaired.sweep_calls, found=len(repaired.found))
    for fault in repaired.errors:
        logger.error("repair met an error", fault=repr(fault))
