"""Which instance a pool at its limit, or for which EC2 has nothing, keeps free for a large job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.domain.configuration import InstanceType, Market
from slipway.domain.instances import Instance
from slipway.domain.intents import RunTasks
from slipway.domain.matching import Shape
from slipway.domain.placing import Want, room_for, untouched
from slipway.domain.reasons import Why
from slipway.domain.resources import Resources
from slipway.domain.snapshot import ANY, REFUSED_LATELY_SECONDS, UnavailableOffering, WaitingJob
from tests.builders import (
    NOW,
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


def refused(until: float, *markets: Market) -> tuple[UnavailableOffering, ...]:
    return tuple(UnavailableOffering(ANY, ANY, market, until) for market in markets or Market)


def test_an_instance_is_kept_as_long_as_ec2_has_none_that_would_hold_the_job() -> None:
    snapshot = having(an_instance("i-1"), runners=busy_on("i-1", 3), unavailable=refused(NOW + 60))
    jobs = large_and_small(1)
    found = place(jobs, snapshot)
    assert found.run == ()
    assert found.whys(jobs) == [Why.NO_CAPACITY] * 2
    assert [reason.parameters.get("held") for reason in found.reasons(jobs)] == ["i-1", None]


def test_nothing_is_kept_while_one_market_has_it() -> None:
    snapshot = having(
        an_instance("i-1"), runners=busy_on("i-1", 3), unavailable=refused(NOW + 60, Market.SPOT)
    )
    found = place(large_and_small(1), snapshot)
    assert (found.run, found.launched) == ((RunTasks(SHAPE, 1),), 1)


def test_nothing_is_kept_for_a_size_that_ec2_has_though_it_has_not_every_type() -> None:
    types = (InstanceType("small", SIZE, 0.1), InstanceType("large", ROOM_FOR_FOUR, 0.4))
    none_small = tuple(UnavailableOffering("small", ANY, market, NOW + 60) for market in Market)
    none_large = tuple(UnavailableOffering("large", ANY, market, NOW + 60) for market in Market)
    policy = a_policy(instance_types=types)
    for unavailable, kept in ((none_small, False), (none_large, True)):
        snapshot = having(an_instance("i-1"), runners=busy_on("i-1", 3), unavailable=unavailable)
        assert (place(large_and_small(1), snapshot, policy).run == ()) is kept


def test_what_is_kept_is_kept_while_ec2_is_asked_again_and_until_what_it_grants_is_up() -> None:
    """Else the try that EC2 refuses, one each three minutes, would give away all that was kept."""
    again = having(an_instance("i-1"), runners=busy_on("i-1", 3), unavailable=refused(NOW - 5))
    found = place(large_and_small(1), again)
    assert (found.run, found.launched) == ((), 2)
    granted = (a_booting_instance("i-8"), a_booting_instance("i-9", load=((LARGE, 1),)))
    found = place(large_and_small(1), replace(again, instances=(*again.instances, *granted)))
    assert (found.run, found.launched) == ((), 0)


def test_refusals_that_have_been_over_for_a_while_keep_nothing() -> None:
    over = refused(NOW - REFUSED_LATELY_SECONDS)
    snapshot = having(an_instance("i-1"), runners=busy_on("i-1", 3), unavailable=over)
    assert place(large_and_small(1), snapshot).run == (RunTasks(SHAPE, 1),)


@pytest.mark.parametrize("until", [NOW + 60, NOW - 5], ids=["refused", "asked again"])
def test_nothing_is_kept_for_a_job_that_a_stopped_instance_may_be_started_for(until: float) -> None:
    stopped = a_stopped_instance("i-2", subnet="subnet-of-old")
    types = (UnavailableOffering(ANY, "subnet-1", market, until) for market in Market)
    snapshot = having(an_instance("i-1"), stopped, runners=busy_on("i-1", 3), unavailable=tuple(types))
    found = place(large_and_small(1), snapshot)
    assert (found.run, found.loads) == ((RunTasks(SHAPE, 1),), {"i-2": ((LARGE, 1),)})


def test_a_stopped_instance_that_is_too_small_is_no_room_to_come() -> None:
    small = a_stopped_instance("i-2", subnet="subnet-of-old", registered=SIZE)
    types = tuple(UnavailableOffering(ANY, "subnet-1", market, NOW + 60) for market in Market)
    snapshot = having(an_instance("i-1"), small, runners=busy_on("i-1", 3), unavailable=types)
    assert place(large_and_small(1), snapshot).run == ()


def test_nor_is_one_that_boots_and_is_too_small() -> None:
    small = a_booting_instance("i-2", registered=SIZE)
    snapshot = having(an_instance("i-1"), small, runners=busy_on("i-1", 3))
    assert place(large_and_small(1), snapshot, allowed=0).run == ()
