"""Reaper function: on a schedule, removes what outlived its use, and tells what is not as it should be."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap, telemetry
from slipway.domain.findings import Reap
from slipway.services.reap import Reaped

LAST_REMOVAL_MS = 25_000  # a call of a removal may hang as long, at ECS or EC2 longest, and be recorded

logger = Logger(service="reaper")
metrics = Metrics(namespace=telemetry.NAMESPACE)
reap = functools.cache(bootstrap.reap)  # built on first use, kept while warm
diagnose = functools.cache(bootstrap.diagnose)
bootstrap.import_early("reaper")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Make one run, or with ``{"dry_run": true}`` only say what it would remove; each with its reason.

    With ``{"diagnose": true}`` it makes none, and tells what GitHub has of our runner groups.
    """
    if event.get("diagnose") is True:
        return asdict(diagnose()(lambda: context.get_remaining_time_in_millis() > LAST_REMOVAL_MS))
    is_dry_run = event.get("dry_run") is True
    time_left = context.get_remaining_time_in_millis
    reaped = reap()(is_dry_run=is_dry_run, has_time=lambda: time_left() > LAST_REMOVAL_MS)
    _log_reaps(reaped, is_dry_run=is_dry_run)
    for fault in reaped.errors:
        logger.error("reaping met an error", code="reaper_error", fault=repr(fault))
    for notice in reaped.notices:
        write = {"error": logger.error, "warning": logger.warning, "info": logger.info}[notice.code.level]
        write("notice", code=notice.code.value, id=notice.id, pool=notice.pool, why=notice.why)
    if not is_dry_run:
        _count(reaped, context.function_name)
    parts = ("found", "done", "busy", "left", "notices", "errors")
    counts = {part: len(getattr(reaped, part)) for part in parts}
    return {"reaped": counts.pop("done"), **counts}


def _log_reaps(reaped: Reaped, *, is_dry_run: bool) -> None:
    def write(message: str, code: str, reaps: Iterable[Reap]) -> None:
        for found in reaps:
            logger.info(
                message, code=code, what=found.what.value, id=found.id, pool=found.pool, why=found.why
            )

    write("would reap", "would_reap", reaped.found if is_dry_run else ())
    write("reaped", "reaped", reaped.done)
    write("left, busy", "left_busy", reaped.busy)
    write("left to the next run", "left_to_next_run", reaped.left)


def _count(reaped: Reaped, function_name: str) -> None:
    """Count what was removed and what alarms rest on: each notice once, and the errors of the run."""
    noted = Counter(
        telemetry.COUNTED[notice.code] for notice in reaped.notices if notice.code in telemetry.COUNTED
    )
    counts = {telemetry.REAPED: len(reaped.done), telemetry.REAPER_ERRORS: len(reaped.errors)}
    telemetry.write(metrics, function_name, {**noted, **counts})
