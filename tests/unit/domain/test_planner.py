"""The planner, one case for each rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from slipway.domain.configuration import Fairness, Market
from slipway.domain.intents import LaunchInstances, Offering, RunTasks
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.plan import Plan
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import Resources
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Control, UnavailableOffering
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    SHAPE,
    SIZE,
    a_booting_instance,
    a_configuration,
    a_job,
    a_launch_intent,
    a_pool,
    a_profile,
    a_run_intent,
    a_runner,
    a_snapshot,
    a_task_id,
    an_arn,
    an_instance,
    several_jobs,
)
from tests.strategies import Situation
from tests.support.planning import (
    TWO_TYPES,
    applied,
    codes,
    plan,
    started,
    unsettled,
)


def test_an_empty_pool_is_quiet() -> None:
    decided = plan(a_snapshot(), a_configuration())
    assert decided == Plan()
    assert decided.is_quiet


def test_jobs_with_room_start_tasks_ten_a_call() -> None:
    hosts = tuple(an_instance(f"i-{n}") for n in range(6))
    decided = plan(a_snapshot(jobs=several_jobs(23), instances=hosts), a_configuration())
    assert [request.count for request in decided.run] == [10, 10, 3]
    assert decided.launch == ()
    assert not decided.is_quiet


def test_jobs_without_room_launch_as_many_instances_as_they_fill() -> None:
    decided = plan(a_snapshot(jobs=several_jobs(9)), a_configuration())
    assert decided.run == ()
    loads = ((((SHAPE, 1),), 1), (((SHAPE, 4),), 2))
    offering = Offering("m7i.2xlarge", "subnet-1")
    assert decided.launch == (LaunchInstances((offering,), Market.SPOT, 3, ROOM_FOR_FOUR, loads),)
    assert set(codes(decided)) == {Why.INSTANCE_STARTING}
    assert decided.offers == {}


def test_free_room_is_used_before_booting_instances_and_those_before_new_ones() -> None:
    snapshot = a_snapshot(jobs=several_jobs(10), instances=(an_instance("i-1"), a_booting_instance("i-2")))
    decided = plan(snapshot, a_configuration())
    assert started(decided) == {SHAPE: 4}
    assert sum(request.count for request in decided.launch) == 1
    by_host = Counter(reason.parameters.get("instance") for reason in decided.reasons.values())
    assert by_host["i-2"] == 4


def test_one_job_an_instance_in_an_exclusive_pool() -> None:
    configuration = a_configuration(pools=[a_pool(exclusive=True)])
    decided = plan(a_snapshot(jobs=several_jobs(3), instances=(an_instance(),)), configuration)
    assert decided.run == (RunTasks(SHAPE, 1, exclusive=True),)
    assert [request.count for request in decided.launch] == [2]


def test_an_exclusive_host_is_drained_as_soon_as_its_task_is_placed() -> None:
    snapshot = a_snapshot(runners=(a_runner(instance_arn=an_arn("i-1")),), instances=(an_instance(),))
    assert plan(snapshot, a_configuration(pools=[a_pool(exclusive=True)])).drain == ("i-1",)
    assert plan(snapshot, a_configuration()).drain == ()


def test_a_starting_task_serves_the_first_job_and_only_that_one() -> None:
    snapshot = a_snapshot(
        jobs=several_jobs(2),
        runners=(a_runner(instance_arn=an_arn("i-1")),),
        instances=(an_instance(),),
    )
    decided = plan(snapshot, a_configuration())
    assert started(decided) == {SHAPE: 1}
    assert [job.key.job_id for job in decided.offers[SHAPE]] == [1, 2]


def test_a_task_never_serves_a_job_of_another_size() -> None:
    larger = Shape("medium", Resources(4096, 14336))
    snapshot = a_snapshot(
        jobs=(a_job(shape=larger),),
        runners=(a_runner(instance_arn=an_arn("i-1")),),
        instances=(an_instance(),),
    )
    assert started(plan(snapshot, a_configuration())) == {larger: 1}


def test_a_run_without_an_answer_holds_its_room() -> None:
    snapshot = a_snapshot(jobs=several_jobs(6), instances=(an_instance(),), intents=(a_run_intent(3),))
    decided = plan(snapshot, a_configuration())
    assert started(decided) == {SHAPE: 1}
    assert sum(request.count for request in decided.launch) == 1


@pytest.mark.parametrize("state", [RunnerState.STARTING, RunnerState.REGISTERED, RunnerState.BUSY], ids=str)
def test_a_task_that_is_recorded_before_its_run_is_answered_counts_once(state: RunnerState) -> None:
    runner = a_runner(state=state, intent="run-1", instance_arn=an_arn("i-1"), organization="initech")
    snapshot = a_snapshot(
        jobs=several_jobs(4, organization="globex", repository="globex/one"),
        runners=(replace(runner, reach="initech"),),
        instances=(an_instance(), an_instance("i-2")),
        intents=(a_run_intent(2),),
    )
    decided = plan(snapshot, a_configuration())
    on_the_way = 1 + (state is RunnerState.STARTING)
    assert started(decided) == {SHAPE: 4 - on_the_way}


def test_a_launch_without_an_answer_is_room_to_wait_for() -> None:
    snapshot = a_snapshot(jobs=several_jobs(4), intents=(a_launch_intent(1),))
    decided = plan(snapshot, a_configuration())
    assert decided.launch == ()
    assert set(codes(decided)) == {Why.INSTANCE_STARTING}


def test_a_disconnected_instance_has_no_room_beyond_what_its_tasks_leave() -> None:
    busy = tuple(a_runner(n, RunnerState.BUSY, instance_arn=an_arn("i-1")) for n in range(4))
    snapshot = a_snapshot(jobs=several_jobs(1), runners=busy, instances=(an_instance(connected=False),))
    assert sum(request.count for request in plan(snapshot, a_configuration()).launch) == 1


@pytest.mark.parametrize("order", [1, -1], ids=["smaller first", "larger first"])
def test_an_instance_that_boots_is_left_to_the_job_that_it_was_started_for(order: int) -> None:
    large = Shape("large", Resources(16384, 57344))
    configuration = a_configuration(
        [a_profile(), a_profile(name="large", size=large.size)], [a_pool(instance_types=TWO_TYPES)]
    )
    jobs = (a_job(1, queued_at=NOW - 9), a_job(2, queued_at=NOW - 8, shape=large, label_key="large"))
    first = plan(a_snapshot(jobs=jobs), configuration)
    assert Counter({r.each: r.count for r in first.launch}) == {TWO_TYPES[0].registered: 1, large.size: 1}
    names = ["i-1", "i-2"][::order]
    booting = tuple(
        a_booting_instance(name, registered=request.each, load=request.load_of(0))
        for name, request in zip(names, first.launch, strict=True)
    )
    assert plan(a_snapshot(jobs=jobs, instances=booting), configuration).launch == ()


def test_a_job_whose_runner_idles_needs_nothing_more() -> None:
    idle = a_runner(1, RunnerState.REGISTERED)
    decided = plan(a_snapshot(jobs=(a_job(),), runners=(idle,)), a_configuration())
    assert (decided.run, decided.launch, decided.offers) == ((), (), {})
    assert decided.reasons == {JobKey("acme", 1, 1): Reason(Why.RUNNER_IDLE, {"task": a_task_id(1)})}


def test_a_stolen_runner_leaves_its_first_job_to_be_offered_again() -> None:
    """[GH-WJ-13]"""
    stolen = a_runner(1, RunnerState.BUSY, job=JobKey("acme", 2, 1), instance_arn=an_arn("i-1"))
    snapshot = a_snapshot(
        jobs=(a_job(1, offered_to=a_task_id(1)),), runners=(stolen,), instances=(an_instance(),)
    )
    decided = plan(snapshot, a_configuration())
    assert started(decided) == {SHAPE: 1}
    assert [job.key.job_id for job in decided.offers[SHAPE]] == [1]


@pytest.mark.parametrize(
    ("control", "why"), [(Control.PAUSE, Why.PAUSED), (Control.DRAIN, Why.DRAINING)], ids=str
)
def test_a_stopped_pool_says_so_but_tasks_under_way_still_claim(control: Control, why: Why) -> None:
    snapshot = a_snapshot(
        jobs=several_jobs(2),
        runners=(a_runner(instance_arn=an_arn("i-1")),),
        instances=(an_instance(),),
        control=control,
    )
    decided = plan(snapshot, a_configuration())
    assert codes(decided) == [Why.TASK_STARTING, why]
    assert [job.key.job_id for job in decided.offers[SHAPE]] == [1]


def test_jobs_over_a_cap_are_neither_started_nor_offered() -> None:
    configuration = a_configuration([a_profile(max_runners=2)])
    snapshot = a_snapshot(
        jobs=several_jobs(3),
        runners=(a_runner(1, RunnerState.BUSY, instance_arn=an_arn("i-1")),),
        instances=(an_instance(),),
    )
    decided = plan(snapshot, configuration)
    assert codes(decided) == [Why.TASK_STARTING, Why.PROFILE_LIMIT, Why.PROFILE_LIMIT]
    assert started(decided) == {SHAPE: 1}


def test_while_a_covered_job_is_still_on_offer_no_other_gets_its_place() -> None:
    """The runner of a job that was stolen idles and covers the next; a claim may yet draw that one's offer [GH-WJ-13]."""
    idle, task = a_runner(1, RunnerState.REGISTERED), a_runner(2)
    covered, other = several_jobs(2)
    before = a_snapshot(jobs=(covered, other), runners=(idle, task))
    configuration = a_configuration([a_profile(max_runners_per_repository=2)])
    decided = plan(replace(before, on_offer=frozenset({(covered.key, None)})), configuration)
    assert (dict(decided.offers), decided.withholds) == ({}, True)
    assert codes(decided) == [Why.RUNNER_IDLE, Why.REPOSITORY_LIMIT]
    then = plan(before, configuration)
    assert (then.offers[SHAPE], then.withholds) == ((other,), False)


