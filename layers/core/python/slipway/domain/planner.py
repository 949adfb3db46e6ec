"""The planner: one pool's snapshot in, one plan out. Equal snapshots give equal plans."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from slipway.domain.capacity import NewCapacity, instances_allowed, probes_allowed
from slipway.domain.demand import (
    covered_jobs,
    lost_hosts,
    running_by_repository,
    still_on_offer,
    turns_awaited,
    waiting_tasks,
)
from slipway.domain.draining import arns_with_tasks, idle_marks, idle_to_drain, to_drain_first, to_end
from slipway.domain.fairness import fair_order
from slipway.domain.jobs import JobKey
from slipway.domain.limits import Admission, runners_by_profile
from slipway.domain.matching import Shape
from slipway.domain.placing import Placing, Ramp, Want, untouched
from slipway.domain.plan import Plan
from slipway.domain.policy import Policy
from slipway.domain.reach import reach_of
from slipway.domain.reasons import Reason, Why
from slipway.domain.rooms import overdue, rooms_of
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control, Snapshot, WaitingJob
from slipway.domain.soundness import sound
from slipway.domain.starts import hold_back, recovered
from slipway.domain.tiers import missed_launches, room_to_keep, stopped_tier

MAX_OFFERS = 1_000  # a bound on writes; more tasks than this cannot be waiting between two convergences


def plan(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide what one pool needs at ``snapshot.now``: tasks, instances, what ends, and a reason for every job."""
    checked = sound(snapshot)
    snapshot = _with_circuits(checked.snapshot)
    covered = covered_jobs(snapshot.jobs, snapshot.runners, policy.github)
    admission = Admission(
        snapshot.runners, policy, snapshot.now, snapshot.github_pauses, still_on_offer(snapshot)
    )
    admitted = _in_fair_order(snapshot, policy, covered, admission)
    supply = waiting_tasks(snapshot)
    ramp = _ramp(snapshot, policy)
    turns = turns_awaited(snapshot)
    expecting, wants = _split(admitted, supply, turns, ramp, policy)
    wants += _standby(snapshot, policy, admitted, supply) + room_to_keep(snapshot, policy)
    well = recovered(snapshot)
    wants, failing = hold_back(wants, snapshot, well)

    held = arns_with_tasks(snapshot)
    drain = to_drain_first(snapshot, policy, held)
    placing = _placing(snapshot, policy, drain, ramp)
    refusal = _nothing_starts(snapshot, policy)
    started = placing.place(wants) if refusal is None else placing.refuse(wants, refusal)

    reasons = {key: Reason(Why.RUNNER_IDLE, {"task": task}) for key, task in covered.items()}
    reasons |= (
        failing
        | admission.refused
        | placing.reasons
        | _expecting_reasons(expecting, turns, policy)
        | admission.trying
    )
    if placing.capacity.fell_short:
        _tell_fair_share(reasons, admitted, started)
    launch, start = placing.capacity.requests(), placing.start_requests()
    tier = stopped_tier(
        snapshot,
        policy,
        placing.capacity.allowed - sum(request.count for request in launch),
        is_quiet=not (launch or start or placing.rooms.booting),
    )
    return Plan(
        offers=_offers([*expecting, *started], supply + placing.tasks, last=admission.trying),
        run=placing.run_requests(),
        hosts=dict(placing.hosts),
        launch=launch + tier.launch,
        start=start,
        dismiss=_surplus(admitted, supply, snapshot, policy),
        drain=drain + idle_to_drain(snapshot, policy, held, untouched(placing.rooms.usable)),
        end=tuple(name for name in to_end(snapshot, held) if checked.may_end(name)),
        replace=overdue(snapshot),
        retire=tier.retire,
        idle_since=idle_marks(snapshot, held),
        closes_circuit=checked.snapshot.launch_failures is not None and snapshot.launch_failures is None,
        closes_tier_circuit=checked.snapshot.tier_failures is not None and snapshot.tier_failures is None,
        recovered=well,
        failed_launches=missed_launches(snapshot),
        reasons=reasons,
        set_aside=checked.set_aside,
        is_short_of_tiers=placing.is_short_of_tiers,
        withholds=admission.withholds,
    )


