"""Reach function: asks, from the subnets that it was put into, whether names resolve and ports accept. Optional."""

from __future__ import annotations

from typing import Any

from slipway import bootstrap
from slipway.domain.probe_targets import wanted

LAST_ANSWER_MS = 1_000  # what is left for the answer itself

bootstrap.import_early("reach")


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer, for each target ``{"host", "port"}``, what DNS and a TCP connection said and how long they took."""
    targets = wanted(event)
    if isinstance(targets, str):
        return {"fault": targets}
    seconds = (context.get_remaining_time_in_millis() - LAST_ANSWER_MS) / 1000
    return {"targets": bootstrap.probe()(targets, seconds)}
