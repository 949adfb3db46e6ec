"""Containers that end before they claim: when all of a profile do, one at a time is tried, less and less often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from slipway.domain.jobs import JobKey
from slipway.domain.placing import Want, shape_of
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import STARTS_TO_OPEN, Snapshot, StartFailures, WaitingJob

# An image that cannot be pulled fails within seconds, a container that is misconfigured at once, one whose claims are
# not answered after its patience of ten minutes. What lived longer had waited in its claim, and ended otherwise.
CLAIMS_WITHIN_SECONDS = 900
MAX_WHY = 400


def failed_start(
    runner: Runner | None, known: StartFailures | None, *, at: float, why: str
) -> StartFailures | None:
    """Return what is known of a profile's failed starts after a task of it stopped; None if that was none.

    Tasks that were started before the last failure are of the same wave and count no more. One that claimed started
    well, though GitHub may have refused it a runner: that is a reach's trouble, never a profile's.
    """
    if runner is None or runner.state is not RunnerState.STARTING or _is_known_to_claim(runner):
        return None
    if at - runner.started_at > CLAIMS_WITHIN_SECONDS:
        return None
    if known is not None and runner.started_at <= known.last_at:
        return None
    return StartFailures(runner.shape.profile, (known.count if known else 0) + 1, at, why[:MAX_WHY])


def recovered(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the profiles of which a task has claimed since the last that failed."""
    claimed: dict[str, float] = {}
    for runner in snapshot.runners if snapshot.start_failures else ():
        profile = runner.shape.profile
        claimed[profile] = max(claimed.get(profile, 0.0), runner.claimed_at or 0.0, runner.asked_at or 0.0)
    return tuple(
        sorted(
            failures.profile
            for failures in snapshot.start_failures
            if claimed.get(failures.profile, 0.0) > failures.last_at
        )
    )


def hold_back(
    wants: Sequence[Want], snapshot: Snapshot, well: Iterable[str]
) -> tuple[list[Want], dict[JobKey, Reason]]:
    """Return the wants that may start, and the reason of each job whose container would only fail like the last.

    ``well`` are the profiles that recovered. When it is time, one container of a profile is tried, not more.
    """
    failing = {
        failures.profile: failures
        for failures in snapshot.start_failures
        if failures.is_circuit_open and failures.profile not in well
    }
    if not failing:
        return list(wants), {}
    of_profile = Counter(shape_of(want).profile for want in wants)
    tried = {
        profile: _to_try(failures, of_profile[profile], snapshot) for profile, failures in failing.items()
    }
    kept: list[Want] = []
    reasons: dict[JobKey, Reason] = {}
    seen: Counter[str] = Counter()
    for want in wants:
        profile = shape_of(want).profile
        if profile not in failing or tried[profile] == seen[profile]:
            kept.append(want)
        elif isinstance(want, WaitingJob):
            reasons[want.key] = _reason(failing, profile)
        seen[profile] += 1
    return kept, reasons


def _to_try(failures: StartFailures, wanted: int, snapshot: Snapshot) -> int | None:
    """Return which of a profile's wants to try, a different one each time: it may be one size alone that fails."""
    if snapshot.now < failures.next_try_at or not wanted:
        return None
    is_tried = any(
        runner.shape.profile == failures.profile
        and runner.state is RunnerState.STARTING
        and runner.started_at > failures.last_at
        for runner in snapshot.runners
    )
    return None if is_tried else (failures.count - STARTS_TO_OPEN) % wanted


def _is_known_to_claim(runner: Runner) -> bool:
    return runner.claimed_at is not None or runner.asked_at is not None


def _reason(failing: Mapping[str, StartFailures], profile: str) -> Reason:
    failures = failing[profile]
    return Reason(
        Why.STARTS_FAIL,
        {"failures": failures.count, "why": failures.why, "until": failures.next_try_at},
    )