def _with_circuits(snapshot: Snapshot) -> Snapshot:
    """Forget launches that failed once one has succeeded since, those of the stopped tier apart from the others."""
    failures, of_tier = snapshot.launch_failures, snapshot.tier_failures
    ready_at = max((instance.ready_at or 0.0 for instance in snapshot.instances), default=0.0)
    stopped_at = max((instance.stopped_at or 0.0 for instance in snapshot.instances), default=0.0)
    return replace(
        snapshot,
        launch_failures=failures if failures and failures.last_at >= ready_at else None,
        tier_failures=of_tier if of_tier and of_tier.last_at >= stopped_at else None,
    )


def _in_fair_order(
    snapshot: Snapshot, policy: Policy, covered: Collection[JobKey], admission: Admission
) -> list[WaitingJob]:
    """Return the jobs that need a runner and may have one; the others have their reason with ``admission``."""
    uncovered = [job for job in snapshot.jobs if job.key not in covered] if covered else snapshot.jobs
    if not uncovered:
        return []
    return fair_order(
        uncovered,
        running_by_repository(snapshot.runners),
        policy.fairness.weights,
        admission,
    )


def _placing(snapshot: Snapshot, policy: Policy, leaving: Collection[str], ramp: Ramp) -> Placing:
    allowed = probes_allowed(snapshot, instances_allowed(snapshot, policy))
    return Placing(
        rooms=rooms_of(snapshot, policy, leaving),
        capacity=NewCapacity(policy, snapshot, allowed),
        exclusive=policy.pool.exclusive,
        ramp=ramp,
    )


def _expecting_reasons(
    expecting: Iterable[WaitingJob], turns: Mapping[tuple[Shape, str], Sequence[float]], policy: Policy
) -> dict[JobKey, Reason]:
    by_shape: dict[Shape, Reason] = {}
    left = {key: iter(moments) for key, moments in turns.items()}
    reasons: dict[JobKey, Reason] = {}
    for job in expecting:
        turn = next(left.get(_turn_key(job, policy), iter(())), None) if left else None
        starting = by_shape.setdefault(job.shape, Reason(Why.TASK_STARTING, {"shape": str(job.shape)}))
        reasons[job.key] = starting if turn is None else Reason(Why.AWAITING_TURN, {"until": turn})
    return reasons


def _turn_key(job: WaitingJob, policy: Policy) -> tuple[Shape, str]:
    return job.shape, reach_of(policy.github, job.organization, job.repository)


def _split(
    admitted: Sequence[WaitingJob],
    supply: Counter[Shape],
    turns: Mapping[tuple[Shape, str], Sequence[float]],
    ramp: Ramp,
    policy: Policy,
) -> tuple[list[WaitingJob], list[Want]]:
    """Return the jobs that tasks on their way will serve, and what is wanted for the others."""
    left = Counter(supply)
    awaited = Counter({key: len(moments) for key, moments in turns.items()})
    for (shape, _), count in awaited.items():
        left[shape] -= count
    expecting: list[WaitingJob] = []
    wants: list[Want] = []
    for job in admitted:
        key = _turn_key(job, policy) if awaited else None
        if key is not None and awaited[key] > 0 and ramp.admits(job):
            awaited[key] -= 1
            expecting.append(job)
        elif left and left[job.shape] > 0 and ramp.admits(job):
            left[job.shape] -= 1
            expecting.append(job)
        else:
            wants.append(job)
    return expecting, wants


def _standby(
    snapshot: Snapshot, policy: Policy, admitted: Iterable[WaitingJob], supply: Counter[Shape]
) -> list[Want]:
    """Return the standby tasks that are missing: on top of the jobs, within the profile's cap."""
    wants: list[Want] = []
    if not policy.tiers.standby:
        return wants
    wanted = Counter(job.shape for job in admitted)
    taken = runners_by_profile(snapshot.runners)
    for shape, count in wanted.items():
        taken[shape.profile] += count
    for name, standby in sorted(policy.tiers.standby.items()):
        profile = policy.profiles[name]
        shape = Shape(name, profile.size)
        waiting = max(0, supply[shape] - wanted[shape])
        wants += [shape] * max(0, min(standby, profile.max_runners - taken[name]) - waiting)
    return wants


