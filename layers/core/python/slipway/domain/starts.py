"""Containers that end before they can take a job: when all of a profile do, one at a time is tried, ever less often.

Most such ends come before the claim. Docker or the listener may fail after it too: then the container gives its
registration back and says so by its exit code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from slipway.domain.demand import unanswered_tasks
from slipway.domain.jobs import JobKey
from slipway.domain.placing import Want, shape_of
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import GIVEN_BACK, RELEASED, Runner, RunnerState
from slipway.domain.snapshot import STARTS_TO_OPEN, Snapshot, StartFailures, WaitingJob

# An image that cannot be pulled fails within seconds, a container that is misconfigured at once, one whose claims are
# not answered after its patience of ten minutes. What lived longer had waited in its claim, and ended otherwise.
CLAIMS_WITHIN_SECONDS = 900
# dockerd has a minute to answer, giving back twenty seconds: what idles for longer listens.
LISTENS_WITHIN_SECONDS = 90
# The runner image's own: the grant, the listener or Docker failed, and no job had begun.
GIVES_BACK_WITH = range(20, 30)
MAX_WHY = 400


def ended_before_a_job(runner: Runner, exit_code: int | None) -> bool:
    """Say whether a task that stopped by itself shows that others of its profile would not start either.

    One that claimed started well, though GitHub may have refused it a runner: that is a reach's trouble, never a
    profile's. Unless it gave its runner back with an exit code that names a fault: one that was stopped has none.
    """
    if runner.state is RunnerState.STARTING:
        return runner.claimed_at is None and runner.asked_at is None
    gave_back = runner.ended_why in (GIVEN_BACK, RELEASED) and runner.busy_at is None
    return gave_back and exit_code in GIVES_BACK_WITH


def failed_start(runner: Runner, known: StartFailures | None, *, at: float, why: str) -> StartFailures | None:
    """Return what is known of a profile's failed starts after a task ended before a job; None if that was none.

    Tasks that were started, or had claimed, before the last failure are of the same wave and count no more.
    """
    began = runner.started_at if runner.claimed_at is None else runner.claimed_at
    if at - began > CLAIMS_WITHIN_SECONDS:
        return None
    if known is not None and began <= known.last_at:
        return None
    count = (known.count if known else 0) + 1
    return StartFailures(
        runner.shape.profile, count, at, why[:MAX_WHY], after_claim=runner.claimed_at is not None
    )


def recovered(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the profiles of which a task has come further since the last that failed."""
    return tuple(
        sorted(
            failures.profile
            for failures in snapshot.start_failures
            if any(
                runner.shape.profile == failures.profile
                and _came_further_at(runner, failures, snapshot.now) > failures.last_at
                for runner in snapshot.runners
            )
        )
    )


def _came_further_at(runner: Runner, failures: StartFailures, now: float) -> float:
    """Return when a task passed the point at which the last one failed, 0 if it did not."""
    if not failures.after_claim:
        return max(runner.claimed_at or 0.0, runner.asked_at or 0.0)
    claimed_at = runner.claimed_at or now
    listens = runner.is_idle and now - claimed_at > LISTENS_WITHIN_SECONDS
    return claimed_at if listens else runner.busy_at or 0.0


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
        and runner.state in (RunnerState.STARTING, RunnerState.REGISTERED)
        and runner.started_at > failures.last_at
        for runner in snapshot.runners
    )
    # Nor while a call has no answer that may have started one.
    is_tried = is_tried or any(shape.profile == failures.profile for shape in unanswered_tasks(snapshot))
    return None if is_tried else (failures.count - STARTS_TO_OPEN) % wanted


def _reason(failing: Mapping[str, StartFailures], profile: str) -> Reason:
    failures = failing[profile]
    return Reason(
        Why.STARTS_FAIL,
        {"failures": failures.count, "why": failures.why, "until": failures.next_try_at},
    )
