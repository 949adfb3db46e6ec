"""Strain: what of a pool's state an operator is to hear of, because jobs suffer and time alone does not cure it."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.configuration import Profile
from slipway.domain.plan import Plan
from slipway.domain.policy import Policy
from slipway.domain.reasons import SET_ASIDE, Why
from slipway.domain.runners import RunnerState
from slipway.domain.schedules import is_within
from slipway.domain.snapshot import Snapshot, WaitingJob

WITHOUT_TARGET_SECONDS = 600  # a profile without a target: by then somebody asks
ONE_IN = 10  # a target is for nine jobs in ten
# Waits that the operator ordered, or that one repository or organization brought upon itself.
_INTENDED = SET_ASIDE | {Why.PAUSED, Why.DRAINING, Why.REPOSITORY_LIMIT, Why.ORGANIZATION_LIMIT}


@dataclass(frozen=True, slots=True)
class Strain:
    """How much goes wrong in a pool, all of it 0 in a healthy one.

    ``late_jobs`` wait longer than their profile's target; ``launch_circuits`` and ``start_circuits`` are open: no
    instance comes up, or no container of a profile claims.
    """

    late_jobs: int = 0
    launch_circuits: int = 0
    start_circuits: int = 0


def strain_of(snapshot: Snapshot, decided: Plan, policy: Policy) -> Strain:
    """Return the strain of a pool as it was read and as the plan leaves it."""
    circuits = (
        (snapshot.launch_failures, decided.closes_circuit),
        (snapshot.tier_failures, decided.closes_tier_circuit),
    )
    starts = [found for found in snapshot.start_failures if found.profile not in decided.recovered]
    return Strain(
        late_jobs=_late(snapshot, decided, policy) if snapshot.jobs else 0,
        launch_circuits=sum(
            failures is not None and failures.is_circuit_open and not is_closed
            for failures, is_closed in circuits
        ),
        start_circuits=sum(failures.is_circuit_open for failures in starts),
    )


def _late(snapshot: Snapshot, decided: Plan, policy: Policy) -> int:
    """Count the jobs past their target, as far as they are more than one in ten of those that wait or run.

    A target promises nine in ten: in a busy pool a few are late at any moment, and all is well.
    """
    targets = {name: _target(profile, snapshot.now) for name, profile in policy.profiles.items()}
    late = sum(_is_late(job, decided, targets.get(job.shape.profile), snapshot.now) for job in snapshot.jobs)
    running = sum(runner.state is RunnerState.BUSY for runner in snapshot.runners) if late else 0
    return late if late * ONE_IN > len(snapshot.jobs) + running else 0


def _is_late(job: WaitingJob, decided: Plan, target: float | None, now: float) -> bool:
    if target is None or now - job.queued_at <= target:
        return False
    reason = decided.reasons.get(job.key)
    return reason is None or reason.code not in _INTENDED


def _target(profile: Profile, now: float) -> float | None:
    """Return after how many seconds a job of the profile is late now; None outside of the hours that count."""
    target = profile.wait_target
    if target is None:
        return WITHOUT_TARGET_SECONDS
    return target.p90_wait_seconds if is_within(target.hours, now) else None
