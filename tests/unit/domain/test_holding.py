"""Which instance a pool at its limit keeps free for a large job."""

from __future__ import annotations

import pytest

from slipway.domain.instances import Instance
from slipway.domain.intents import RunTasks
from slipway.domain.matching import Shape
from slipway.domain.placing import Want, room_for, untouched
from slipway.domain.reasons import Why
from slipway.domain.resources import Resources
from slipway.domain.snapshot import WaitingJob
from tests.builders import (
    ROOM_FOR_FOUR,
    SHAPE,
    SIZE,
    a_booting_instance,
    a_job,
    a_policy,
    a_runner,
    a_stopped_instance,
    an_arn,
    an_instance,
    several_jobs,
)
from tests.support.placing import busy_on, having, place

DOUBLE, LARGE = Shape("double", SIZE + SIZE), Shape("large", ROOM_FOR_FOUR)


def large_and_small(smalls: int = 4) -> list[WaitingJob]:
    return [a_job(99, shape=LARGE), *several_jobs(smalls)]


def test_at_the_limit_the_emptiest_instance_that_could_hold_a_large_job_is_kept_from_small_ones() -> None:
    runners = (*busy_on("i-1", 3), *busy_on("i-2", 1, 11))
    jobs = large_and_small()
    snapshot = having(an_instance("i-1"), an_instance("i-2"), runners=runners)
    found = place(jobs, snapshot, allowed=0)
    assert found.run == (RunTasks(SHAPE, 1, avoid=("i-2",)),)
    assert found.whys(jobs) == [Why.POOL_LIMIT, Why.TASK_STARTING, *[Why.POOL_LIMIT] * 3]
    assert [reason.parameters.get("held") for reason in found.reasons(jobs)] == ["i-2", *[None] * 4]
    assert untouched(found.placing.rooms.usable) == set()


@pytest.mark.parametrize(
    ("on_1", "on_2"),
    [(Resources(2048, 8192), Resources(4096, 1024)), (Resources(2048, 1024), Resources(2048, 8192))],
    ids=["by CPU", "then by memory"],
)
def test_the_emptiest_instance_is_the_one_with_the_most_room_for_the_job(
    on_1: Resources, on_2: Resources
) -> None:
    runners = [
        a_runner(n, shape=Shape("x", size), instance_arn=an_arn(f"i-{n}"))
        for n, size in ((1, on_1), (2, on_2))
    ]
    snapshot = having(an_instance("i-1"), an_instance("i-2"), runners=tuple(runners))
    found = place([a_job(99, shape=LARGE), a_job(1)], snapshot, allowed=0)
    assert found.run == (RunTasks(SHAPE, 1, avoid=("i-1",)),)


@pytest.mark.parametrize(
    ("allowed", "instances"),
    [(1, ()), (0, (a_booting_instance("i-9"),))],
    ids=["may be launched", "boots"],
)
def test_nothing_is_kept_for_a_large_job_while_room_for_it_may_come(
    allowed: int, instances: tuple[Instance, ...]
) -> None:
    snapshot = having(an_instance("i-1"), *instances, runners=busy_on("i-1", 1))
    assert place(large_and_small(3), snapshot, allowed=allowed).run == (RunTasks(SHAPE, 3),)


def test_stopped_instances_that_the_limit_keeps_from_starting_are_no_room_to_come() -> None:
    snapshot = having(an_instance("i-1"), a_stopped_instance("i-2"), runners=busy_on("i-1", 1))
    assert place(large_and_small(3), snapshot, allowed=0).run == ()


def test_nothing_is_kept_for_a_job_that_no_instance_could_ever_hold() -> None:
    huge = a_job(99, shape=Shape("huge", ROOM_FOR_FOUR + SIZE))
    snapshot = having(an_instance("i-1"), runners=busy_on("i-1", 1))
    assert place([huge, *several_jobs(3)], snapshot, allowed=0).run == (RunTasks(SHAPE, 3),)


def test_one_instance_a_shape_is_kept_and_each_shape_its_own() -> None:
    """Jobs for which an instance is kept still count on it when its room is there."""
    snapshot = having(
        *(an_instance(f"i-{number}") for number in (1, 2, 3)),
        runners=(*busy_on("i-1", 1), *busy_on("i-2", 3, 11), *busy_on("i-3", 3, 21)),
    )
    jobs = [a_job(99, shape=LARGE), a_job(98, shape=LARGE), a_job(97, shape=DOUBLE), *several_jobs(2)]
    found = place(jobs, snapshot, allowed=0)
    assert found.run == (RunTasks(SHAPE, 1, avoid=("i-1", "i-3")),)


def test_an_instance_on_which_the_plan_has_placed_a_task_already_is_not_kept() -> None:
    """Where that task lands is ECS's choice: it was promised the room before."""
    snapshot = having(an_instance("i-1"), runners=busy_on("i-1", 1))
    jobs = [a_job(1), a_job(99, shape=LARGE), a_job(2), a_job(3)]
    assert place(jobs, snapshot, allowed=0).run == (RunTasks(SHAPE, 3),)


def test_no_instance_is_kept_for_headroom_or_in_an_exclusive_pool() -> None:
    snapshot = having(an_instance("i-1"), runners=busy_on("i-1", 1))
    kept: list[Want] = [room_for(ROOM_FOR_FOUR), *several_jobs(3)]
    assert place(kept, snapshot, allowed=0).run == (RunTasks(SHAPE, 3),)
    snapshot = having(*(an_instance(f"i-{n}") for n in (1, 2, 3)), runners=busy_on("i-1", 1))
    jobs = [a_job(1), a_job(98, shape=LARGE), a_job(99, shape=LARGE)]
    found = place(jobs, snapshot, a_policy(exclusive=True), allowed=0)
    assert [(request.shape, request.avoid) for request in found.run] == [(LARGE, ()), (SHAPE, ())]
    assert all(request.exclusive for request in found.run)
