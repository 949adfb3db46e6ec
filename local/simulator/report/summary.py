"""What a policy is judged by, as one object."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from local.simulator.outcome import Outcome

QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
_DECIMALS: Final = 3

Quantiles = dict[str, float | None]


def summarize(outcome: Outcome) -> dict[str, Any]:
    """Return the figures of a run.

    ``jobs`` are those which a profile serves. Waits are seconds, of the jobs that started: jobs that never did are
    told by ``completed``. ``own_seconds`` are null for a policy that does not measure them. ``idle_fraction`` is the
    share of the paid CPU-time (instances weighted by their CPU) in which no completed job ran: boot, image, the
    runner's start and work that was lost count as idle. 0 where nothing was paid for instances.
    """
    waits = [job.wait_seconds for job in outcome.jobs]
    by_organization: dict[str, list[float | None]] = {}
    for job, wait in zip(outcome.jobs, waits, strict=True):
        by_organization.setdefault(job.job.organization, []).append(wait)
    return {
        "policy": outcome.policy,
        "seed": outcome.seed,
        "jobs": len(outcome.jobs),
        "completed": sum(job.completed_at is not None for job in outcome.jobs),
        "wait_seconds": quantiles(waits),
        "own_seconds": quantiles(job.own_seconds for job in outcome.jobs),
        "wait_by_organization": {name: quantiles(by_organization[name]) for name in sorted(by_organization)},
        "instance_hours": round(math.fsum(life.hours for life in outcome.instances), _DECIMALS),
        "cost_usd": round(cost_usd(outcome), _DECIMALS),
        "idle_fraction": round(idle_fraction(outcome), 4),
        "github_calls": outcome.github_calls,
        "aws_calls": dict(sorted(outcome.aws_calls.items())),
        "violations": list(outcome.violations),
    }


def quantiles(values: Iterable[float | None]) -> Quantiles:
    """Return p50, p90, p95, p99 and the maximum of the values that are there; null for each when none is."""
    ordered = sorted(value for value in values if value is not None)
    if not ordered:
        return dict.fromkeys(QUANTILES)
    last = len(ordered) - 1
    return {
        name: round(ordered[min(last, int(part * len(ordered)))], _DECIMALS)
        for name, part in QUANTILES.items()
    }


def cost_usd(outcome: Outcome) -> float:
    """Return what instances and everything besides them cost."""
    return math.fsum(life.usd for life in outcome.instances) + outcome.extra_usd


def idle_fraction(outcome: Outcome) -> float:
    """Return the share of the paid CPU-time in which no completed job ran."""
    paid = math.fsum(life.hours * life.type.registered.cpu_units for life in outcome.instances)
    if paid <= 0:
        return 0.0
    used = math.fsum(
        job.job.duration_seconds * size.cpu_units
        for job, size in zip(outcome.jobs, outcome.sizes, strict=True)
        if job.completed_at is not None
    )
    return max(0.0, 1 - used / 3600 / paid)
