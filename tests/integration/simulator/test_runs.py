"""Whole runs of the simulator: real services on the twins, small workloads, every call in its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from local.simulator.outcome import Outcome
from local.simulator.policies.policy import Task
from local.simulator.policies.slipway import run_slipway
from local.simulator.workload.jobs import Incident, IncidentKind, SimulatedJob, Workload
from local.simulator.world import World
from local.twin.latency import LatencyModel
from slipway.domain.configuration import Configuration, Headroom, Market
from slipway.domain.identity import TaskIdentity
from slipway.services.claim import Answer
from tests.support.loop import DOCKER_LABELS, LABELS, START, a_configuration, acme

MINUTE = 60.0


def a_job(minute: float = 0.0, seconds: float = 90.0, **changes: Any) -> SimulatedJob:
    facts: dict[str, Any] = {"organization": "alpha", "repository": "web", "labels": LABELS}
    return SimulatedJob(minute * MINUTE, duration_seconds=seconds, **{**facts, **changes})


def some_jobs() -> list[SimulatedJob]:
    """Fifteen jobs of three organizations within ten minutes, some of which need a host of their own."""
    return [
        a_job(
            number * 2 / 3,
            40.0 + 13 * number,
            organization=("alpha", "beta", "gamma")[number % 3],
            labels=DOCKER_LABELS if number % 5 == 4 else LABELS,
        )
        for number in range(15)
    ]


def a_task(
    jobs: list[SimulatedJob],
    *incidents: Incident,
    configuration: Configuration | None = None,
    seed: int = 1,
) -> Task:
    workload = Workload("by hand", START, tuple(jobs), incidents)
    return Task(workload, configuration or a_configuration(), LatencyModel.modelled(), seed)


def run(task: Task, look: Callable[[World], None] = lambda _world: None) -> Outcome:
    return run_slipway(task, look=look)


def with_general(**changes: Any) -> Configuration:
    configuration = a_configuration()
    pool = replace(configuration.pools["general"], **changes)
    return replace(configuration, pools={**configuration.pools, "general": pool})


def waits(outcome: Outcome) -> list[float]:
    """How long each job waited; all of them must have started."""
    return [job.wait_seconds for job in outcome.jobs if job.wait_seconds is not None]


def test_the_table_in_memory_is_dynamodb_to_the_digit() -> None:
    """The same waits, instances and calls, whether a ledger's calls go to the twin or to memory."""
    worlds: list[World] = []

    def on_dynamodb(world: World) -> None:
        worlds.append(world)
        world.loop.around.new_ledger = None

    in_memory = run(a_task(some_jobs()), worlds.append)
    on_twin = run(a_task(some_jobs()), on_dynamodb)
    assert in_memory.jobs == on_twin.jobs
    assert in_memory.instances == on_twin.instances
    assert in_memory.github_calls == on_twin.github_calls
    memory, twin = worlds
    assert memory.loop.calls.counts == twin.loop.calls.counts
    written = {name: n for name, n in twin.loop.aws.calls.items() if name.startswith("dynamodb.")}
    assert written.pop("dynamodb.CreateTable") == 1
    assert written == {n: c for n, c in memory.loop.calls.counts.items() if n.startswith("dynamodb.")}
    assert list(twin.store.items()) == []


def test_the_same_seed_gives_the_same_outcome_and_another_another() -> None:
    first = run(a_task(some_jobs()))
    assert run(a_task(some_jobs())) == first
    other = run(a_task(some_jobs(), seed=2))
    assert waits(other) != waits(first)
    assert len(waits(other)) == len(waits(first)) == 15
    assert first.violations == other.violations == ()


@pytest.mark.parametrize("calls", [None, LatencyModel.none(), LatencyModel.modelled()])
def test_with_calls_that_take_time_or_none_every_job_ends_and_nothing_is_left(
    calls: LatencyModel | None,
) -> None:
    deployment = acme(calls=calls)
    jobs = [
        deployment.queue(f"{login}/web", labels, seconds=40.0)
        for login in ("alpha", "beta", "gamma")
        for labels in (LABELS, DOCKER_LABELS)
    ]
    assert deployment.until_completed(*jobs)
    assert {job.now.conclusion for job in jobs} == {"success"}
    assert deployment.until_clean(), deployment.left()
    assert deployment.loop.errors == []


def test_every_job_is_told_apart_and_those_that_no_profile_serves_are_left_out() -> None:
    jobs = [
        a_job(3.0, 111.0),
        a_job(1.0, 222.0, labels=("self-hosted", "gpu")),
        a_job(0.0, 333.0, labels=DOCKER_LABELS),
        a_job(2.0, 44.0, organization="beta"),
    ]
    outcome = run(a_task(jobs))
    assert [one.job for one in outcome.jobs] == [jobs[2], jobs[3], jobs[0]]
    for one in outcome.jobs:
        assert one.queued_at == START + one.job.queued_at_seconds
        assert one.started_at is not None
        assert one.completed_at is not None
        assert one.completed_at - one.started_at == pytest.approx(one.job.duration_seconds, abs=1e-6)
    profiles = a_configuration().profiles
    assert list(outcome.sizes) == [profiles[name].size for name in ("docker", "small", "small")]
    assert outcome.violations == ()


