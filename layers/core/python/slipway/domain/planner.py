"""The planner: one pool's snapshot in, one plan out. Equal snapshots give equal plans."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from slipway.domain.capacity import NewCapacity, instances_allowed, probes_allowed
from slipway.domain.demand import lost_hosts
from slipway.domain.draining import arns_with_tasks, idle_marks, idle_to_drain, to_drain_first, to_end
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.placing import Placing, untouched
from slipway.domain.plan import Plan
from slipway.domain.policy import Policy
from slipway.domain.reasons import Reason, Why
from slipway.domain.rooms import overdue, rooms_of
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control, Snapshot, WaitingJob
from slipway.domain.soundness import sound
from slipway.domain.tiers import missed_launches, stopped_tier
from slipway.domain.wanted import Wanted, wanted_in

MAX_OFFERS = 1_000  # a bound on writes; more tasks than this cannot be waiting between two convergences


def plan(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide what one pool needs at ``snapshot.now``: tasks, instances, what ends, and a reason for every job."""
    checked = sound(snapshot)
    snapshot = _with_circuits(checked.snapshot)
    wanted = wanted_in(snapshot, policy)
    held = arns_with_tasks(snapshot)
    drain = to_drain_first(snapshot, policy, held)
    placing, started = _placed(wanted, snapshot, policy, drain)
    launch, start = placing.capacity.requests(), placing.start_requests()
    tier = stopped_tier(
        snapshot,
        policy,
        placing.capacity.allowed - sum(request.count for request in launch),
        is_quiet=not (launch or start or placing.rooms.booting),
    )
    return Plan(
        offers=_offers([*wanted.expecting, *started], wanted.supply + placing.tasks, last=wanted.trying),
        reserved={key: tuple(jobs[:MAX_OFFERS]) for key, jobs in wanted.reserved.items()},
        run=placing.run_requests(),
        hosts=dict(placing.hosts),
        launch=launch + tier.launch,
        start=start,
        dismiss=_surplus(wanted, snapshot, policy),
        drain=drain + idle_to_drain(snapshot, policy, held, untouched(placing.rooms.usable)),
        end=tuple(name for name in to_end(snapshot, held) if checked.may_end(name)),
        replace=overdue(snapshot),
        retire=tier.retire,
        idle_since=idle_marks(snapshot, held),
        closes_circuit=checked.snapshot.launch_failures is not None and snapshot.launch_failures is None,
        closes_tier_circuit=checked.snapshot.tier_failures is not None and snapshot.tier_failures is None,
        recovered=wanted.recovered,
        failed_launches=missed_launches(snapshot),
        reasons=_reasons(wanted, placing, started),
        set_aside=checked.set_aside,
        is_short_of_tiers=placing.is_short_of_tiers,
        withholds=wanted.withholds,
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


def _placed(
    wanted: Wanted, snapshot: Snapshot, policy: Policy, leaving: Collection[str]
) -> tuple[Placing, list[WaitingJob]]:
    """Find a place for what is wanted; return where, and the jobs for which a task is started."""
    allowed = probes_allowed(snapshot, instances_allowed(snapshot, policy))
    placing = Placing(
        rooms=rooms_of(snapshot, policy, leaving),
        capacity=NewCapacity(policy, snapshot, allowed),
        exclusive=policy.pool.exclusive,
        ramp=wanted.ramp,
    )
    refusal = _nothing_starts(snapshot, policy)
    return placing, placing.place(wanted.wants) if refusal is None else placing.refuse(wanted.wants, refusal)


def _nothing_starts(snapshot: Snapshot, policy: Policy) -> Reason | None:
    """Return why no task and no instance may start now, if so: an operator's order."""
    if snapshot.control is Control.RUN:
        return None
    is_paused = snapshot.control is Control.PAUSE
    return Reason(Why.PAUSED if is_paused else Why.DRAINING, {"pool": policy.pool.name})


def _reasons(wanted: Wanted, placing: Placing, started: Iterable[WaitingJob]) -> dict[JobKey, Reason]:
    reasons = wanted.reasons | placing.reasons | wanted.trying
    if placing.capacity.fell_short:
        _tell_fair_share(reasons, wanted.admitted, started)
    return reasons


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


def _surplus(wanted: Wanted, snapshot: Snapshot, policy: Policy) -> tuple[str, ...]:
    """Return waiting tasks that must not claim: those on a host that EC2 takes away, and those beyond need.

    A profile with standby lets tasks of every size wait in their claim, though only its own size is kept; those of
    a profile without it end by themselves. Those with a turn to register go last: a job is kept for them.
    """
    lost = lost_hosts(snapshot)
    starting = [runner for runner in snapshot.runners if runner.state is RunnerState.STARTING]
    surplus = [runner.task_id for runner in starting if runner.instance_arn in lost]
    waiting: dict[Shape, list[tuple[bool, float, str]]] = defaultdict(list)
    for runner in starting:
        has_standby = runner.shape.profile in policy.tiers.standby
        if has_standby and runner.running_at is not None and runner.instance_arn not in lost:
            waiting[runner.shape].append((runner.waits_for is None, runner.started_at, runner.task_id))
    jobs = Counter(job.shape for job in wanted.admitted) if waiting else Counter[Shape]()
    for shape, tasks in waiting.items():
        is_own_size = policy.profiles[shape.profile].size == shape.size
        kept = policy.tiers.standby[shape.profile] if is_own_size else 0
        excess = max(0, wanted.supply[shape] - jobs[shape] - kept)
        surplus += [task for *_, task in sorted(tasks, reverse=True)[:excess]]
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
