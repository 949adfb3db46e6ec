"""Reaper function: on a schedule, removes what outlived its use."""

from __future__ import annotations

import functools
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap

logger = Logger(service="reaper")
reap = functools.cache(bootstrap.reap)  # built on first use, kept while warm


@logger.inject_lambda_context
def lambda_handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Make one run; every removal is logged with its reason."""
    reaped = reap()()
    for item in reaped.done:
        logger.info("reaped", what=item.what.value, id=item.id, pool=item.pool, why=item.why)
    for item in reaped.busy:
        logger.info("left, busy", what=item.what.value, id=item.id, pool=item.pool, why=item.why)
    for fault in reaped.errors:
        logger.error("reaping met an error", fault=repr(fault))
    return {"reaped": len(reaped.done), "busy": len(reaped.busy), "errors": len(reaped.errors)}
