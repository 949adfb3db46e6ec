"""A drill: a part of all webhooks is lost; how do we learn of the jobs all the same, and how late?"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field

from local.twin.github.model import WorkflowJob
from slipway.domain.configuration import Registration
from slipway.domain.jobs import JobKey, JobState
from tests.support.loop import LABELS, ORGANIZATIONS, Acme, a_configuration, acme

REPOSITORIES = tuple(f"{login}/{name}" for login in ORGANIZATIONS for name in ("web", "api"))
APART_SECONDS, LIMIT_SECONDS = 30.0, 7_200.0


@dataclass(frozen=True, slots=True)
class Drill:
    """What is lost of which hook's deliveries, and what may be done about it.

    ``failed`` deliveries are on GitHub's record, those ``never_sent`` are on none. Both are shares.
    """

    registration: Registration
    hook: str
    failed: float = 0.0
    never_sent: float = 0.0
    sweep_calls_per_hour: int = 0
    jobs: int = 60
    by_schedule: bool = False
    """Nobody pushes, so that the sweep takes the repositories for quiet ones."""
    equal_labels: bool = False
    """Runners fit any job of their organization: a lost one gets one that was started for another [GH-WJ-13]."""


@dataclass(slots=True)
class Outcome:
    """How each job became known, by its id, and how many seconds after it was queued.

    It was ``told`` by its webhook, ``resent`` when redelivery asked for it, or ``found`` by the sweep. Of the
    others GitHub gave some a runner that was started for another job (``taken``), and the rest ``wait``.
    """

    deployment: Acme
    jobs: list[WorkflowJob]
    told: dict[int, float] = field(default_factory=dict)
    resent: dict[int, float] = field(default_factory=dict)
    found: dict[int, float] = field(default_factory=dict)
    taken: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)

    @property
    def waits(self) -> list[float]:
        """How many seconds each job that ran had waited for its runner, the shortest first."""
        started = [(job, job.now.started_at) for job in self.jobs]
        return sorted(at - job.created_at for job, at in started if at is not None)

    @property
    def runners(self) -> int:
        """How many runner tasks were started in all."""
        return len(self.deployment.loop.containers.by_task)

    def recorded(self, state: JobState) -> int:
        """How many jobs the ledger believes to be in a state; one that it does not know is in none."""
        keys = [JobKey(job.repository.organization.login, job.id, job.run_attempt) for job in self.jobs]
        records = [self.deployment.loop.ledger.jobs.find(key) for key in keys]
        return sum(record is not None and record.state is state for record in records)


def play(drill: Drill, *, seed: int = 0) -> Outcome:
    """Queue jobs one after the other while webhooks are lost, and wait until all that are known are done."""
    configuration = a_configuration(drill.registration, sweep_calls_per_hour=drill.sweep_calls_per_hour)
    deployment = acme(configuration, seed=seed, hook=drill.hook)
    deployment.clock.advance(300.0)  # the sweep has listed the repositories, and saved calls
    faults = deployment.github.deliveries.faults
    faults.failed, faults.lost = drill.failed, drill.never_sent
    jobs = []
    for number in range(drill.jobs):
        jobs.append(_queue(deployment, drill, number))
        deployment.clock.advance(APART_SECONDS)
    deployment.until_completed(*jobs, limit_seconds=LIMIT_SECONDS)
    return _learned(deployment, jobs)


def play_losing(actions: Collection[str], *, jobs: int = 12) -> tuple[Outcome, int | None]:
    """Lose every event of some actions; return also after how many seconds nothing of ours was left anywhere."""
    drill = Drill(Registration.ENTERPRISE, "enterprise")
    deployment = acme(a_configuration(drill.registration), hook=drill.hook)
    deployment.github.deliveries.faults.lost_actions = frozenset(actions)
    queued = []
    for number in range(jobs):
        queued.append(_queue(deployment, drill, number))
        deployment.clock.advance(APART_SECONDS)
    deployment.until_completed(*queued, limit_seconds=LIMIT_SECONDS)
    ended = deployment.clock.now()
    is_clean = deployment.until_clean(LIMIT_SECONDS)
    outcome = _learned(deployment, queued)
    return outcome, round(deployment.clock.now() - ended) if is_clean else None


def play_outage(registration: Registration, hook: str, jobs: int) -> tuple[Outcome, int]:
    """Let every delivery of an hour fail; times are counted from its end, with the calls to GitHub since then."""
    drill = Drill(registration, hook)
    deployment = acme(a_configuration(registration), hook=hook)
    deployment.github.deliveries.faults.failed = 1.0
    queued = []
    for number in range(jobs):
        queued.append(_queue(deployment, drill, number))
        deployment.clock.advance(3_600.0 / jobs)
    deployment.github.deliveries.faults.failed = 0.0
    ended, before = deployment.clock.now(), _calls_about_deliveries(deployment)
    deployment.loop.run_until(lambda: len(_told_of(deployment)) == jobs, LIMIT_SECONDS)
    calls = _calls_about_deliveries(deployment) - before
    outcome = _learned(deployment, queued)
    outcome.resent = {job.id: job.created_at + outcome.resent[job.id] - ended for job in queued}
    return outcome, calls


def _told_of(deployment: Acme) -> set[str]:
    return {delivery.guid for delivery in deployment.loop.deliveries if delivery.action == "queued"}


def _calls_about_deliveries(deployment: Acme) -> int:
    return sum(count for name, count in deployment.github.calls.items() if "/deliveries" in name)


def _queue(deployment: Acme, drill: Drill, number: int) -> WorkflowJob:
    return deployment.queue(
        REPOSITORIES[number % len(REPOSITORIES)],
        LABELS if drill.equal_labels else [f"slipway/medium/run={number + 1}-1"],
        seconds=45.0,
        run_id=number + 1,
        event="schedule" if drill.by_schedule else "push",
    )


def _learned(deployment: Acme, jobs: list[WorkflowJob]) -> Outcome:
    outcome = Outcome(deployment, jobs)
    first: dict[int, tuple[float, dict[int, float]]] = {}
    for delivery in deployment.loop.deliveries:
        body = json.loads(delivery.body)
        if body["action"] == "queued":
            how = outcome.resent if delivery.redelivery else outcome.told
            first.setdefault(body["workflow_job"]["id"], (delivery.delivered_at, how))
    for event in deployment.loop.found:
        known = first.get(event.job_id)
        if known is None or event.received_at < known[0]:
            first[event.job_id] = (event.received_at, outcome.found)
    for job in jobs:
        if job.id not in first:
            (outcome.waiting if job.status == "queued" else outcome.taken).append(job.id)
            continue
        at, how = first[job.id]
        how[job.id] = at - job.created_at
    return outcome
