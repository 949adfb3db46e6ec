"""``clairvoyant``: a bound that no policy can beat, not a policy.

Cost: the jobs' CPU-seconds and MiB-seconds at prices at which no type of their pool holds more than it costs, the dual
of buying both by the fraction of an instance and of a second (docs/capacity.md). In a pool of ``isolation: instance``
a job pays for the whole of the cheapest type that holds it, a minute at least. Limits of pools and incidents do not
touch it. Wait: GitHub's webhook, a container on a warm host, the runner's session and GitHub's assignment.

It counts the run time of the jobs alone: a policy that was not told of all jobs can cost less than the bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from local.catalogue import SPOT_PRICE_SHARE
from local.simulator.outcome import JobOutcome, Outcome
from local.simulator.policies.draws import Draws
from local.simulator.policies.policy import Task
from local.simulator.policies.served import ServedJob, cheapest_type, served_jobs, sizes_of
from local.twin.latency import Phase
from slipway.domain.configuration import Market, Pool
from slipway.domain.filling import resource_prices
from slipway.domain.resources import Resources

NAME = "clairvoyant"
UNAVOIDABLE = (Phase.WEBHOOK_DELAY, Phase.LISTENER_SESSION, Phase.JOB_ASSIGNMENT)
_SHORTEST_BILL_SECONDS = 60.0


def run_clairvoyant(task: Task) -> Outcome:
    """Tell what nobody can do better: the cheapest fractional purchase, and only what takes its time anyway."""
    served = served_jobs(task.workload, task.configuration)
    draws = Draws(task.latency, task.seed)
    jobs = []
    for done, item in enumerate(served, start=1):
        queued_at = task.workload.starts_at + item.job.queued_at_seconds
        if cheapest_type(item.pool, item.size) is None:
            jobs.append(JobOutcome(item.job, queued_at, None, None))
        else:
            started_at = queued_at + sum(draws.of_job(item.index, phase) for phase in UNAVOIDABLE)
            jobs.append(
                JobOutcome(item.job, queued_at, started_at, started_at + item.job.duration_seconds, 0.0)
            )
        task.progress(done)
    return Outcome(
        policy=NAME,
        seed=task.seed,
        jobs=tuple(jobs),
        instances=(),
        sizes=tuple(item.size for item in served),
        extra_usd=least_usd(served),
    )


def least_usd(served: Sequence[ServedJob]) -> float:
    """Return what no purchase of instances for these jobs costs less than; those that fit no type cost nothing."""
    by_pool: dict[str, list[ServedJob]] = {}
    for item in served:
        if cheapest_type(item.pool, item.size) is not None:
            by_pool.setdefault(item.pool.name, []).append(item)
    return sum(_least_of_pool(items[0].pool, items) for items in by_pool.values())


def _least_of_pool(pool: Pool, items: Sequence[ServedJob]) -> float:
    share = SPOT_PRICE_SHARE if pool.market is Market.SPOT else 1.0
    if pool.exclusive:
        return share * sum(_whole_instance(item) for item in items)
    cpu_seconds = math.fsum(item.size.cpu_units * item.job.duration_seconds for item in items)
    mib_seconds = math.fsum(item.size.memory_mib * item.job.duration_seconds for item in items)
    total = Resources(round(cpu_seconds), round(mib_seconds))
    per_cpu, per_mib = resource_prices(total, sizes_of(pool))
    return share * (per_cpu * cpu_seconds + per_mib * mib_seconds) / 3600


def _whole_instance(item: ServedJob) -> float:
    kind = cheapest_type(item.pool, item.size)
    hours = max(_SHORTEST_BILL_SECONDS, item.job.duration_seconds) / 3600
    return kind.usd_per_hour * hours if kind is not None else 0.0