def test_an_offer_of_a_job_that_was_given_a_runner_since_is_void_and_takes_no_place() -> None:
    taken = replace(a_job(1), offered_to=a_task_id(1))
    busy = a_runner(1, RunnerState.REGISTERED)
    snapshot = a_snapshot(
        jobs=(taken, a_job(2)), runners=(busy, a_runner(2)), on_offer=frozenset({(taken.key, None)})
    )
    decided = plan(snapshot, a_configuration([a_profile(max_runners_per_repository=2)]))
    assert [job.key.job_id for job in decided.offers[SHAPE]] == [2]


def test_no_room_and_no_more_instances_allowed_is_said() -> None:
    decided = plan(a_snapshot(jobs=several_jobs(5)), a_configuration(pools=[a_pool(max_instances=1)]))
    assert codes(decided) == [Why.INSTANCE_STARTING] * 4 + [Why.POOL_LIMIT]


def test_no_capacity_at_ec2_is_said_with_the_time_to_ask_again() -> None:
    pool = a_pool(market=Market.ON_DEMAND)
    refused = UnavailableOffering("m7i.2xlarge", "subnet-1", Market.ON_DEMAND, NOW + 60)
    decided = plan(a_snapshot(jobs=(a_job(),), unavailable=(refused,)), a_configuration(pools=[pool]))
    told = Reason(Why.NO_CAPACITY, {"until": NOW + 60, "subnets": "subnet-1"})
    assert decided.reasons[JobKey("acme", 1, 1)] == told


