"""The planner over random pools: what holds for every snapshot."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import Market
from slipway.domain.demand import covered_jobs
from slipway.domain.instances import InstanceState
from slipway.domain.intents import LaunchInstances, RunTasks
from slipway.domain.matching import Shape
from slipway.domain.plan import Plan
from slipway.domain.planner import reasons_count
from slipway.domain.reasons import Why
from slipway.domain.resources import NOTHING
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import ANY, Control, WaitingJob
from tests.builders import NOW, an_instance
from tests.strategies import Situation, of_pools, shuffled, situations
from tests.support.planning import (
    admitted_keys,
    applied,
    can_be_placed,
    claimants,
    free_room,
    plan,
    started,
    unsettled,
)


def offered(decided: Plan) -> list[WaitingJob]:
    """Return the jobs that any claim may be given."""
    return [job for line in (*decided.offers.values(), *decided.reserved.values()) for job in line]


def may_be_ramped(situation: Situation) -> bool:
    """Say whether the start ramp may hold back a job; runners that idle are on it too."""
    in_flight = sum(runner.is_idle for runner in situation.snapshot.runners)
    most = len(situation.snapshot.jobs) + in_flight
    return situation.configuration.fairness.max_starting_per_repository < most


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
def test_no_instance_is_given_more_than_it_holds(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    known = {instance.instance_id: instance for instance in situation.snapshot.instances}
    for name, load in decided.hosts.items():
        host = known[name]
        tasks = [r.shape.size for r in situation.snapshot.runners if r.instance_arn == host.arn]
        tasks += [shape.size for shape in Counter(load).elements()]
        assert sum(tasks, NOTHING).fits(host.registered)
        assert host.is_usable
        assert not situation.pool.exclusive or len(tasks) == 1
    assert sum((Counter(load) for load in decided.hosts.values()), Counter()) == started(decided)


@of_pools
@given(situations())
def test_no_new_or_stopped_instance_is_wanted_for_more_than_it_holds(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    registered = {kind.name: kind.registered for kind in situation.pool.instance_types}
    loads = [(request.types, load) for request in decided.launch for load, _ in request.loads]
    loads += [((start.offering.instance_type,), load) for start in decided.start for _, load in start.starts]
    for types, load in loads:
        content = sum((shape.size for shape in Counter(dict(load)).elements()), NOTHING)
        assert all(content.fits(registered[name]) for name in types)
        assert not situation.pool.exclusive or sum(count for _, count in load) <= 1
    for request in decided.launch:
        assert sum(count for _, count in request.loads) <= request.count


@of_pools
@given(situations())
def test_no_run_request_asks_for_more_than_one_call_takes(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    assert all(1 <= request.count <= 10 for request in decided.run)
    assert all(request.exclusive is situation.pool.exclusive for request in decided.run)


@of_pools
@given(situations())
def test_running_instances_never_exceed_the_pools_limit(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    running = sum(instance.runs for instance in situation.snapshot.instances)
    asked = sum(
        intent.request.count
        for intent in situation.snapshot.intents
        if isinstance(intent.request, LaunchInstances)
    )
    new = sum(request.count for request in decided.launch) + sum(start.count for start in decided.start)
    assert new == 0 or running + asked + new <= situation.pool.max_instances


@of_pools
@given(situations())
def test_no_refused_offering_is_asked_for(situation: Situation) -> None:
    decided = plan(situation.snapshot, situation.configuration)
    refused = [o for o in situation.snapshot.unavailable if o.until > NOW]
    asked = [(offering, request.market) for request in decided.launch for offering in request.offerings]
    asked += [(start.offering, Market.ON_DEMAND) for start in decided.start]
    for offering, market in asked:
        for other in refused:
            is_its = other.instance_type in (offering.instance_type, ANY) and other.subnet in (
                offering.subnet,
                ANY,
            )
            assert not (is_its and other.market is market)
    assert all(len(set(request.offerings)) == len(request.offerings) for request in decided.launch)


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
    jobs = offered(decided)
    assert len({job.key for job in jobs}) == len(jobs)
    assert {job.key for job in jobs} <= admitted_keys(decided) - set(covered)
    claims = claimants(snapshot) + started(decided)
    for shape, count in Counter(job.shape for job in jobs).items():
        assert count <= claims[shape]
    for (shape, reach), kept in decided.reserved.items():
        alive = [one for one in snapshot.runners if one.waits_for == reach and one.shape == shape]
        assert len(kept) <= sum(one.task_id not in decided.dismiss for one in alive)


@of_pools
@given(situations())
def test_every_claimant_finds_an_offer_while_admitted_jobs_of_its_shape_wait(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    claims = claimants(snapshot) + started(decided)
    admitted = admitted_keys(decided)
    waiting = Counter(job.shape for job in snapshot.jobs if job.key in admitted)
    for shape, count in waiting.items():
        found, most = sum(job.shape == shape for job in offered(decided)), min(count, claims[shape])
        bound = sum(one.waits_for is not None and one.shape == shape for one in snapshot.runners)
        assert found <= most
        assert may_be_ramped(situation) or found >= most - bound  # those serve jobs of their reach alone


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
def test_nothing_that_holds_a_task_is_ended_replaced_or_retired(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    held = {runner.instance_arn for runner in snapshot.runners if runner.instance_arn}
    known = {instance.instance_id: instance for instance in snapshot.instances}
    for name in (*decided.end, *decided.replace, *decided.retire):
        assert known[name].arn not in held
    assert not set(decided.drain) & set(decided.hosts)
    assert len(set(decided.drain)) == len(decided.drain)


@of_pools
@given(situations())
def test_no_instance_is_drained_for_idleness_while_a_run_has_no_answer(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    held = {runner.instance_arn for runner in snapshot.runners}
    idle = {i.instance_id for i in snapshot.instances if i.arn not in held and i.idle_since is not None}
    if (
        any(isinstance(i.request, RunTasks) for i in snapshot.intents)
        and snapshot.control is not Control.DRAIN
    ):
        assert not idle & set(decided.drain)


@of_pools
@given(situations())
def test_nothing_that_works_is_dismissed(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    lost = {instance.arn for instance in snapshot.instances if instance.lost_at is not None}
    starting = [r for r in snapshot.runners if r.state is RunnerState.STARTING]
    doomed = {r.task_id for r in starting if r.instance_arn in lost}
    assert doomed <= set(decided.dismiss) <= doomed | {r.task_id for r in starting if r.running_at}


@of_pools
@given(situations())
def test_dismissed_tasks_leave_enough_for_every_admitted_job(situation: Situation) -> None:
    snapshot, decided = situation.snapshot, plan(situation.snapshot, situation.configuration)
    left = claimants(snapshot)
    lost = {instance.arn for instance in snapshot.instances if instance.lost_at is not None}
    dismissed = [r for r in snapshot.runners if r.task_id in decided.dismiss and r.instance_arn not in lost]
    left.subtract(runner.shape for runner in dismissed)
    for shape in {runner.shape for runner in dismissed}:
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
    # With several shapes jobs of one repository may change places on the ramp: what starts is fungible until it claims.
    for key, reason in first.reasons.items():
        if reason.code is Why.TASK_STARTING and not may_be_ramped(situation):
            assert second.reasons[key].code is Why.TASK_STARTING
    assert started(second).total() <= sum(
        reason.code is Why.TASK_STARTING and first.reasons[key].code is not Why.TASK_STARTING
        for key, reason in second.reasons.items()
    ) + sum(profile.standby for profile in situation.configuration.profiles.values())


def unplaced(decided: Plan) -> int:
    placed = {Why.RUNNER_IDLE, Why.TASK_STARTING, Why.INSTANCE_STARTING, Why.START_RAMP}
    return sum(reason.code not in placed for reason in decided.reasons.values())


@of_pools
@given(situations(uniform=True))
def test_the_same_jobs_are_never_planned_twice_while_calls_have_no_answer(situation: Situation) -> None:
    first = plan(situation.snapshot, situation.configuration)
    later = replace(situation.snapshot, intents=(*situation.snapshot.intents, *unsettled(first)))
    second = plan(later, situation.configuration)
    assert (second.run, second.launch, second.start) == ((), (), ())


@of_pools
@given(situations())
def test_a_plan_that_was_applied_leaves_nothing_to_start_or_launch(situation: Situation) -> None:
    situation = replace(situation, snapshot=replace(situation.snapshot, intents=()))
    first = plan(situation.snapshot, situation.configuration)
    second = plan(applied(situation, first), situation.configuration)
    # What was replaced or retired makes room for others, and ends holds at the limit, which is the next plan's business.
    if not (first.replace or first.retire):
        # Tasks are fungible until they claim: with several shapes a ramped job may give way to another one's task.
        ramped = sum(reason.code is Why.START_RAMP for reason in first.reasons.values())
        assert started(second).total() <= ramped
        assert (second.launch, second.start) == ((), ())


@of_pools
@given(situations(uniform=True))
def test_with_one_shape_another_instance_never_leaves_more_jobs_without_a_place(situation: Situation) -> None:
    snapshot = situation.snapshot
    kind = situation.pool.instance_types[0]
    another = an_instance("i-another", registered=kind.registered, instance_type=kind.name)
    wider = replace(situation.pool, max_instances=situation.pool.max_instances + 1)
    configuration = replace(
        situation.configuration, pools={**situation.configuration.pools, wider.name: wider}
    )
    without = plan(snapshot, situation.configuration)
    with_it = plan(replace(snapshot, instances=(*snapshot.instances, another)), configuration)
    assert unplaced(with_it) <= unplaced(without)


@of_pools
@given(situations())
def test_a_plan_does_not_change_its_input(situation: Situation) -> None:
    before = repr(situation)
    plan(situation.snapshot, situation.configuration)
    assert repr(situation) == before
