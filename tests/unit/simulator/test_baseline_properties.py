"""What holds for every baseline, whatever the jobs: nothing is lost, nothing is overbooked, nothing is for free."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator.outcome import Outcome
from local.simulator.policies.clairvoyant import run_clairvoyant
from local.simulator.policies.instance_per_job import run_instance_per_job
from local.simulator.policies.managed_instances import run_managed_instances
from local.simulator.policies.managed_scaling import run_managed_scaling
from local.simulator.policies.policy import Policy, Task
from local.simulator.report.summary import cost_usd
from local.simulator.workload.jobs import Incident, IncidentKind, SimulatedJob, Workload
from local.twin.latency import LatencyModel
from slipway.domain.configuration import InstanceType, Market
from slipway.domain.resources import Resources
from tests.builders import a_configuration, a_profile
from tests.support.baselines import BIG, SMALL, STARTS_AT, a_baseline_pool

BASELINES = {
    "ecs-managed-scaling": run_managed_scaling,
    "ecs-managed-instances": run_managed_instances,
    "instance-per-job": run_instance_per_job,
}
PROFILES = (
    a_profile(name="small", labels=frozenset({"small"}), size=Resources(1024, 3072), image="one"),
    a_profile(name="medium", labels=frozenset({"medium"}), size=Resources(2048, 7168), image="one"),
    a_profile(name="large", labels=frozenset({"large"}), size=Resources(4096, 20_480), image="two"),
)
TALL = InstanceType("x.tall", Resources(4096, 28_672), 0.55)
baselines = pytest.mark.parametrize("name", BASELINES)
few = settings(max_examples=25, deadline=None)


@st.composite
def tasks(draw: st.DrawFn, *, with_storms: bool = False) -> Task:
    """A pool and up to forty jobs within half an hour; with storms, Spot instances come and go."""
    jobs = draw(
        st.lists(
            st.builds(
                SimulatedJob,
                queued_at_seconds=st.floats(0, 1_800),
                organization=st.sampled_from(("acme", "other")),
                repository=st.just("one"),
                labels=st.sampled_from((("small",), ("medium",), ("large",))),
                duration_seconds=st.floats(1, 1_200),
            ),
            min_size=1,
            max_size=40,
        )
    )
    kinds = draw(st.sampled_from(((BIG,), (SMALL, BIG), (TALL, BIG, SMALL), (TALL,))))
    incidents: tuple[Incident, ...] = ()
    if with_storms:
        incidents = (Incident(IncidentKind.SPOT_STORM, 100.0, 1_500.0, draw(st.floats(1, 30))),)
    pool = a_baseline_pool(
        instance_types=kinds,
        max_instances=draw(st.integers(1, 12)),
        market=Market.SPOT if with_storms else draw(st.sampled_from(Market)),
    )
    workload = Workload(
        "any", STARTS_AT, tuple(sorted(jobs, key=lambda job: job.queued_at_seconds)), incidents
    )
    return Task(
        workload, a_configuration(PROFILES, [pool]), LatencyModel.modelled(), draw(st.integers(0, 99))
    )


def cpu_over_time(outcome: Outcome) -> list[tuple[float, int, int]]:
    """CPU in use and CPU paid for after each change."""
    changes: list[tuple[float, int, int]] = []
    for job, size in zip(outcome.jobs, outcome.sizes, strict=True):
        assert job.started_at is not None
        assert job.completed_at is not None
        changes += [(job.started_at, size.cpu_units, 0), (job.completed_at, -size.cpu_units, 0)]
    for life in outcome.instances:
        cpu = life.type.registered.cpu_units
        changes += [(life.launched_at, 0, cpu), (life.ended_at, 0, -cpu)]
    used = paid = 0
    states = []
    for moment, group in itertools.groupby(sorted(changes), key=lambda change: change[0]):
        for _, more_used, more_paid in group:
            used, paid = used + more_used, paid + more_paid
        states.append((moment, used, paid))
    return states


@baselines
@few
@given(task=tasks())
def test_every_job_runs_once_for_its_time_and_after_it_was_queued(name: str, task: Task) -> None:
    outcome = BASELINES[name](task)
    assert [job.job for job in outcome.jobs] == list(task.workload.jobs)
    for job in outcome.jobs:
        assert job.started_at is not None
        assert job.completed_at is not None
        assert job.started_at > job.queued_at
        assert job.completed_at - job.started_at == pytest.approx(job.job.duration_seconds, abs=1e-5)


@baselines
@few
@given(task=tasks())
def test_no_more_cpu_is_used_than_is_paid_for_at_any_moment(name: str, task: Task) -> None:
    assert all(used <= paid for _, used, paid in cpu_over_time(BASELINES[name](task)))


@baselines
@few
@given(task=tasks())
def test_the_pools_limit_is_kept(name: str, task: Task) -> None:
    (pool,) = task.configuration.pools.values()
    largest = max(kind.registered.cpu_units for kind in pool.instance_types)
    paid = [paid for _, _, paid in cpu_over_time(BASELINES[name](task))]
    assert max(paid) <= pool.max_instances * largest


@pytest.mark.parametrize("name", ["ecs-managed-scaling", "ecs-managed-instances"])
@few
@given(task=tasks())
def test_the_pools_limit_of_instances_is_kept(name: str, task: Task) -> None:
    (pool,) = task.configuration.pools.values()
    lives = BASELINES[name](task).instances
    for life in lives:
        others = (each for each in lives if each.launched_at <= life.launched_at < each.ended_at)
        assert sum(1 for _ in others) <= pool.max_instances


@baselines
@few
@given(task=tasks())
def test_the_same_task_has_the_same_outcome(name: str, task: Task) -> None:
    assert BASELINES[name](task) == BASELINES[name](task)


@baselines
@few
@given(task=tasks())
def test_nothing_is_cheaper_or_faster_than_the_bound(name: str, task: Task) -> None:
    outcome, bound = BASELINES[name](task), run_clairvoyant(task)
    assert cost_usd(outcome) >= cost_usd(bound)
    for job, least in zip(outcome.jobs, bound.jobs, strict=True):
        assert (job.wait_seconds or 0.0) >= (
            least.wait_seconds or 0.0
        ) - 3.5  # a stock runner has no container


@baselines
@few
@given(task=tasks(with_storms=True))
def test_a_storm_loses_no_job_and_makes_none_shorter(name: str, task: Task) -> None:
    outcome = BASELINES[name](task)
    for job in outcome.jobs:
        assert job.started_at is not None
        assert job.completed_at is not None
        assert job.completed_at - job.started_at >= job.job.duration_seconds - 1e-5


def test_another_seed_has_another_outcome() -> None:
    job = SimulatedJob(0.0, "acme", "one", ("medium",), 60.0)
    configuration = a_configuration(PROFILES, [a_baseline_pool()])
    waited = {
        run_managed_scaling(
            Task(Workload("one", STARTS_AT, (job,)), configuration, LatencyModel.modelled(), seed)
        )
        .jobs[0]
        .wait_seconds
        for seed in range(5)
    }
    assert len(waited) == 5


def test_progress_is_told_for_each_job_that_ends() -> None:
    jobs = tuple(SimulatedJob(float(number), "acme", "one", ("medium",), 60.0) for number in range(5))
    every: list[Policy] = [*BASELINES.values(), run_clairvoyant]
    for policy in every:
        told: list[int] = []
        configuration = a_configuration(PROFILES, [a_baseline_pool()])
        policy(
            Task(Workload("five", STARTS_AT, jobs), configuration, LatencyModel.modelled(), 1, told.append)
        )
        assert told == [1, 2, 3, 4, 5]
