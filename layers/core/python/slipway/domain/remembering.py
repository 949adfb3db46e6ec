"""Which jobs' stories go on: what a plan says of them is other than what is remembered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nsmallest

from slipway.domain.held import Story, goes_on
from slipway.domain.jobs import JobKey
from slipway.domain.plan import Plan
from slipway.domain.reasons import SERVED
from slipway.domain.snapshot import Snapshot, WaitingJob

MOST_A_ROUND = 100  # what more changes comes with the next rounds


def newly_held(snapshot: Snapshot, plan: Plan) -> Mapping[JobKey, Story]:
    """Return the stories that go on by a plan, of the jobs that wait longest: a hundred at most.

    That a runner idles for a job or a container starts for it is told by the runner's own times, and is not
    remembered: what goes the quick way costs no write.
    """
    reasons = plan.reasons
    changed = (
        job
        for job in snapshot.jobs
        if (reason := reasons.get(job.key)) is not None
        and reason.code not in SERVED
        and goes_on(job.held, reason, snapshot.now) is not None
    )
    chosen: list[WaitingJob] = nsmallest(MOST_A_ROUND, changed, key=lambda job: (job.queued_at, job.key))
    stories = ((job.key, goes_on(job.held, reasons[job.key], snapshot.now)) for job in chosen)
    return {key: story for key, story in stories if story is not None}
