"""Whose time a wait was: what EC2, ECS and GitHub take is not Slipway's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator.stopwatch import Stopwatch, overlap
from local.simulator.world import World, build_world
from local.twin.github.model import JobRequest, WorkflowJob
from local.twin.latency import LatencyModel, Phase, exactly
from slipway.domain.configuration import Market
from tests.support.loop import LABELS, START, a_configuration

SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda span: (float(min(span)), float(max(span)))),
    max_size=6,
)
SECONDS = {
    Phase.FUNCTION_WARM_START: 0.25,
    Phase.PENDING_TO_RUNNING: 7.0,
    Phase.RUNNING_TO_REGISTERED: 18.0,
    Phase.START_TO_REGISTERED: 14.0,
    Phase.REGISTERED_TO_CONNECTED: 1.0,
    Phase.IMAGE_PULL: 15.0,
    Phase.CONTAINER_START: 3.0,
    Phase.LISTENER_SESSION: 2.0,
    Phase.JOB_ASSIGNMENT: 2.0,
}
HELLO = 0.3  # a container's first claim, which no phase here says otherwise
STARTS = 0.25


@given(SPANS, st.integers(0, 30), st.integers(0, 30))
def test_overlap_is_the_number_of_seconds_that_any_span_covers(
    spans: list[tuple[float, float]], start: int, end: int
) -> None:
    covered = [second for second in range(start, end) if any(a <= second < b for a, b in spans)]
    assert overlap(spans, float(start), float(end)) == len(covered)


class Scene:
    """A world where functions take a quarter of a second to start, EC2 and ECS long, and nothing else any time."""

    def __init__(self, **pool: Any) -> None:
        configuration = a_configuration()
        general = replace(configuration.pools["general"], **pool)
        self.world: World = build_world(
            replace(configuration, pools={**configuration.pools, "general": general}),
            ["alpha/web"],
            starts_at=START,
            seed=1,
            latency=LatencyModel({phase: exactly(seconds) for phase, seconds in SECONDS.items()}),
        )
        self.watch = Stopwatch(self.world)

    def queue(self, seconds: float = 30.0) -> WorkflowJob:
        return self.world.github.queue_job(JobRequest("alpha/web", LABELS, seconds))

    def until(self, job: WorkflowJob, status: str = "completed") -> WorkflowJob:
        assert self.world.loop.run_until(lambda: job.status == status, 1_800.0)
        return job

    def wait_of(self, job: WorkflowJob) -> float:
        (started,) = [state.at for state in job.history if state.status == "in_progress"]
        return started - (job.queued_at or 0.0)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_own_time_of_a_cold_start_leaves_out_the_instance_s_boot_and_ecs_s_part(scene: Scene) -> None:
    job = scene.until(scene.queue())
    # The webhook, the scaler that launches, the one that starts the task, the registrar: each starts once.
    assert scene.watch.own_seconds(job) == pytest.approx(4 * STARTS + HELLO, abs=1e-3)
    assert scene.wait_of(job) > 7 + 18 + 1 + 3 + 2 + 2


def test_own_time_of_a_hot_start_leaves_out_ecs_s_part(scene: Scene) -> None:
    scene.until(scene.queue())
    job = scene.until(scene.queue())
    assert scene.watch.own_seconds(job) == pytest.approx(3 * STARTS + HELLO, abs=1e-3)
    assert scene.wait_of(job) == pytest.approx(3 * STARTS + HELLO + 3.0 + 2.0 + 2.0, abs=1e-3)


def test_own_time_of_a_stopped_instance_s_start_leaves_out_that_start_and_no_more() -> None:
    """The boot with which it joined the stopped tier ended long before, and never connected."""
    scene = Scene(stopped_instances=1, market=Market.ON_DEMAND)
    scene.world.clock.advance(900.0)
    job = scene.until(scene.queue())
    assert scene.watch.own_seconds(job) == pytest.approx(4 * STARTS + HELLO, abs=1e-3)


def test_a_job_that_another_s_runner_served_waited_from_its_own_webhook_on(scene: Scene) -> None:
    first = scene.queue()
    by_task = scene.world.loop.containers.by_task
    assert scene.world.loop.run_until(lambda: any(one.claimed_at for one in by_task.values()), 600.0)
    scene.world.github.jobs.cancel(first.id)
    second = scene.until(scene.queue())
    (name,) = [runner.name for runner in [second.now.runner] if runner]
    assert by_task[name[-32:]].claimed_at is not None
    assert scene.watch.own_seconds(second) == 0.0
    assert scene.watch.own_seconds(first) is None


def test_a_job_that_never_had_a_runner_or_a_webhook_has_no_own_time(scene: Scene) -> None:
    cancelled = scene.queue()
    scene.world.github.jobs.cancel(cancelled.id)
    scene.world.clock.advance(60.0)
    assert scene.watch.own_seconds(cancelled) is None
    unheard = scene.queue()
    scene.world.github.deliveries.deliver = lambda _delivery: None
    scene.world.clock.advance(60.0)
    assert scene.watch.own_seconds(unheard) is None


def test_an_instance_lives_from_its_launch_until_it_is_shut_down_or_now(scene: Scene) -> None:
    job = scene.until(scene.queue())
    now = scene.world.clock.now()
    (running,) = scene.watch.lives(now)
    assert (running.ended_at, running.market) == (now, Market.SPOT)
    assert job.queued_at is not None
    assert running.launched_at == pytest.approx(job.queued_at + 2 * STARTS, abs=2.0)
    scene.world.clock.advance(900.0)
    (ended,) = scene.watch.lives(scene.world.clock.now())
    assert (ended.launched_at, ended.type) == (running.launched_at, running.type)
    assert now + 60.0 <= ended.ended_at <= now + 300.0


def test_a_stopped_instance_lives_once_for_each_time_that_it_runs() -> None:
    scene = Scene(stopped_instances=1, market=Market.ON_DEMAND)
    scene.world.clock.advance(900.0)
    (warming,) = scene.watch.lives(scene.world.clock.now())
    assert warming.ended_at < scene.world.clock.now() - 300.0
    job = scene.until(scene.queue(), "in_progress")
    lives = scene.watch.lives(scene.world.clock.now())
    assert lives[0] == warming
    assert [life.launched_at for life in lives[1:]] == sorted(life.launched_at for life in lives[1:])
    assert any(life.launched_at >= (job.queued_at or 0.0) for life in lives[1:])
