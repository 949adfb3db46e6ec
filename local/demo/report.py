"""The result of a demo: one object for programs, a few sentences for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from local.demo.afterwards import WorthAsking, worth_asking
from local.demo.checks import leaks
from local.demo.scenario import Scenario
from local.demo.world import World
from slipway.domain.usage import Usage

_FOR_PEOPLE = ("usage", "worth_asking")  # what a file or the screen has, not the printed object


@dataclass(frozen=True, slots=True)
class Result:
    """What ``slipway demo --json`` prints.

    Waits are model seconds from queued to running, by GitHub's clock; our own times are seconds on the wall. Calls to
    GitHub are by purpose: to register a runner, to send a failed delivery again, and the rest.
    """

    seed: int
    registration: str
    clock_scale: int
    jobs_queued: int
    jobs_completed: int
    jobs_cancelled: int
    deliveries: int
    duplicates: int
    lost: int
    redelivered: int
    wait_seconds: dict[str, float]
    own_seconds: dict[str, dict[str, float]]
    runners_registered: int
    leaked: dict[str, int]
    github_calls_per_job: float
    github_calls: dict[str, int]
    aws_calls: dict[str, int]
    violations: list[str]
    usage: tuple[Usage, ...] = field(default=(), repr=False)
    worth_asking: tuple[WorthAsking, ...] = ()

    @property
    def is_good(self) -> bool:
        """Say whether every served job completed, nothing leaked and no promise broke."""
        done = self.jobs_completed + self.jobs_cancelled == self.jobs_queued
        return done and not any(self.leaked.values()) and not self.violations

    def as_json(self) -> dict[str, object]:
        """Return the object to print."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _FOR_PEOPLE}


def summarize(world: World, scenario: Scenario, violations: list[str]) -> Result:
    """Count everything; the caller holds the lock."""
    counts = world.github.deliveries.counts
    completed = [
        job for job in scenario.served if job.status == "completed" and job.id not in scenario.cancelled
    ]
    waits = sorted(
        job.now.started_at - job.queued_at
        for job in completed
        if job.now.started_at is not None and job.queued_at is not None
    )
    calls = _by_purpose(world.github.calls)
    return Result(
        seed=scenario.seed,
        registration=world.registration,
        clock_scale=world.scaled.scale,
        jobs_queued=len(scenario.served),
        jobs_completed=len(completed),
        jobs_cancelled=len(scenario.cancelled),
        deliveries=counts["sent"],
        duplicates=counts["doubled"],
        lost=counts["lost"] + counts["failed"],
        redelivered=counts["redelivered"],
        wait_seconds={name: _quantile(waits, part) for name, part in _QUANTILES.items()},
        own_seconds=world.own_time.as_json(),
        runners_registered=world.github.registry.registered_total,
        leaked=leaks(world),
        github_calls_per_job=round(sum(calls.values()) / max(1, len(completed)), 3),
        github_calls=calls,
        aws_calls=dict(sorted(world.aws.calls.items())),
        violations=violations,
        usage=tuple(world.usage()),
        worth_asking=worth_asking(scenario),
    )


def _by_purpose(calls: Mapping[str, int]) -> dict[str, int]:
    """Split GitHub's calls: one a job, one a delivery that failed, and what the number of jobs hardly moves."""
    register = sum(count for call, count in calls.items() if call.endswith("/generate-jitconfig"))
    redeliver = sum(count for call, count in calls.items() if call.endswith("/attempts"))
    rest = sum(calls.values()) - register - redeliver
    return {"register": register, "redeliver": redeliver, "rest": rest}


_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def _quantile(ordered: list[float], part: float) -> float:
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 1)
