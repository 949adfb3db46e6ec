"""The functions' log lines that dashboards read: the message of each, and the fields that it has."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.domain.reasons import Why

JOB_STARTED, JOB_COMPLETED, CONVERGED = "job started", "job completed", "converged"
PHASES = ("webhook", "room", "start", "claim", "pickup")  # a job's wait, in the order in which it goes by

LOG_LINES: Mapping[str, frozenset[str]] = {
    JOB_STARTED: frozenset(
        {
            "job", "run_id", "organization", "repository", "workflow", "name", "profile", "pool", "runner",
            "wait_seconds",
            *(f"phases.{phase}" for phase in PHASES),
        }
    ),
    JOB_COMPLETED: frozenset(
        {"job", "organization", "repository", "workflow", "profile", "pool", "conclusion", "seconds"}
    ),
    CONVERGED: frozenset({"pool", "rounds", "started", "launched", *(f"waiting.{why}" for why in Why)}),
}  # fmt: skip

# Every line has these: the functions' own, and what Logs Insights adds.
OF_EVERY_LINE = frozenset({"level", "message", "@timestamp", "@message", "@log"})
