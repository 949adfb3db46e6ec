"""Wanted: which jobs need a runner and may have one, what serves them already, and what a place is to be found for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from slipway.domain.demand import (
    covered_jobs,
    running_by_repository,
    still_on_offer,
    turns_awaited,
    waiting_tasks,
)
from slipway.domain.fairness import fair_order
from slipway.domain.jobs import JobKey
from slipway.domain.limits import Admission, runners_by_profile
from slipway.domain.matching import Shape
from slipway.domain.placing import Ramp, Want
from slipway.domain.policy import Policy
from slipway.domain.reach import reach_of
from slipway.domain.reasons import Reason, Why
from slipway.domain.snapshot import Snapshot, WaitingJob
from slipway.domain.starts import hold_back, recovered
from slipway.domain.tiers import room_to_keep


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one plan is to find a place for, and why nothing is sought for the other jobs.

    ``admitted``: the jobs that need a runner and may have one, in fair order. ``supply``: the tasks that will claim,
    by shape. ``reserved``: the admitted jobs that those of them with a turn to register serve, by shape and reach.
    ``expecting``: those that the others serve. ``wants``: what needs a place, those with the best
    claim to one first; ``ramp`` says how many of them may start. ``reasons``: of the jobs that are not among the wants.
    ``trying``: what is said of the jobs that go on trying for all, wherever they find a place. ``recovered``: the
    profiles whose containers claim again. ``withholds``: a place is free for a job once this plan's offers are
    published.
    """

    admitted: Sequence[WaitingJob]
    supply: Counter[Shape]
    reserved: Mapping[tuple[Shape, str], Sequence[WaitingJob]]
    expecting: Sequence[WaitingJob]
    wants: Sequence[Want]
    ramp: Ramp
    reasons: dict[JobKey, Reason]
    trying: dict[JobKey, Reason]
    recovered: tuple[str, ...]
    withholds: bool


