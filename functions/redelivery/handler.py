"""Redelivery function: on a schedule, repairs what webhooks and instances lost."""

from __future__ import annotations

import functools
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap

logger = Logger(service="redelivery")
redeliver = functools.cache(bootstrap.redeliver)  # built on first use, kept while warm
rerun = functools.cache(bootstrap.rerun)
sweep = functools.cache(bootstrap.sweep)


@logger.inject_lambda_context
def lambda_handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Make one run of each; the interrupted jobs come first, because nothing at GitHub fails their run."""
    _run_again()
    redelivered = redeliver()()
    logger.info("redelivered", resent=redelivered.resent)
    swept = sweep()()
    for job in swept.found:
        logger.info(
            "found a job that no webhook told of",
            job_id=job.job_id,
            run_attempt=job.run_attempt,
            repository=job.repository,
            waited_seconds=round(job.received_at - job.queued_at),
        )
    logger.info("swept", calls=swept.calls, found=len(swept.found))
    errors = redelivered.errors + swept.errors
    for fault in errors:
        logger.error("repair met an error", fault=repr(fault))
    return {"resent": redelivered.resent, "found": len(swept.found), "errors": len(errors)}


def _run_again() -> None:
    reran = rerun()()
    for item in reran.settled:
        logger.info(
            "run again" if item.was_run_again else "not run again",
            job=str(item.interruption.job),
            repository=item.interruption.repository,
            why=item.why,
        )
    for fault in reran.errors:
        logger.error("running jobs again met an error", fault=repr(fault))