def _ramp(snapshot: Snapshot, policy: Policy) -> Ramp:
    in_flight = Counter((runner.repository or "").lower() for runner in snapshot.runners if runner.is_idle)
    return Ramp(policy.fairness.max_starting_per_repository, in_flight)


def _nothing_starts(snapshot: Snapshot, policy: Policy) -> Reason | None:
    """Return why no task and no instance may start now, if so: an operator's order."""
    if snapshot.control is Control.RUN:
        return None
    is_paused = snapshot.control is Control.PAUSE
    return Reason(Why.PAUSED if is_paused else Why.DRAINING, {"pool": policy.pool.name})


def _tell_fair_share(
    reasons: dict[JobKey, Reason], admitted: Iterable[WaitingJob], started: Iterable[WaitingJob]
) -> None:
    """Say fair share instead of the pool's limit where a younger job of another organization went first.

    One that started though it comes later, on room too small for the job, took nothing from it.
    """
    has_started = {job.key for job in started}
    youngest: dict[str, float] = {}
    for job in admitted:
        own, reason = job.organization.lower(), reasons[job.key]
        if job.key in has_started:
            youngest[own] = max(job.queued_at, youngest.get(own, job.queued_at))
        elif reason.code is Why.POOL_LIMIT and any(
            at > job.queued_at for organization, at in youngest.items() if organization != own
        ):
            reasons[job.key] = Reason(Why.FAIR_SHARE, reason.parameters)


def _surplus(
    admitted: Iterable[WaitingJob], supply: Counter[Shape], snapshot: Snapshot, policy: Policy
) -> tuple[str, ...]:
    """Return waiting tasks that must not claim: those on a host that EC2 takes away, and those beyond need.

    A profile with standby lets tasks of every size wait in their claim, though only its own size is kept; those of
    a profile without it end by themselves.
    """
    lost = lost_hosts(snapshot)
    starting = [runner for runner in snapshot.runners if runner.state is RunnerState.STARTING]
    surplus = [runner.task_id for runner in starting if runner.instance_arn in lost]
    waiting: dict[Shape, list[tuple[float, str]]] = defaultdict(list)
    for runner in starting:
        has_standby = runner.shape.profile in policy.tiers.standby
        if has_standby and runner.running_at is not None and runner.instance_arn not in lost:
            waiting[runner.shape].append((runner.started_at, runner.task_id))
    wanted = Counter(job.shape for job in admitted) if waiting else Counter[Shape]()
    for shape, tasks in waiting.items():
        is_own_size = policy.profiles[shape.profile].size == shape.size
        kept = policy.tiers.standby[shape.profile] if is_own_size else 0
        excess = max(0, supply[shape] - wanted[shape] - kept)
        surplus += [task for _, task in sorted(tasks, reverse=True)[:excess]]
    return tuple(sorted(surplus))


def _offers(
    jobs: Sequence[WaitingJob], claimants: Counter[Shape], last: Collection[JobKey]
) -> dict[Shape, tuple[WaitingJob, ...]]:
    """Return, for each shape, as many jobs in fair order as tasks may come to claim them.

    Those that are likely to be refused come ``last``: else every task would draw one of them, and wait with it.
    """
    offers: dict[Shape, list[WaitingJob]] = defaultdict(list)
    for job in sorted(jobs, key=lambda job: job.key in last) if last else jobs:
        if len(offers[job.shape]) < min(claimants[job.shape], MAX_OFFERS):
            offers[job.shape].append(job)
    return {shape: tuple(jobs) for shape, jobs in offers.items() if jobs}


def reasons_count(reasons: Iterable[tuple[JobKey, Reason]]) -> Counter[str]:
    """Count waiting jobs by reason code, for one log line a convergence."""
    return Counter(reason.code.value for _, reason in reasons)
