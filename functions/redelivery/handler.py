"""Redelivery function: on a schedule, asks GitHub to send failed webhook deliveries again."""

from __future__ import annotations

import functools
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap

logger = Logger(service="redelivery")
redeliver = functools.cache(bootstrap.redeliver)  # built on first use, kept while warm


@logger.inject_lambda_context
def lambda_handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Make one run."""
    redelivered = redeliver()()
    for fault in redelivered.errors:
        logger.error("redelivery met an error", fault=repr(fault))
    logger.info("redelivered", resent=redelivered.resent)
    return {"resent": redelivered.resent, "errors": len(redelivered.errors)}
