"""Webhooks lost at every level and from every kind of hook: what repairs it, how late, and what nothing repairs.

Everything here is model time on the virtual clock; nothing is this machine's. Run with ``make bench`` or
``python -m tests.bench.lost_webhooks``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection
from statistics import median
from typing import Any

from slipway.domain.configuration import Registration
from slipway.domain.jobs import JobState
from tests.bench.sweep_visits import CASES as VISITS
from tests.bench.sweep_visits import visits
from tests.support.lost_webhooks import Drill, Outcome, play, play_losing, play_outage

ENTERPRISE, ORGANIZATION, REPOSITORY = Registration
FIFTH = 0.2
DRILLS = (
    Drill(ENTERPRISE, "enterprise", failed=FIFTH),
    Drill(ENTERPRISE, "enterprise", failed=FIFTH, sweep_calls_per_hour=1_000),
    Drill(ENTERPRISE, "enterprise", never_sent=FIFTH, sweep_calls_per_hour=1_000),
    Drill(ENTERPRISE, "app", failed=FIFTH),
    Drill(ORGANIZATION, "app", failed=FIFTH),
    Drill(REPOSITORY, "app", failed=FIFTH),
    Drill(ORGANIZATION, "organization", failed=FIFTH),
    Drill(ORGANIZATION, "app", never_sent=FIFTH),
    Drill(ORGANIZATION, "app", never_sent=FIFTH, sweep_calls_per_hour=1_000),
    Drill(REPOSITORY, "app", never_sent=FIFTH, sweep_calls_per_hour=1_000),
    Drill(ORGANIZATION, "organization", never_sent=FIFTH, sweep_calls_per_hour=300, by_schedule=True),
)
LOST: tuple[tuple[str, ...], ...] = ((), ("in_progress",), ("completed",), ("in_progress", "completed"))
OUTAGES = ((ORGANIZATION, "app", 60), (ORGANIZATION, "app", 600), (ORGANIZATION, "organization", 60))


def main() -> None:
    """Measure and print tables and one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.lost_webhooks")
    parser.add_argument(
        "--json", action="store_true", help="for the other benchmarks; this one always prints it"
    )
    parser.parse_args()
    results = {
        "lost": [printed(drilled(drill)) for drill in DRILLS],
        "later_events": [printed(without(actions)) for actions in LOST],
        "outages": [printed(after(*outage)) for outage in OUTAGES],
        "visits": [printed(visits(*case)) for case in VISITS],
    }
    print(json.dumps(results))


def printed(row: dict[str, Any]) -> dict[str, Any]:
    """Print a row of a table, and return it."""
    print("  ".join(f"{name} {value}" for name, value in row.items()))
    return row


def drilled(drill: Drill) -> dict[str, Any]:
    """Play one drill."""
    outcome = play(drill)
    return {
        "registration": drill.registration.value,
        "hook": drill.hook,
        "lost": "failed" if drill.failed else "never sent",
        "sweep_calls_per_hour": drill.sweep_calls_per_hour,
        "by_schedule": drill.by_schedule,
        "jobs": drill.jobs,
        "told": len(outcome.told),
        "resent": _known(outcome.resent),
        "found": _known(outcome.found),
        "still_waiting": len(outcome.waiting),
    }


def without(actions: Collection[str]) -> dict[str, Any]:
    """Lose every later event of a kind, of jobs that were told of; look an hour after the last has ended."""
    outcome, slots_free_after = play_losing(actions)
    outcome.deployment.clock.advance(3_600.0)
    return {
        "lost": " and ".join(actions) or "nothing",
        "jobs": len(outcome.jobs),
        "succeeded": sum(job.conclusion == "success" for job in outcome.jobs),
        "runners_started": outcome.runners,
        "all_gone_after_seconds": slots_free_after,
        "ledger_says": {state.value: outcome.recorded(state) for state in JobState},
    }


def after(registration: Registration, hook: str, jobs: int) -> dict[str, Any]:
    """Let the webhook be dead for an hour."""
    outcome, calls = play_outage(registration, hook, jobs)
    return {
        "hook": hook,
        "jobs_in_an_hour": jobs,
        "all_known_after_seconds": _longest(outcome),
        "github_calls_to_repair": calls,
    }


def _longest(outcome: Outcome) -> int:
    return round(max(outcome.resent.values()))


def _known(waits: dict[int, float]) -> dict[str, int]:
    seconds = list(waits.values())
    return {
        "jobs": len(seconds),
        "median_seconds": round(median(seconds)) if seconds else 0,
        "longest_seconds": round(max(seconds, default=0)),
    }


if __name__ == "__main__":
    main()
