"""The plan for one pool: what it starts, launches, offers, drains and ends, and what it says of each job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import InstanceType, Market
from slipway.domain.demand import covered_jobs
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import Intent, LaunchInstances, RunTasks
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.plan import Plan
from slipway.domain.planner import plan, reasons_count
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Control, Snapshot, UnavailableOffering
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
from tests.strategies import Situation, of_pools, shuffled, situations

TWO_TYPES = (InstanceType("four", ROOM_FOR_FOUR), InstanceType("eight", ROOM_FOR_FOUR + ROOM_FOR_FOUR))
OVER_A_CAP = {Why.PROFILE_LIMIT, Why.REPOSITORY_LIMIT, Why.ORGANIZATION_LIMIT}


def started(decided: Plan) -> Counter[Shape]:
    tasks: Counter[Shape] = Counter()
    for request in decided.run:
        tasks[request.shape] += request.count
    return tasks


def claimants(snapshot: Snapshot) -> Counter[Shape]:
    """Count the tasks that may still come to claim: the ledger's, and those of calls without an answer."""
    tasks = Counter(runner.shape for runner in snapshot.runners if runner.state is RunnerState.STARTING)
    known = Counter(runner.intent for runner in snapshot.runners)
    for intent in snapshot.intents:
        if isinstance(intent.request, RunTasks):
            tasks[intent.request.shape] += max(0, intent.request.count - known[intent.token])
    return tasks


def admitted_keys(decided: Plan) -> set[JobKey]:
    refused = {Why.RUNNER_IDLE, *OVER_A_CAP}
    return {key for key, reason in decided.reasons.items() if reason.code not in refused}


def codes(decided: Plan) -> list[Why]:
    """Return the reasons' codes by job id."""
    return [reason.code for _, reason in sorted(decided.reasons.items())]


def free_room(situation: Situation) -> list[Resources]:
    """Return the room of each instance where ECS would place a task now; one job an instance in exclusive pools."""
    rooms = []
    for instance in situation.snapshot.instances:
        held = [r.shape.size for r in situation.snapshot.runners if r.instance_arn == instance.arn]
        if not instance.is_usable or (situation.pool.exclusive and held):
            continue
        rooms.append(instance.registered - sum(held, NOTHING))
    return rooms


def can_be_placed(sizes: Sequence[Resources], rooms: Sequence[Resources], *, exclusive: bool) -> bool:
    """Search for any assignment of the tasks to the rooms, the largest task first."""
    if not sizes:
        return True
    first, rest = max(sizes), sorted(sizes)[:-1]
    for room in set(rooms):
        if first.fits(room):
            left = list(rooms)
            left.remove(room)
            if not exclusive:
                left.append(room - first)
            if can_be_placed(rest, left, exclusive=exclusive):
                return True
    return False


def unsettled(decided: Plan) -> tuple[Intent, ...]:
    """Return the intents of a plan of which no call has been answered."""
    requests: tuple[RunTasks | LaunchInstances, ...] = (*decided.run, *decided.launch)
    return tuple(Intent(f"new-{n}", "general", request, NOW) for n, request in enumerate(requests))


def applied(situation: Situation, decided: Plan) -> Snapshot:
    """Return the snapshot after every call was answered: tasks start where there is room, instances boot."""
    snapshot = situation.snapshot
    runners, instances = list(snapshot.runners), list(snapshot.instances)
    for number, task in enumerate(started(decided).elements()):
        host = next(i for i in instances if i.is_usable and has_room(i, runners, task, situation))
        runners.append(a_runner(1_000 + number, shape=task, instance_arn=host.arn))
    for request in decided.launch:
        instances += [
            a_booting_instance(f"i-new-{len(instances) + n}", registered=request.each)
            for n in range(request.count)
        ]
    return replace(snapshot, runners=tuple(runners), instances=tuple(instances))


def has_room(host: Instance, runners: Iterable[Runner], task: Shape, situation: Situation) -> bool:
    held = [runner.shape.size for runner in runners if runner.instance_arn == host.arn]
    if situation.pool.exclusive and held:
        return False
    return task.size.fits(host.registered - sum(held, NOTHING))


@of_pools
@given(st.data(), situations())
def test_equal_snapshots_give_equal_plans_in_whatever_order_their_rows_come(
    data: st.DataObject, situation: Situation
) -> None:
    other = data.draw(shuffled(situation))
    assert plan(other.snapshot, other.configuration) == plan(situation.snapshot, situation.configuration)


