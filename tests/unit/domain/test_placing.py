"""Where each wanted task goes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import Market
from slipway.domain.instances import Load
from slipway.domain.intents import Offering, RunTasks
from slipway.domain.matching import Shape
from slipway.domain.placing import Want, room_for, untouched
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import Resources
from slipway.domain.rooms import rooms_of
from slipway.domain.snapshot import UnavailableOffering
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    SHAPE,
    SIZE,
    a_booting_instance,
    a_job,
    a_launch_intent,
    a_policy,
    a_run_intent,
    a_snapshot,
    a_stopped_instance,
    an_instance,
    several_jobs,
)
from tests.support.placing import busy_on, having, place

DOUBLE, LARGE = Shape("double", SIZE + SIZE), Shape("large", ROOM_FOR_FOUR)
STANDBY: Want = SHAPE
KEPT = room_for(SIZE)


def test_usable_room_comes_before_booting_before_stopped_before_new() -> None:
    jobs = several_jobs(20)
    found = place(jobs, having(an_instance("i-1"), a_booting_instance("i-2"), a_stopped_instance("i-3")))
    assert [job.key.job_id for job in found.started] == [1, 2, 3, 4]
    assert found.run == (RunTasks(SHAPE, 4),)
    assert found.placing.hosts == {"i-1": {SHAPE: 4}}
    assert found.loads == {"i-3": ((SHAPE, 4),)}
    assert found.launched == 2
    starting = Why.INSTANCE_STARTING
    assert found.reasons(jobs) == [
        *[Reason(Why.TASK_STARTING, {"shape": str(SHAPE)})] * 4,
        *[Reason(starting, {"instance": "i-2", "since": NOW - 20})] * 4,
        *[Reason(starting, {"instance": "i-3", "since": NOW})] * 4,
        *[Reason(starting, {"since": NOW})] * 8,
    ]


def test_standby_tasks_start_without_a_job_and_kept_room_starts_nothing() -> None:
    found = place([STANDBY, STANDBY, KEPT, KEPT], having(an_instance()))
    assert (found.run, found.started, found.launched) == ((RunTasks(SHAPE, 2),), [], 0)
    assert found.placing.hosts == {"i-1": {SHAPE: 2}}
    assert untouched(found.placing.rooms.usable) == set()


def test_room_that_is_kept_is_no_room_for_tasks_after_it() -> None:
    found = place([*[KEPT] * 4, a_job()], having(an_instance()))
    assert (found.run, found.launched) == ((), 1)


def test_instances_on_which_nothing_is_placed_are_untouched() -> None:
    found = place([a_job()], having(an_instance("i-1"), an_instance("i-2"), runners=busy_on("i-2", 1)))
    assert untouched(found.placing.rooms.usable) == {"i-1"}


def test_the_start_ramp_keeps_the_room_but_starts_nothing() -> None:
    jobs = several_jobs(5)
    found = place(jobs, having(an_instance()), ramp=3, in_flight={"acme/one": 1})
    assert found.run == (RunTasks(SHAPE, 2),)
    assert found.whys(jobs) == [Why.TASK_STARTING] * 2 + [Why.START_RAMP] * 2 + [Why.INSTANCE_STARTING]
    assert found.reasons(jobs)[2] == Reason(Why.START_RAMP, {"limit": 3})
    assert found.launched == 1


def test_the_start_ramp_counts_each_repository_for_itself_and_without_case() -> None:
    jobs = (*several_jobs(2, repository="Acme/ONE"), *several_jobs(1, 11, repository="acme/two"))
    found = place(jobs, having(an_instance()), ramp=1)
    assert found.whys(jobs) == [Why.TASK_STARTING, Why.START_RAMP, Why.TASK_STARTING]


def test_standby_is_not_held_back_by_the_start_ramp() -> None:
    assert place([STANDBY] * 3, having(an_instance()), ramp=0).run == (RunTasks(SHAPE, 3),)


@given(st.permutations([1, 2, 3]), st.permutations(list(range(6))))
def test_what_instances_boot_for_is_kept_for_it_whatever_the_order_of_instances_and_jobs(
    ages: list[int], order: list[int]
) -> None:
    """First fit would put singles on the instance that boots for a large task, and launch one more."""
    loads: list[Load] = [((LARGE, 1),), ((SHAPE, 4),), ((DOUBLE, 1),)]
    booting = [
        a_booting_instance(f"i-{number}", load=load, launched_at=NOW - age)
        for number, (load, age) in enumerate(zip(loads, ages, strict=True))
    ]
    wanted = [LARGE, *[SHAPE] * 4, DOUBLE]
    found = place([a_job(number, shape=wanted[number]) for number in order], having(*booting))
    assert (found.launched, found.run) == (0, ())
    expected = {"i-0": 1, "i-1": 4, "i-2": 1}
    assert Counter(reason.parameters["instance"] for reason in found.placing.reasons.values()) == expected


def test_the_load_of_a_launch_without_an_answer_is_kept_for_it_too() -> None:
    launch = a_launch_intent(2, loads=((((LARGE, 1),), 1), (((SHAPE, 4),), 1)))
    jobs = [*several_jobs(4), a_job(99, shape=LARGE)]
    assert place(jobs, a_snapshot(intents=(launch,))).launched == 0


def test_what_a_load_leaves_and_what_nobody_wants_any_more_is_room_for_others() -> None:
    booting = (a_booting_instance("i-1", load=((DOUBLE, 1),)), a_booting_instance("i-2", load=((LARGE, 1),)))
    jobs = [*several_jobs(6), a_job(99, shape=DOUBLE)]
    found = place(jobs, having(*booting))
    assert found.launched == 0
    assert found.reasons(jobs)[-1].parameters["instance"] == "i-1"


def test_stopped_instances_are_started_the_longest_stopped_first_and_only_as_many_as_needed() -> None:
    snapshot = having(*(a_stopped_instance(f"i-{n}", stopped_at=NOW - n) for n in (1, 2, 3)))
    found = place(several_jobs(5), snapshot)
    assert found.loads == {"i-3": ((SHAPE, 4),), "i-2": ((SHAPE, 1),)}
    assert found.launched == 0


@pytest.mark.parametrize(("allowed", "starts"), [(0, []), (1, ["i-3"]), (2, ["i-2", "i-3"])], ids=str)
def test_stopped_instances_are_started_within_what_is_allowed(allowed: int, starts: list[str]) -> None:
    snapshot = having(*(a_stopped_instance(f"i-{n}", stopped_at=NOW - n) for n in (1, 2, 3)))
    found = place(several_jobs(12), snapshot, allowed=allowed)
    assert sorted(found.loads) == starts
    assert found.launched == 0


def test_a_stopped_instance_that_holds_nothing_that_waits_takes_no_start_from_one_that_does() -> None:
    small = a_stopped_instance("i-1", stopped_at=NOW - 9_999, registered=SIZE)
    found = place([a_job(shape=LARGE)], having(small, a_stopped_instance("i-2")), allowed=1)
    assert (found.loads, found.launched) == ({"i-2": ((LARGE, 1),)}, 0)


def test_starts_and_launches_share_what_is_allowed() -> None:
    jobs = several_jobs(12)
    found = place(jobs, having(a_stopped_instance()), allowed=2)
    assert (len(found.loads), found.launched) == (1, 1)
    assert found.whys(jobs) == [Why.INSTANCE_STARTING] * 8 + [Why.POOL_LIMIT] * 4


def test_no_stopped_instance_is_started_for_room_alone() -> None:
    found = place([KEPT], having(a_stopped_instance()))
    assert (found.start, found.launched) == ((), 1)


def test_no_stopped_instance_is_started_that_ec2_has_no_capacity_for() -> None:
    refused = UnavailableOffering("m7i.2xlarge", "subnet-1", Market.ON_DEMAND, NOW + 60)
    found = place([a_job()], having(a_stopped_instance(), unavailable=(refused,)))
    assert (found.start, found.launched) == ((), 1)


def test_each_call_starts_instances_of_one_type_in_one_subnet() -> None:
    """EC2 starts all instances of a call or none."""
    snapshot = having(
        a_stopped_instance("i-1", subnet="subnet-2"),
        a_stopped_instance("i-2", instance_type="c7i.2xlarge"),
        a_stopped_instance("i-3"),
        a_stopped_instance("i-4", stopped_at=NOW - 9_999),
    )
    found = place([a_job(number, shape=LARGE) for number in range(4)], snapshot)
    assert [(request.offering, request.instance_ids) for request in found.start] == [
        (Offering("c7i.2xlarge", "subnet-1"), ("i-2",)),
        (Offering("m7i.2xlarge", "subnet-1"), ("i-3", "i-4")),
        (Offering("m7i.2xlarge", "subnet-2"), ("i-1",)),
    ]


def test_what_an_instance_is_started_for_does_not_depend_on_the_order_of_the_jobs() -> None:
    jobs = [a_job(1), a_job(2, shape=DOUBLE)]
    for order in (jobs, jobs[::-1]):
        assert place(order, having(a_stopped_instance())).loads == {"i-1": ((DOUBLE, 1), (SHAPE, 1))}


def test_nobody_is_placed_when_nothing_may_start_and_all_hear_the_one_reason() -> None:
    found = place([], having(an_instance()))
    paused, jobs = Reason(Why.PAUSED, {"pool": "general"}), several_jobs(2)
    assert found.placing.refuse([STANDBY, *jobs], paused) == []
    assert found.reasons(jobs) == [paused, paused]
    assert found.placing.run_requests() == ()


def test_tasks_are_run_the_largest_first_and_at_most_ten_a_call() -> None:
    memory, other = Shape("memory", SIZE + Resources(0, 1024)), Shape("other", SIZE)
    hosts = tuple(an_instance(f"i-{number}") for number in range(20))
    wanted = [other, *[SHAPE] * 23, DOUBLE, memory, *[LARGE] * 10]
    found = place([a_job(number, shape=shape) for number, shape in enumerate(wanted)], having(*hosts))
    assert [(request.shape, request.count) for request in found.run] == [
        (LARGE, 10),
        (DOUBLE, 1),
        (memory, 1),
        (SHAPE, 10),
        (SHAPE, 10),
        (SHAPE, 3),
        (other, 1),
    ]


@given(st.lists(st.sampled_from([SHAPE, DOUBLE, LARGE]), max_size=25), st.integers(0, 3), st.integers(0, 3))
def test_every_job_has_one_reason_and_as_many_tasks_start_as_jobs_are_told_so(
    shapes: list[Shape], allowed: int, booting: int
) -> None:
    jobs = [a_job(number, shape=shape) for number, shape in enumerate(shapes)]
    instances = (
        an_instance("i-1"),
        an_instance("i-2"),
        *(a_booting_instance(f"i-b{number}") for number in range(booting)),
    )
    found = place(jobs, having(*instances, intents=(a_run_intent(2),)), allowed=allowed)
    assert set(found.placing.reasons) == {job.key for job in jobs}
    starting = [job for job in jobs if found.placing.reasons[job.key].code is Why.TASK_STARTING]
    assert found.started == starting
    tasks = Counter[Shape]()
    for request in found.run:
        tasks[request.shape] += request.count
    assert tasks == Counter(job.shape for job in starting)
    room = sum((bin.free for bin in rooms_of(having(*instances[:2]), a_policy(), ()).usable), Resources(0, 0))
    assert sum((job.shape.size for job in starting), SIZE + SIZE).fits(room)