def wanted_in(snapshot: Snapshot, policy: Policy) -> Wanted:
    """Return what a pool wants: tasks for jobs, standby tasks, room to keep, in this order."""
    covered = covered_jobs(snapshot.jobs, snapshot.runners, policy.github)
    on_offer = still_on_offer(snapshot)
    admission = Admission(snapshot.runners, policy, snapshot.now, snapshot.github_pauses, on_offer)
    admitted = _in_fair_order(snapshot, policy, covered, admission)
    supply, turns, ramp = waiting_tasks(snapshot), turns_awaited(snapshot), _ramp(snapshot, policy)
    awaited = _awaited(turns, admitted, policy, snapshot.now)
    reserved, expecting, others = _split(admitted, supply, awaited, ramp, policy)
    served = Counter(job.shape for job in [*expecting, *chain(*reserved.values())])
    standby, idle = _standby(snapshot, policy, admitted), supply - served
    ramped, others = _ramped(others, idle - standby, ramp)
    well = recovered(snapshot)
    wants, failing = hold_back(
        [*others, *(standby - idle).elements(), *room_to_keep(snapshot, policy)], snapshot, well
    )
    reasons = {key: Reason(Why.RUNNER_IDLE, {"task": task}) for key, task in covered.items()}
    reasons |= dict.fromkeys((job.key for job in ramped), ramp.reason)
    return Wanted(
        admitted=admitted,
        supply=supply,
        reserved=reserved,
        expecting=expecting,
        wants=wants,
        ramp=ramp,
        reasons=reasons
        | failing
        | admission.refused
        | _expecting_reasons(expecting)
        | _reserved_reasons(reserved, turns, snapshot.now),
        trying=admission.trying,
        recovered=well,
        withholds=admission.withholds,
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


def _expecting_reasons(expecting: Iterable[WaitingJob]) -> dict[JobKey, Reason]:
    by_shape: dict[Shape, Reason] = {}
    return {
        job.key: by_shape.setdefault(job.shape, Reason(Why.TASK_STARTING, {"shape": str(job.shape)}))
        for job in expecting
    }


def _reserved_reasons(
    reserved: Mapping[tuple[Shape, str], Sequence[WaitingJob]],
    turns: Mapping[tuple[Shape, str], Sequence[float]],
    now: float,
) -> dict[JobKey, Reason]:
    """Return until when jobs wait for a turn; one whose turn has come waits for its task as others do."""
    reasons: dict[JobKey, Reason] = {}
    for key, jobs in reserved.items():
        reasons |= _expecting_reasons(jobs)
        for job, turn in zip(jobs, turns[key], strict=False):
            if turn > now:
                reasons[job.key] = Reason(Why.AWAITING_TURN, {"until": turn})
    return reasons


def _split(
    admitted: Sequence[WaitingJob],
    supply: Counter[Shape],
    awaited: Counter[tuple[Shape, str]],
    ramp: Ramp,
    policy: Policy,
) -> tuple[dict[tuple[Shape, str], list[WaitingJob]], list[WaitingJob], list[WaitingJob]]:
    """Return the jobs for tasks with a turn, by shape and reach, those that other tasks will serve, and the others."""
    left, awaited = Counter(supply), Counter(awaited)
    for (shape, _), count in awaited.items():
        left[shape] -= count
    reserved: dict[tuple[Shape, str], list[WaitingJob]] = {}
    expecting: list[WaitingJob] = []
    others: list[WaitingJob] = []
    for job in admitted:
        key = _turn_key(job, policy) if awaited else None
        if key is not None and awaited[key] > 0 and ramp.admits(job):
            awaited[key] -= 1
            reserved.setdefault(key, []).append(job)
        elif left and left[job.shape] > 0 and ramp.admits(job):
            left[job.shape] -= 1
            expecting.append(job)
        else:
            others.append(job)
    return reserved, expecting, others


def _turn_key(job: WaitingJob, policy: Policy) -> tuple[Shape, str]:
    return job.shape, reach_of(policy.github, job.organization, job.repository)


def _awaited(
    turns: Mapping[tuple[Shape, str], Sequence[float]],
    admitted: Iterable[WaitingJob],
    policy: Policy,
    now: float,
) -> Counter[tuple[Shape, str]]:
    """Return how many tasks are for jobs of a reach alone; one whose turn has come, while such a job is there."""
    jobs = Counter(_turn_key(job, policy) for job in admitted) if turns else Counter[tuple[Shape, str]]()
    return Counter(
        {
            key: max(sum(moment > now for moment in moments), min(len(moments), jobs[key]))
            for key, moments in turns.items()
        }
    )


def _ramped(
    jobs: list[WaitingJob], spare: Counter[Shape], ramp: Ramp
) -> tuple[list[WaitingJob], list[WaitingJob]]:
    """Return the jobs that the ramp holds back and in whose place a ``spare`` task is already, and the others.

    Those that stand by are not spare: they would be made good at once, and so on with each plan, past the ramp.
    """
    if not spare:
        return [], jobs
    ramped: list[WaitingJob] = []
    others: list[WaitingJob] = []
    for job in jobs:
        if spare[job.shape] > 0 and ramp.is_full(job):
            spare[job.shape] -= 1
            ramped.append(job)
        else:
            others.append(job)
    return ramped, others


def _standby(snapshot: Snapshot, policy: Policy, admitted: Iterable[WaitingJob]) -> Counter[Shape]:
    """Return how many tasks are to stand by: on top of the jobs, within the profile's cap."""
    standby: Counter[Shape] = Counter()
    if not policy.tiers.standby:
        return standby
    taken = runners_by_profile(snapshot.runners)
    taken.update(job.shape.profile for job in admitted)
    for name, count in sorted(policy.tiers.standby.items()):
        profile = policy.profiles[name]
        standby[Shape(name, profile.size)] = max(0, min(count, profile.max_runners - taken[name]))
    return standby


def _ramp(snapshot: Snapshot, policy: Policy) -> Ramp:
    in_flight = Counter((runner.repository or "").lower() for runner in snapshot.runners if runner.is_idle)
    return Ramp(policy.fairness.max_starting_per_repository, in_flight)