@of_pools
@given(situations())
def test_every_waiting_job_has_exactly_one_reason(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    assert set(decided.reasons) == {job.key for job in situation.snapshot.jobs}
    assert reasons_count(decided.reasons.items()).total() == len(situation.snapshot.jobs)


@of_pools
@given(situations())
def test_tasks_that_are_started_fit_into_the_free_room_of_usable_instances(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    sizes = [shape.size for shape in started(decided).elements()]
    assert can_be_placed(sizes, free_room(situation), exclusive=situation.pool.exclusive)


@of_pools
@given(situations())
def test_no_run_request_asks_for_more_than_one_call_takes(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    assert all(1 <= request.count <= 10 for request in decided.run)
    assert all(request.exclusive is situation.pool.exclusive for request in decided.run)


@of_pools
@given(situations())
def test_instances_never_exceed_the_pools_limit(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    asked = sum(
        intent.request.count
        for intent in situation.snapshot.intents
        if isinstance(intent.request, LaunchInstances)
    )
    new = sum(request.count for request in decided.launch)
    assert new == 0 or len(situation.snapshot.instances) + asked + new <= situation.pool.max_instances


@of_pools
@given(situations())
def test_no_refused_offering_is_asked_for(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    refused = {(o.instance_type, o.market) for o in situation.snapshot.unavailable if o.until > NOW}
    asked = {(name, request.market) for request in decided.launch for name in request.types}
    assert not refused & asked
    assert all(len(set(request.types)) == len(request.types) for request in decided.launch)


@of_pools
@given(situations())
def test_runners_never_exceed_the_caps_of_profile_and_repository(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    taken = [r for r in snapshot.runners if r.state in (RunnerState.REGISTERED, RunnerState.BUSY)]
    admitted = [job for job in snapshot.jobs if job.key in admitted_keys(decided)]
    for profile in situation.configuration.profiles.values():
        name = profile.name
        wanted = sum(job.shape.profile == name for job in admitted)
        assert not wanted or wanted + sum(r.shape.profile == name for r in taken) <= profile.max_runners
        for repository in {job.repository for job in admitted if job.shape.profile == name}:
            mine = sum(j.shape.profile == name and j.repository == repository for j in admitted)
            runs = sum(r.shape.profile == name and r.repository == repository for r in taken)
            cap = profile.max_runners_per_repository
            assert cap is None or mine + runs <= cap


@of_pools
@given(situations())
def test_tasks_are_started_only_for_runners_that_the_profiles_cap_allows(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    coming, wanted = claimants(snapshot), Counter[Shape]()
    for job in snapshot.jobs:
        wanted[job.shape] += job.key in admitted_keys(decided)
    for profile in situation.configuration.profiles.values():
        taken = sum(
            r.shape.profile == profile.name and r.state in (RunnerState.REGISTERED, RunnerState.BUSY)
            for r in snapshot.runners
        )
        useful = sum(min(coming[shape], wanted[shape]) for shape in wanted if shape.profile == profile.name)
        new = sum(count for shape, count in started(decided).items() if shape.profile == profile.name)
        assert new == 0 or taken + useful + new <= profile.max_runners


@of_pools
@given(situations())
def test_never_more_tasks_are_wanted_than_jobs_and_standby_ask_for(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    coming, new = claimants(situation.snapshot), started(decided)
    for shape, count in new.items():
        profile = situation.configuration.profiles[shape.profile]
        standby = profile.standby if profile.size == shape.size else 0
        jobs = sum(j.shape == shape and j.key in admitted_keys(decided) for j in situation.snapshot.jobs)
        assert coming[shape] + count <= jobs + standby


@of_pools
@given(situations())
def test_offers_are_admitted_uncovered_jobs_each_once_and_no_more_than_will_be_claimed(
    situation: Situation,
) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    covered = covered_jobs(snapshot.jobs, snapshot.runners, situation.configuration.github)
    offered = [job.key for jobs in decided.offers.values() for job in jobs]
    assert len(set(offered)) == len(offered)
    assert set(offered) <= admitted_keys(decided) - set(covered)
    claims = claimants(snapshot) + started(decided)
    for shape, jobs in decided.offers.items():
        assert {job.shape for job in jobs} == {shape}
        assert len(jobs) <= claims[shape]


@of_pools
@given(situations())
def test_every_claimant_finds_an_offer_while_admitted_jobs_of_its_shape_wait(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    claims = claimants(snapshot) + started(decided)
    waiting = Counter(job.shape for job in snapshot.jobs if job.key in admitted_keys(decided))
    for shape, count in waiting.items():
        assert len(decided.offers.get(shape, ())) == min(count, claims[shape])


@of_pools
@given(situations())
def test_no_instance_with_a_runner_on_it_is_ended(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    known = {instance.instance_id: instance for instance in situation.snapshot.instances}
    held = {runner.instance_arn for runner in situation.snapshot.runners}
    assert all(known[name].arn not in held for name in decided.end)
    assert all(known[name].state is InstanceState.DRAINING for name in decided.end)


@of_pools
@given(situations())
def test_no_idle_instance_is_drained_while_tasks_are_on_their_way(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    on_their_way = bool(decided.run) or any(isinstance(i.request, RunTasks) for i in snapshot.intents)
    held = {runner.instance_arn for runner in snapshot.runners}
    idle = {i.instance_id for i in snapshot.instances if i.arn not in held}
    if on_their_way and snapshot.control is not Control.DRAIN:
        assert not idle & set(decided.drain)


@of_pools
@given(situations())
def test_nothing_that_works_is_dismissed(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    waiting = {r.task_id for r in snapshot.runners if r.state is RunnerState.STARTING and r.running_at}
    assert set(decided.dismiss) <= waiting


@of_pools
@given(situations())
def test_dismissed_tasks_leave_enough_for_every_admitted_job(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    left = claimants(snapshot)
    left.subtract(runner.shape for runner in snapshot.runners if runner.task_id in decided.dismiss)
    for shape in {r.shape for r in snapshot.runners if r.task_id in decided.dismiss}:
        jobs = sum(j.shape == shape and j.key in admitted_keys(decided) for j in snapshot.jobs)
        assert left[shape] >= jobs


@of_pools
@given(situations(), st.sampled_from([Control.PAUSE, Control.DRAIN]))
def test_a_paused_or_draining_pool_starts_and_launches_nothing(
    situation: Situation, control: Control
) -> None:
    decided = plan(replace(situation.snapshot, control=control), situation.configuration)
    assert decided.run == ()
    assert decided.launch == ()


@of_pools
@given(situations())
def test_calls_without_an_answer_count_as_supply(situation: Situation) -> None:
    first = plan(situation.snapshot, situation.configuration)
    later = replace(situation.snapshot, intents=(*situation.snapshot.intents, *unsettled(first)))
    second = plan(later, situation.configuration)
    for key, reason in first.reasons.items():
        if reason.code is Why.TASK_STARTING:
            assert second.reasons[key].code is Why.TASK_STARTING
    assert started(second).total() <= sum(
        reason.code is Why.TASK_STARTING and first.reasons[key].code is not Why.TASK_STARTING
        for key, reason in second.reasons.items()
    ) + sum(profile.standby for profile in situation.configuration.profiles.values())


@of_pools
@given(situations(uniform=True))
def test_the_same_jobs_are_never_planned_twice_while_calls_have_no_answer(situation: Situation) -> None:
    first = plan(situation.snapshot, situation.configuration)
    later = replace(situation.snapshot, intents=(*situation.snapshot.intents, *unsettled(first)))
    second = plan(later, situation.configuration)
    assert (second.run, second.launch) == ((), ())


@of_pools
@given(situations(uniform=True))
def test_a_plan_that_was_applied_leaves_nothing_to_start_or_launch(situation: Situation) -> None:
    situation = replace(situation, snapshot=replace(situation.snapshot, intents=()))
    first = plan(situation.snapshot, situation.configuration)
    second = plan(applied(situation, first), situation.configuration)
    assert (second.run, second.launch) == ((), ())


@of_pools
@given(situations())
def test_a_plan_does_not_change_its_input(situation: Situation) -> None:
    before = repr(situation)
    plan(situation.snapshot, situation.configuration)
    assert repr(situation) == before


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
    assert decided.launch == (LaunchInstances(("m7i.2xlarge",), Market.SPOT, 3, ROOM_FOR_FOUR),)
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


def test_a_large_instance_that_boots_is_left_to_the_job_that_needs_it() -> None:
    large = Shape("large", Resources(16384, 57344))
    configuration = a_configuration(
        [a_profile(), a_profile(name="large", size=large.size)], [a_pool(instance_types=TWO_TYPES)]
    )
    jobs = (a_job(1, queued_at=NOW - 9), a_job(2, queued_at=NOW - 8, shape=large, label_key="large"))
    first = plan(a_snapshot(jobs=jobs), configuration)
    assert Counter({r.each: r.count for r in first.launch}) == {TWO_TYPES[0].registered: 1, large.size: 1}
    booting = (
        a_booting_instance("i-1", registered=large.size),
        a_booting_instance("i-2", registered=ROOM_FOR_FOUR),
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


def test_no_room_and_no_more_instances_allowed_is_said() -> None:
    decided = plan(a_snapshot(jobs=several_jobs(5)), a_configuration(pools=[a_pool(max_instances=1)]))
    assert codes(decided) == [Why.INSTANCE_STARTING] * 4 + [Why.POOL_LIMIT]


def test_no_capacity_at_ec2_is_said_with_the_time_to_ask_again() -> None:
    pool = a_pool(market=Market.ON_DEMAND)
    refused = UnavailableOffering("m7i.2xlarge", Market.ON_DEMAND, NOW + 60)
    decided = plan(a_snapshot(jobs=(a_job(),), unavailable=(refused,)), a_configuration(pools=[pool]))
    assert decided.reasons[JobKey("acme", 1, 1)] == Reason(Why.NO_CAPACITY, {"until": NOW + 60})


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


def test_no_idle_instance_drains_in_the_plan_that_starts_a_task() -> None:
    """ECS chooses where the task lands: it may be the idle instance."""
    instances = (an_instance("i-1"), an_instance("i-2", idle_since=NOW - 9_999))
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
