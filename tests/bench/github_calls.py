"""GitHub calls for each completed job: a thousand jobs in half an hour, on the virtual clock, at every level.

Counts are the whole loop's, with the real services and adapters. Run with ``make bench`` or
``python -m tests.bench.github_calls [JOBS]``.
"""

from __future__ import annotations

import random
import sys

from slipway.domain.configuration import Registration
from tests.support.loop import ORGANIZATIONS, Acme, a_configuration, acme

JOBS, SPAN_SECONDS = 1_000, 1_800.0
REPOSITORIES = [f"{login}/{name}" for login in ORGANIZATIONS for name in ("web", "api")]


def half_an_hour(registration: Registration, jobs: int, failed: float = 0.0) -> Acme:
    """Play jobs that queue over half an hour; ``failed`` is the part of deliveries that do not arrive at first."""
    deployment = acme(a_configuration(registration))
    deployment.github.deliveries.faults.failed = failed
    rng = random.Random(1)
    queued = []
    for _ in range(jobs):
        seconds, repository = rng.uniform(20.0, 120.0), rng.choice(REPOSITORIES)
        deployment.clock.schedule(
            rng.uniform(0.0, SPAN_SECONDS),
            lambda s=seconds, r=repository: queued.append(deployment.queue(r, seconds=s)),  # type: ignore[misc]
        )
    deployment.clock.advance(SPAN_SECONDS)
    if not (deployment.until_completed(*queued, limit_seconds=7_200.0) and deployment.until_clean()):
        raise SystemExit(f"{registration}: not everything ended")
    return deployment


def main() -> None:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    print(f"{jobs} jobs in {SPAN_SECONDS / 60:.0f} minutes, GitHub calls for each:")
    for registration in Registration:
        for failed in (0.0, 0.02):
            calls = half_an_hour(registration, jobs, failed).github.calls
            minted = sum(n for name, n in calls.items() if name.endswith("/generate-jitconfig"))
            sent_again = sum(n for name, n in calls.items() if name.endswith("/attempts"))
            rest = calls.total() - minted - sent_again
            print(
                f"  {registration.value:12} {failed:4.0%} of deliveries fail: {calls.total() / jobs:.3f}"
                f" ({minted} to register, {sent_again} to send a delivery again, {rest} for all else)"
            )


if __name__ == "__main__":
    main()
