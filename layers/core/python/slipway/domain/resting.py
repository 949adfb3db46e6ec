"""Resting: a pool in which nothing is held up needs no new plan for news that only frees something.

Most of what is reported of a job (it started, it ended, its task stopped) frees a slot or a limit. Where no job waits
for one, the next tick is early enough, and the pool is not read again for each of them.
"""

from __future__ import annotations

from slipway.domain.instances import InstanceState
from slipway.domain.plan import Plan
from slipway.domain.policy import Policy
from slipway.domain.reasons import SERVED
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Snapshot

JOB_COMPLETED = "job completed"


def rests(plan: Plan, snapshot: Snapshot, policy: Policy) -> bool:
    """Say whether nothing of a plan waits for what calm news brings.

    No job is held up by room, limits, turns or GitHub, and no tier by room; no instance is to come or to go; and hosts
    are shared: in an exclusive pool an instance ends with its task. Tasks that are being started (``plan.run``) hold up
    nothing: they have their room.
    """
    moves = (plan.launch, plan.start, plan.dismiss, plan.drain, plan.end, plan.replace, plan.retire)
    leaving = any(instance.state is InstanceState.DRAINING for instance in snapshot.instances)
    is_held_up = any(reason.code not in SERVED for reason in plan.reasons.values())
    return not (any(moves) or leaving or is_held_up or plan.is_short_of_tiers or policy.pool.exclusive)


def had_its_job(runner: Runner | None) -> bool:
    """Say whether a task that stopped leaves nobody waiting: its runner's one job is known to run or have completed.

    ECS tells of a task's end sooner than GitHub of its job's as often as not. The job does not wait in either case, and
    whether it was another than the runner was made for was news when it began.
    """
    if runner is None:
        return False
    completed = runner.state is RunnerState.GONE and runner.ended_why == JOB_COMPLETED
    return completed or runner.state is RunnerState.BUSY
