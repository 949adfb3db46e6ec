"""The functions' log lines that dashboards read: the message of each, and the fields that it has."""

from __future__ import annotations

from collections.abc import Mapping

from slipway import telemetry
from slipway.domain.milestones import JobCompleted, JobFacts, JobStarted
from slipway.domain.phases import PHASES
from slipway.domain.reasons import Why

JOB_STARTED, JOB_COMPLETED, CONVERGED = "job started", "job completed", "converged"

_FACTS = JobFacts("acme/1-1", 1, "acme", "acme/one", "CI", "build", "medium", "general", "slipway-medium-1")

LOG_LINES: Mapping[str, frozenset[str]] = {
    JOB_STARTED: frozenset(
        telemetry.fields_of_started(JobStarted(_FACTS, 1.0, dict.fromkeys(PHASES, 1.0)))
    ),
    JOB_COMPLETED: frozenset(telemetry.fields_of_completed(JobCompleted(_FACTS, "success", 1.0))),
    # What the scaler's handler writes itself; a test reads it from there.
    CONVERGED: frozenset(
        {
            "pool", "rounds", "started", "launched", "started_instances", "drained", "replaced", "retired", "set_aside",
            *(f"waiting.{why}" for why in Why),
        }
    ),
}  # fmt: skip

# Every line has these: the functions' own, and what Logs Insights adds.
OF_EVERY_LINE = frozenset({"level", "message", "@timestamp", "@message", "@log"})
