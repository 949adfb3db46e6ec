"""Workloads that show one thing each: a greedy organization, starts from zero, incidents. Figures are chosen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from local.simulator.workload import enterprise
from local.simulator.workload.enterprise import Kind, Organization
from local.simulator.workload.jobs import Incident, IncidentKind, SimulatedJob, Workload
from local.simulator.workload.trace import STARTS_AT
from local.simulator.workload.windows import Size

_HOUR_SECONDS: Final = 3_600.0
_DAY_SECONDS: Final = 86_400.0

GREEDY_HOURS: Final = 2.0
GREEDY_LOGIN: Final = "acme-games"
#: Over 120 hosts' worth of jobs: no pool is large enough, so that somebody has to wait.
GREEDY_JOBS: Final = 2_000
#: After ten minutes, so that the others' jobs are already running as usual.
GREEDY_AT_SECONDS: Final = 600.0
#: Each of the others has a job so often, at the mean.
_TRICKLE_SECONDS: Final = 45.0

COLD_BURSTS: Final = (1, 10, 100)
#: Longer than the longest job, and any policy's patience with idle instances.
COLD_GAP_SECONDS: Final = 3 * _HOUR_SECONDS
COLD_ROUNDS: Final = 4
COLD_HOURS: Final = COLD_ROUNDS * len(COLD_BURSTS) * COLD_GAP_SECONDS / _HOUR_SECONDS
_LONGEST_COLD_SECONDS: Final = 1_800.0
#: A burst is that of several repositories: each pushes at the same moment, as after a change of what they share.
_JOBS_PER_REPOSITORY: Final = 25


def greedy_organization(seed: int, size: Size) -> Workload:
    """Return two hours of a Tuesday's morning in which one organization queues 2,000 jobs within ten seconds."""
    rng = random.Random(f"{seed}/greedy-organization")
    greedy = next(each for each in enterprise.ORGANIZATIONS if each.login == GREEDY_LOGIN)
    jobs = [*_greedy_jobs(greedy, max(1, round(GREEDY_JOBS * size.factor)), rng)]
    for organization in enterprise.ORGANIZATIONS:
        if organization is not greedy:
            jobs += _trickle(organization, size, rng)
    return Workload("greedy-organization", STARTS_AT + _DAY_SECONDS, _by_time(jobs))


def _greedy_jobs(greedy: Organization, jobs: int, rng: random.Random) -> Iterator[SimulatedJob]:
    for index in range(jobs):
        at = GREEDY_AT_SECONDS + rng.uniform(0, enterprise.MATRIX_SPREAD_SECONDS)
        # A matrix has 256 jobs at most: these are those of several workflows.
        repository = f"service-{index // enterprise.LARGEST_MATRIX + 1:03d}"
        yield _job(at, greedy, repository, enterprise.MATRIX_CELL, rng)


def _trickle(organization: Organization, size: Size, rng: random.Random) -> Iterator[SimulatedJob]:
    at = rng.expovariate(size.factor / _TRICKLE_SECONDS)
    while at < GREEDY_HOURS * _HOUR_SECONDS:
        (kind,) = rng.choices(enterprise.PUSH_KINDS, enterprise.PUSH_KIND_WEIGHTS)
        repository = enterprise.repository_of(organization, size.jobs_per_day, rng)
        yield _job(at, organization, repository, kind, rng)
        at += rng.expovariate(size.factor / _TRICKLE_SECONDS)


def cold_start(seed: int, _size: Size) -> Workload:
    """Return bursts of 1, 10 and 100 jobs, four times over, from Saturday 00:00 UTC on: no headroom is asked for then.

    Their sizes are the scenario: no number of jobs a day changes them.
    """
    rng = random.Random(f"{seed}/cold-start")
    jobs = []
    for burst in range(COLD_ROUNDS * len(COLD_BURSTS)):
        for index in range(COLD_BURSTS[burst % len(COLD_BURSTS)]):
            at = burst * COLD_GAP_SECONDS + rng.uniform(0, enterprise.PUSH_SPREAD_SECONDS)
            organization = enterprise.ORGANIZATIONS[index // _JOBS_PER_REPOSITORY]
            duration = min(enterprise.MATRIX_CELL.duration_seconds(rng), _LONGEST_COLD_SECONDS)
            labels = enterprise.MATRIX_CELL.labels
            jobs.append(SimulatedJob(round(at, 3), organization.login, "service-001", labels, duration))
    return Workload("cold-start", STARTS_AT + 5 * _DAY_SECONDS, _by_time(jobs))


def spot_storm(hours: float) -> tuple[Incident, ...]:
    """Return a Spot storm in the middle: instances are lost for 30 minutes, and none is to be had for 45."""
    at = hours * _HOUR_SECONDS / 2 - 900
    return (
        # Three interruptions an hour and instance: three in four are lost in half an hour.
        Incident(IncidentKind.SPOT_STORM, at, 1_800, 3.0),
        Incident(IncidentKind.NO_SPOT_CAPACITY, at, 2_700),
    )


def github_incident(hours: float) -> tuple[Incident, ...]:
    """Return an incident of GitHub in the middle: all fails for 20 minutes, then a third for another 20."""
    at = hours * _HOUR_SECONDS / 2 - 1_200
    return (
        Incident(IncidentKind.GITHUB_DOWN, at, 1_200, 1.0),
        Incident(IncidentKind.GITHUB_DOWN, at + 1_200, 1_200, 0.3),
    )


def _job(
    at: float, organization: Organization, repository: str, kind: Kind, rng: random.Random
) -> SimulatedJob:
    return SimulatedJob(round(at, 3), organization.login, repository, kind.labels, kind.duration_seconds(rng))


def _by_time(jobs: list[SimulatedJob]) -> tuple[SimulatedJob, ...]:
    return tuple(sorted(jobs, key=lambda job: (job.queued_at_seconds, job.organization, job.repository)))
