"""Where to look when a demo is over: jobs that are worth a question, and the command that asks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from local.demo.scenario import Scenario
from local.twin.github.model import WorkflowJob


@dataclass(frozen=True, slots=True)
class WorthAsking:
    """A job, and what makes it interesting."""

    job_id: int
    why: str


def worth_asking(scenario: Scenario) -> tuple[WorthAsking, ...]:
    """Return a job of each kind that there was; the caller holds the lock."""
    return tuple(_worth_asking(scenario))


def _worth_asking(scenario: Scenario) -> Iterator[WorthAsking]:
    waiting = [job for job in scenario.served if job.status == "queued"]
    if waiting:
        yield WorthAsking(waiting[0].id, "still waits")
    started = [
        job for job in scenario.served if job.status == "completed" and job.id not in scenario.cancelled
    ]
    if started:
        yield WorthAsking(max(started, key=lambda job: (_wait(job), job.id)).id, "waited longest")
    if scenario.cancelled:
        yield WorthAsking(min(scenario.cancelled), "was cancelled while it waited")
    if scenario.hosted:
        yield WorthAsking(scenario.hosted[0].id, "was refused: no profile serves its labels")
    if scenario.thieves:
        yield WorthAsking(scenario.thieves[0].id, "was refused, and took a runner made for another")


def how_to_ask(ledger: Path | None, logs: str | None) -> str:
    """Return the command that tells a job's story; without a ledger and logs, how to keep them."""
    if ledger is None or logs is None:
        return "slipway demo --keep-ledger ledger.jsonl --keep-logs logs"
    kept = f"--ledger {quote(str(ledger))} --config {quote(f'{logs}/slipway.yaml')} --logs {quote(logs)}"
    return f"slipway explain JOB {kept}"


def _wait(job: WorkflowJob) -> float:
    if job.now.started_at is None or job.queued_at is None:
        return 0.0
    return job.now.started_at - job.queued_at
