"""One job against a burst of others, in model time: how long it waits, in turnovers of a place.

GitHub's twin gives each runner to the oldest job that matches in all its reach. Everything here is model time on the
virtual clock; nothing is this machine's. Run with ``make bench`` or ``python -m tests.bench.fairness [JOBS]``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

from slipway.domain.configuration import Registration
from tests.support.loop import Acme, a_configuration, acme

JOBS, INSTANCES, PLACES, SECONDS = 500, 4, 8, 60.0
SIZE = "cpu=8/memory=28GiB"  # two an instance
CASES = (
    ("another organization", Registration.ENTERPRISE, "beta/web", False),
    ("another organization", Registration.ORGANIZATION, "beta/web", False),
    ("another repository, its own registration", Registration.REPOSITORY, "alpha/api", False),
    ("another repository, run-unique labels", Registration.ENTERPRISE, "alpha/api", True),
    ("another repository, equal labels", Registration.ENTERPRISE, "alpha/api", False),
)


def main() -> None:
    """Measure and print a table and one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fairness")
    parser.add_argument(
        "jobs", nargs="?", type=int, default=JOBS, help=f"size of the burst, {JOBS} by default"
    )
    parser.add_argument(
        "--json", action="store_true", help="for the other benchmarks; this one always prints it"
    )
    jobs = parser.parse_args().jobs
    results = [measure(jobs, *case) for case in CASES]
    for result in results:
        print(
            f"{result['single']:42} {result['registration']:13} waits {result['wait_model_seconds']:>7} s, "
            f"{result['turnovers']:>6} turnovers of a place of {SECONDS:g} s; {result['passed']} older jobs went first"
        )
    print(json.dumps({"jobs": jobs, "places": PLACES, "fairness": results}))


def measure(
    jobs: int, single: str, registration: Registration, repository: str, is_run_unique: bool
) -> dict[str, Any]:
    """Queue the burst of alpha/web, wait until it fills the pool, queue the single job, wait until it runs."""
    deployment = _pool(registration)
    burst = [_queue(deployment, "alpha/web", SECONDS, 1_000 + n, is_run_unique) for n in range(jobs)]
    _advance(deployment, lambda: sum(job.status == "in_progress" for job in burst) == PLACES)
    began, queued_at = sum(job.status != "queued" for job in burst), deployment.clock.now()
    one = _queue(deployment, repository, 5.0, 9, is_run_unique)
    _advance(deployment, lambda: one.status == "in_progress")
    wait = deployment.clock.now() - queued_at
    return {
        "single": single,
        "registration": registration.value,
        "wait_model_seconds": round(wait, 1),
        "turnovers": round(wait / SECONDS, 2),
        "passed": sum(job.status != "queued" for job in burst) - began,
    }


def _pool(registration: Registration) -> Acme:
    configuration = a_configuration(registration)
    pool = replace(configuration.pools["general"], max_instances=INSTANCES)
    return acme(replace(configuration, pools={**configuration.pools, "general": pool}))


def _queue(deployment: Acme, repository: str, seconds: float, run: int, is_run_unique: bool) -> Any:
    label = f"slipway/medium/{SIZE}" + (f"/run={run}-1" if is_run_unique else "")
    return deployment.queue(repository, [label], seconds=seconds, run_id=run)


def _advance(deployment: Acme, is_done: Any) -> None:
    if not deployment.loop.run_until(is_done, limit_seconds=1_000_000.0):
        raise RuntimeError("the loop came to rest before it came to that")


if __name__ == "__main__":
    main()