def test_a_job_that_never_ends_is_a_broken_promise() -> None:
    outcome = run(a_task([a_job(labels=DOCKER_LABELS)]), lambda world: world.loop.aws.ec2.capacity.limit(0))
    assert outcome.violations[0] == "1 jobs have not ended"
    assert outcome.jobs[0].started_at is None


STORM = Incident(IncidentKind.SPOT_STORM, 4 * MINUTE, 10 * MINUTE, strength=60.0)
DOWN = Incident(IncidentKind.GITHUB_DOWN, 2 * MINUTE, 10 * MINUTE)


def test_a_spot_storm_takes_instances_and_loses_no_job() -> None:
    jobs = [a_job(number / 2, 240.0) for number in range(20)]
    again = a_configuration(rerun_interrupted=10)
    calm, stormy = run(a_task(jobs)), run(a_task(jobs, STORM, configuration=again))
    assert len(stormy.instances) > len(calm.instances)
    assert all(job.completed_at is not None for job in stormy.jobs)
    assert stormy.violations == ()


def test_no_job_is_lost_while_github_is_down_when_an_app_repairs() -> None:
    """What is queued meanwhile is never told by a webhook: it is found afterwards."""
    jobs = [a_job(minute) for minute in (0.0, 4.0, 7.0, 11.0, 14.0)]
    outcome = run(a_task(jobs, DOWN))
    assert outcome.violations == ()
    assert len(waits(outcome)) == len(jobs)
    before, *meanwhile, after = outcome.jobs
    up_again = START + 12 * MINUTE
    assert all(job.started_at is not None and job.started_at >= up_again for job in meanwhile)
    assert before.started_at is not None
    assert before.started_at < START + 2 * MINUTE
    assert after.wait_seconds is not None
    assert after.wait_seconds < 2 * MINUTE


def test_without_an_app_what_was_queued_while_github_was_down_is_never_learned_of() -> None:
    configuration = a_configuration(app_secret=None)
    outcome = run(a_task([a_job(0.0), a_job(6.0)], DOWN, configuration=configuration))
    assert [job.started_at is not None for job in outcome.jobs] == [True, False]
    assert outcome.violations[0] == "1 jobs have not ended"


def test_where_there_is_no_spot_capacity_jobs_run_on_demand_until_there_is_some_again() -> None:
    drought = Incident(IncidentKind.NO_SPOT_CAPACITY, 0.0, 8 * MINUTE)
    outcome = run(a_task([a_job(1.0), a_job(30.0)], drought))
    lives = sorted(outcome.instances, key=lambda life: life.launched_at)
    assert [life.market for life in lives] == [Market.ON_DEMAND, Market.SPOT]
    assert max(waits(outcome)) < 2 * MINUTE
    assert outcome.violations == ()


TIERS: dict[str, dict[str, Any]] = {
    "none": {},
    "stopped": {"stopped_instances": 1},
    "headroom": {"headroom": Headroom(slots=1)},
    "standby": {},
}


def tier(name: str) -> Configuration:
    """The usual configuration with one tier that waits ready, or none."""
    configuration = with_general(market=Market.ON_DEMAND, **TIERS[name])
    standby = 1 if name == "standby" else 0
    small = replace(configuration.profiles["small"], standby=standby)
    return replace(configuration, profiles={**configuration.profiles, "small": small})


def test_each_tier_shortens_the_wait_of_the_next_job_and_the_dearer_the_more() -> None:
    """A job half an hour after anything happened: cold, from a stopped instance, on a free slot, to a container."""
    outcomes = {name: run(a_task([a_job(30.0)], configuration=tier(name), seed=3)) for name in TIERS}
    cold, stopped, headroom, standby = (waits(outcome)[0] for outcome in outcomes.values())
    assert cold > stopped + 5.0
    assert stopped > headroom + 5.0
    assert headroom > standby + 1.0
    assert all(outcome.violations == () for outcome in outcomes.values())


def test_a_container_comes_back_a_little_later_than_it_was_told_as_its_shell_does() -> None:
    """By chance, up to half a second or a tenth of the pause, so that those who were told the same do not meet."""
    due: dict[str, float] = {}
    later: list[float] = []

    def look(world: World) -> None:
        ask = world.loop.ask_claim

        def noted(caller: TaskIdentity, answered: Callable[[Answer], None]) -> None:
            def told(answer: Answer) -> None:
                due[caller.task_id] = world.clock.now() + (answer.retry_after_seconds or 0)
                answered(answer)

            if caller.task_id in due:
                later.append(world.clock.now() - due[caller.task_id])
            ask(caller, told)

        world.loop.ask_claim = noted  # type: ignore[method-assign]

    run(a_task([a_job(10.0)], configuration=tier("standby")), look)
    assert len(later) > 50
    assert 0.0 <= min(later) < 0.1
    assert 0.4 < max(later) <= 0.5
