"""How often the sweep comes by: by repositories of each age, and calls an hour. Part of ``lost_webhooks``."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from local.twin.http.aws import AwsServer
from slipway.services.sweep import Sweep
from tests.builders import NOW, a_configuration, a_github
from tests.contract.ledger_cases import ledger_case
from tests.fakes.clock import ManualClock
from tests.fakes.job_queue import MemoryJobQueue
from tests.fakes.queued_jobs import FakeQueuedJobs, repository

HOUR, DAY = 3_600.0, 86_400.0
#: Repositories pushed to within the hour, the day, and before; calls an hour.
CASES = ((5, 20, 75, 600), (20, 80, 400, 1_000), (20, 80, 400, 5_000), (50, 250, 1_700, 5_000))
_MINUTES = 6 * 60


def visits(fresh: int, active: int, quiet: int, calls_per_hour: int) -> dict[str, Any]:
    """Sweep for six hours, or until the quiet ones were seen twice; return the longest time between two visits."""
    github, clock = FakeQueuedJobs(), ManualClock(NOW)
    ages = ["fresh"] * fresh + ["active"] * active + ["quiet"] * quiet
    pushed = {"fresh": 0.0, "active": -2.0 * HOUR, "quiet": -90.0 * DAY}
    names = {f"acme/{age}-{n}": age for n, age in enumerate(ages)}
    seen: dict[str, list[float]] = {name: [] for name in names}

    def push() -> None:
        """Let those that are active stay so."""
        github.repositories_of["acme"] = [
            repository(name, number, clock.now() + pushed[age])
            for number, (name, age) in enumerate(names.items())
        ]

    with ledger_case("twin", _no_server) as case:
        configuration = a_configuration(github=a_github(sweep_calls_per_hour=calls_per_hour))
        ledger = case.ledger
        sweep = Sweep(configuration, github, ledger.jobs, ledger.housekeeping, MemoryJobQueue(), clock)
        push()
        for _ in range(_MINUTES):
            sweep()
            for name in github.visited:
                seen[name].append(clock.now())
            github.visited.clear()
            clock.advance(60.0)
            push()
            if all(len(moments) > 1 for moments in seen.values()):
                break
    longest = {
        age: _longest([seen[name] for name in names if names[name] == age], clock.now()) for age in pushed
    }
    return {
        "repositories": {"fresh": fresh, "active": active, "quiet": quiet},
        "calls_per_hour": calls_per_hour,
        "longest_minutes_between_visits": longest,
    }


def _longest(moments: list[list[float]], now: float) -> float:
    gaps = [
        later - earlier
        for seen in moments
        for earlier, later in pairwise([*seen, now] if len(seen) < 2 else seen)
    ]
    return round(max(gaps) / 60, 1)


def _no_server() -> AwsServer:
    raise AssertionError("the twin in process needs none")
