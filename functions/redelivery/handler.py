"""Redelivery function: on a schedule, asks GitHub for failed webhook deliveries and interrupted jobs again."""

from __future__ import annotations

import functools
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap

logger = Logger(service="redelivery")
redeliver = functools.cache(bootstrap.redeliver)  # built on first use, kept while warm
rerun = functools.cache(bootstrap.rerun)


@logger.inject_lambda_context
def lambda_handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Make one run of each; the interrupted jobs come first, because nothing at GitHub fails their run."""
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
    redelivered = redeliver()()
    for fault in redelivered.errors:
        logger.error("redelivery met an error", fault=repr(fault))
    logger.info("redelivered", resent=redelivered.resent)
    return {"resent": redelivered.resent, "errors": len(redelivered.errors)}