def test_standby_tasks_are_kept_without_any_job() -> None:
    configuration = a_configuration([a_profile(standby=3)])
    decided = plan(a_snapshot(instances=(an_instance(),)), configuration)
    assert started(decided) == {SHAPE: 3}
    assert decided.offers == {}


def test_standby_comes_on_top_of_the_jobs() -> None:
    configuration = a_configuration([a_profile(standby=2)])
    waiting = (a_runner(1, instance_arn=an_arn("i-1")), a_runner(2, instance_arn=an_arn("i-1")))
    snapshot = a_snapshot(jobs=several_jobs(1), runners=waiting, instances=(an_instance(),))
    assert started(plan(snapshot, configuration)) == {SHAPE: 1}


def test_standby_stays_within_the_profiles_cap() -> None:
    configuration = a_configuration([a_profile(standby=3, max_runners=2)])
    busy = a_runner(1, RunnerState.BUSY, instance_arn=an_arn("i-1"))
    decided = plan(a_snapshot(runners=(busy,), instances=(an_instance(),)), configuration)
    assert started(decided) == {SHAPE: 1}


def test_standby_of_another_pools_profile_is_not_this_pools_work() -> None:
    configuration = a_configuration(
        [a_profile(), a_profile(name="other", pool="elsewhere", standby=2)],
        [a_pool(), a_pool(name="elsewhere")],
    )
    assert plan(a_snapshot(instances=(an_instance(),)), configuration).run == ()


@pytest.mark.parametrize("busy", [0, 1], ids=["room for one more", "no room for more"])
def test_a_job_that_the_start_ramp_holds_back_takes_no_standby_task(busy: int) -> None:
    """Each plan would start another one in its stead, and launch an instance for it where there is no room."""
    configuration = a_configuration([a_profile(standby=1)], fairness=Fairness(max_starting_per_repository=1))
    runners = tuple(a_runner(n, RunnerState.BUSY, instance_arn=an_arn("i-1")) for n in range(busy))
    snapshot = a_snapshot(jobs=several_jobs(2), runners=runners, instances=(an_instance(),))
    first = plan(snapshot, configuration)
    assert started(first) == {SHAPE: 2}
    unanswered = replace(snapshot, intents=unsettled(first))
    for later in (unanswered, applied(Situation(snapshot, configuration), first)):
        second = plan(later, configuration)
        assert (started(second), second.launch) == ({}, ())
        assert codes(second) == [Why.TASK_STARTING, Why.START_RAMP]


def test_a_task_that_the_start_ramp_leaves_without_a_job_has_the_place_of_one_that_it_holds_back() -> None:
    """The host is full, and another one would be launched for a job that a task waits for."""
    configuration = a_configuration(fairness=Fairness(max_starting_per_repository=1))
    runners = (
        a_runner(1, instance_arn=an_arn("i-1")),
        a_runner(2, RunnerState.REGISTERED, instance_arn=an_arn("i-1"), label_key="others"),
        *(a_runner(n, RunnerState.BUSY, instance_arn=an_arn("i-1")) for n in (3, 4)),
    )
    snapshot = a_snapshot(jobs=several_jobs(2), runners=runners, instances=(an_instance(),))
    one, two = replace(snapshot, jobs=snapshot.jobs[:1]), snapshot
    assert [sum(request.count for request in plan(of, configuration).launch) for of in (one, two)] == [0, 1]
    assert plan(one, configuration).reasons[JobKey("acme", 1, 1)] == Reason(Why.START_RAMP, {"limit": 1})


def waiting_tasks(count: int, shape: Shape = SHAPE) -> tuple[Runner, ...]:
    return tuple(
        a_runner(n, shape=shape, started_at=NOW - 100 + n, running_at=NOW - 50, instance_arn=an_arn("i-1"))
        for n in range(1, count + 1)
    )


def test_the_newest_standby_tasks_beyond_the_number_are_dismissed() -> None:
    snapshot = a_snapshot(runners=waiting_tasks(4), instances=(an_instance(),))
    decided = plan(snapshot, a_configuration([a_profile(standby=2)]))
    assert decided.dismiss == (a_task_id(3), a_task_id(4))


def test_waiting_tasks_of_a_size_that_no_job_and_no_standby_wants_are_dismissed() -> None:
    """A claim of a profile with standby is told to wait, whatever its size: nobody else would end it."""
    odd = Shape("medium", SIZE + SIZE)
    snapshot = a_snapshot(runners=waiting_tasks(1, odd), instances=(an_instance(),))
    assert plan(snapshot, a_configuration([a_profile(standby=1)])).dismiss == (a_task_id(1),)


def test_tasks_without_standby_end_by_themselves() -> None:
    snapshot = a_snapshot(runners=waiting_tasks(2), instances=(an_instance(),))
    assert plan(snapshot, a_configuration()).dismiss == ()


def test_equal_jobs_share_one_offer_list_in_fair_order() -> None:
    greedy = several_jobs(3, queued_at=NOW - 100)
    late = a_job(50, organization="globex", repository="globex/one", queued_at=NOW - 1)
    snapshot = a_snapshot(jobs=(*greedy, late), instances=(an_instance(),))
    offered = plan(snapshot, a_configuration()).offers[SHAPE]
    assert [job.key.job_id for job in offered] == [1, 50, 2, 3]


def test_an_idle_instance_drains_in_the_very_plan_that_starts_tasks_elsewhere() -> None:
    """Draining comes before RunTask: under steady load no plan would ever be without a task to start."""
    instances = (an_instance("i-1", registered=SIZE), an_instance("i-2", idle_since=NOW - 9_999))
    decided = plan(a_snapshot(jobs=(a_job(),), instances=instances), a_configuration())
    assert (started(decided), decided.drain) == ({SHAPE: 1}, ("i-2",))


def test_the_idle_instance_that_a_task_is_started_on_does_not_drain() -> None:
    instances = (an_instance("i-1", idle_since=NOW - 9_999),)
    decided = plan(a_snapshot(jobs=(a_job(),), instances=instances), a_configuration())
    assert (started(decided), decided.drain) == ({SHAPE: 1}, ())


def test_runs_without_an_answer_hold_the_same_room_in_whatever_order_they_come() -> None:
    double, triple = Shape("medium", SIZE + SIZE), Shape("medium", SIZE + SIZE + SIZE)
    instances = (an_instance("i-1", registered=double.size), an_instance("i-2"))
    intents = (a_run_intent(1, "run-1"), a_run_intent(1, "run-2", shape=double))
    snapshot = a_snapshot(
        jobs=(*several_jobs(1), a_job(2), a_job(3, shape=double), a_job(4, shape=triple)),
        instances=instances,
        intents=intents,
    )
    turned = replace(snapshot, intents=intents[::-1])
    assert plan(turned, a_configuration()) == plan(snapshot, a_configuration())
