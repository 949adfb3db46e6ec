"""Room that is kept free, and the tier of stopped instances."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import Headroom, InstanceType, Market, Schedule
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.placing import shape_of
from slipway.domain.policy import Policy, policy_of
from slipway.domain.resources import Resources
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import ANY, Control, Snapshot, UnavailableOffering, WaitingJob
from slipway.domain.tiers import StoppedTier, room_to_keep, stopped_tier
from tests.builders import (
    NOW,
    POOL,
    ROOM_FOR_FOUR,
    SIZE,
    a_booting_instance,
    a_configuration,
    a_job,
    a_launch_intent,
    a_policy,
    a_pool,
    a_profile,
    a_run_intent,
    a_runner,
    a_snapshot,
    a_start_intent,
    a_stopped_instance,
    an_arn,
    an_instance,
    several_jobs,
)
from tests.support.planning import plan

BUSY, REGISTERED = RunnerState.BUSY, RunnerState.REGISTERED
DOUBLE = SIZE + SIZE
A_DAY = 86_400
WORKDAYS = Schedule((0, 1, 2, 3, 4), 8 * 60, 18 * 60, "Europe/Zurich")
TUESDAY_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
TUESDAY_NIGHT = datetime(2026, 11, 24, 22, tzinfo=UTC).timestamp()


def kept(snapshot: Snapshot, policy: Policy | None = None) -> list[Resources]:
    """Return the sizes of the rooms to keep; no job is behind any."""
    wants = room_to_keep(snapshot, policy or a_policy())
    assert not any(isinstance(want, WaitingJob) for want in wants)
    return [shape_of(want).size for want in wants]


def tier(snapshot: Snapshot, wanted: int = 0, allowed: int = 9, *, is_quiet: bool = True) -> StoppedTier:
    return stopped_tier(snapshot, a_policy(stopped_instances=wanted), allowed, is_quiet=is_quiet)


def stopped(*names: str, **changes: Any) -> tuple[Instance, ...]:
    """Return stopped instances, the one named first stopped longest."""
    return tuple(
        a_stopped_instance(name, **{"stopped_at": NOW - 1_000 + number, **changes})
        for number, name in enumerate(names)
    )


def launched(found: StoppedTier) -> int:
    return sum(request.count for request in found.launch)


def test_headroom_is_room_for_a_task_of_any_profile_so_many_times() -> None:
    policy = a_policy(a_profile(), a_profile(name="double", size=DOUBLE), headroom=Headroom(3))
    assert kept(a_snapshot(), policy) == [DOUBLE] * 3


@pytest.mark.parametrize(
    ("now", "slots"), [(TUESDAY_NOON, 2), (TUESDAY_NIGHT, 0)], ids=["in its hours", "out of them"]
)
def test_headroom_is_kept_in_its_hours_only(now: float, slots: int) -> None:
    configuration = a_configuration(pools=[a_pool(headroom=Headroom(2, WORKDAYS))])
    assert kept(a_snapshot(now=now), policy_of(configuration, POOL, now)) == [SIZE] * slots
    assert len(plan(a_snapshot(now=now), configuration).launch) == (slots > 0)


def test_a_plan_keeps_headroom_after_the_jobs_and_launches_for_it_only_what_is_missing() -> None:
    configuration = a_configuration([a_profile()], [a_pool(headroom=Headroom(3))])
    one = a_snapshot(jobs=several_jobs(1), instances=(an_instance(),))
    assert plan(one, configuration).launch == ()
    two = a_snapshot(jobs=several_jobs(2), instances=(an_instance(),))
    assert [request.count for request in plan(two, configuration).launch] == [1]


def test_without_headroom_and_without_losses_no_room_is_kept() -> None:
    running = a_runner(1, BUSY, instance_arn=an_arn("i-1"))
    assert kept(a_snapshot(instances=(an_instance(),), runners=(running,))) == []


def test_a_pool_without_profiles_keeps_no_room() -> None:
    configuration = a_configuration([a_profile(pool="elsewhere")], [a_pool(headroom=Headroom(3))])
    assert kept(a_snapshot(), policy_of(configuration, POOL, NOW)) == []


@pytest.mark.parametrize(
    ("state", "is_kept"),
    [(RunnerState.STARTING, False), (REGISTERED, True), (BUSY, True), (RunnerState.GONE, False)],
    ids=str,
)
def test_room_is_kept_for_what_runs_on_a_host_that_ec2_takes_away(state: RunnerState, is_kept: bool) -> None:
    """A starting task's job still waits, and is placed anew; a runner that is gone needs nothing more."""
    lost = an_instance(state=InstanceState.DRAINING, lost_at=NOW - 5)
    runners = (a_runner(1, state, instance_arn=an_arn("i-1")), a_runner(2, BUSY, instance_arn=an_arn("i-2")))
    snapshot = a_snapshot(instances=(lost, an_instance("i-2")), runners=runners)
    assert len(kept(snapshot)) == is_kept
    assert len(kept(snapshot, a_policy(headroom=Headroom(2)))) == 2 + is_kept


def test_a_runner_of_which_no_host_is_known_is_not_on_one_that_is_lost_while_it_boots() -> None:
    lost = a_booting_instance(state=InstanceState.DRAINING, lost_at=NOW - 5)
    assert kept(a_snapshot(instances=(lost,), runners=(a_runner(1, BUSY),))) == []


@pytest.mark.parametrize(
    ("snapshot", "missing"),
    [
        (a_snapshot(), 3),
        (a_snapshot(instances=stopped("i-1")), 2),
        (a_snapshot(instances=stopped("i-1", "i-2", "i-3")), 0),
        (a_snapshot(instances=(an_instance(state=InstanceState.WARMING),)), 2),
        (a_snapshot(intents=(a_launch_intent(2, for_stopped_tier=True),)), 1),
        (a_snapshot(intents=(a_launch_intent(2), a_run_intent(2))), 3),
        (a_snapshot(instances=(an_instance(), *stopped("i-2"))), 2),
    ],
    ids=[
        "none there",
        "one there",
        "all there",
        "one warms",
        "two asked for",
        "others asked for",
        "one in use",
    ],
)
def test_the_stopped_tier_is_refilled_up_to_its_number(snapshot: Snapshot, missing: int) -> None:
    found = tier(snapshot, 3)
    assert (launched(found), found.retire) == (missing, ())
    assert all(request.for_stopped_tier and request.market is Market.ON_DEMAND for request in found.launch)


@pytest.mark.parametrize(("allowed", "missing"), [(0, 0), (2, 2), (9, 3)], ids=str)
def test_the_stopped_tier_is_refilled_within_what_may_be_launched(allowed: int, missing: int) -> None:
    assert launched(tier(a_snapshot(), 3, allowed)) == missing


def test_the_stopped_tier_waits_while_anything_waits_for_an_instance() -> None:
    assert tier(a_snapshot(), 3, is_quiet=False) == StoppedTier()
    old = a_snapshot(instances=stopped("i-1", stopped_at=NOW - A_DAY))
    assert tier(old, 1, is_quiet=False) == StoppedTier()


def test_the_stopped_tier_waits_while_jobs_do() -> None:
    configuration = a_configuration(pools=[a_pool(stopped_instances=2)])
    [request] = plan(a_snapshot(jobs=(a_job(),)), configuration).launch
    assert not request.for_stopped_tier
    [request] = plan(a_snapshot(jobs=(a_job(),), instances=(an_instance(),)), configuration).launch
    assert request.for_stopped_tier


def test_a_paused_pool_neither_refills_nor_renews_its_stopped_tier() -> None:
    old = a_snapshot(instances=stopped("i-1", stopped_at=NOW - A_DAY), control=Control.PAUSE)
    assert (tier(old, 1), tier(old, 2)) == (StoppedTier(), StoppedTier())


def test_a_pool_that_drains_retires_every_stopped_instance() -> None:
    snapshot = a_snapshot(instances=(*stopped("i-2", "i-1"), an_instance("i-3")), control=Control.DRAIN)
    assert tier(snapshot, 2) == StoppedTier(retire=("i-2", "i-1"))


def test_surplus_is_retired_the_longest_stopped_first_and_only_while_all_is_quiet() -> None:
    snapshot = a_snapshot(instances=stopped("i-3", "i-1", "i-2")[::-1])
    assert (tier(snapshot, 1).retire, tier(snapshot, 2).retire) == (("i-3", "i-1"), ("i-3",))
    assert tier(snapshot, 1, is_quiet=False).retire == ()


@pytest.mark.parametrize(
    ("changes", "version", "is_renewed"),
    [
        ({"stopped_at": NOW - A_DAY}, None, True),
        ({"stopped_at": NOW - A_DAY + 1}, None, False),
        ({"stopped_at": NOW - 60, "launched_at": NOW - A_DAY}, None, False),
        ({"template_version": 3}, 4, True),
        ({"template_version": 4}, 4, False),
        ({"template_version": None}, 4, False),
    ],
    ids=[
        "old",
        "not yet old",
        "stopped lately",
        "older template",
        "same template",
        "of who knows what template",
    ],
)
def test_a_stopped_instance_is_renewed_for_its_age_or_for_a_newer_launch_template(
    changes: dict[str, Any], version: int | None, is_renewed: bool
) -> None:
    snapshot = a_snapshot(instances=stopped("i-1", **changes), template_version=version)
    assert tier(snapshot, 1).retire == (("i-1",) if is_renewed else ())


def test_stopped_instances_are_renewed_one_at_a_time_and_the_next_when_its_successor_is_there() -> None:
    old = stopped("i-1", "i-2", "i-3", template_version=3)
    assert tier(a_snapshot(instances=old, template_version=4), 3) == StoppedTier(retire=("i-1",))
    refilling = tier(a_snapshot(instances=old[1:], template_version=4), 3)
    assert (launched(refilling), refilling.retire) == (1, ())
    warming = an_instance("i-4", state=InstanceState.WARMING)
    assert tier(a_snapshot(instances=(*old[1:], warming), template_version=4), 3) == StoppedTier()
    new = a_stopped_instance("i-4", template_version=4)
    assert tier(a_snapshot(instances=(*old[1:], new), template_version=4), 3).retire == ("i-2",)


def test_nothing_is_renewed_that_could_not_be_launched_again() -> None:
    old = a_snapshot(instances=stopped("i-1", template_version=3), template_version=4)
    assert tier(old, 1, allowed=0) == StoppedTier()


def test_a_tier_that_ec2_has_no_capacity_for_is_left_as_it_is() -> None:
    refused = UnavailableOffering(ANY, ANY, Market.ON_DEMAND, NOW + 60)
    assert tier(a_snapshot(unavailable=(refused,)), 3) == StoppedTier()


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        (0, {}),
        (1, {"control": Control.DRAIN}),
        (1, {"template_version": 9}),
    ],
    ids=["surplus", "drained", "renewed"],
)
def test_an_instance_that_is_being_started_is_not_retired(wanted: int, changes: dict[str, Any]) -> None:
    starting = stopped("i-1", template_version=3)
    snapshot = a_snapshot(instances=starting, intents=(a_start_intent("i-1"),), **changes)
    assert tier(snapshot, wanted).retire == ()


def test_no_plan_retires_the_instance_that_it_starts() -> None:
    decided = plan(a_snapshot(jobs=(a_job(),), instances=stopped("i-1", "i-2")), a_configuration())
    started = {name for request in decided.start for name in request.instance_ids}
    assert started
    assert not started & set(decided.retire)


def test_an_instance_that_was_started_is_replaced_once_all_is_quiet() -> None:
    running = replace(an_instance("i-1"), stopped_at=NOW - 99)
    assert launched(tier(a_snapshot(instances=(running,)), 1)) == 1


@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_the_tier_never_grows_beyond_its_number_and_is_never_both_filled_and_emptied(
    wanted: int, there: int, warming: int, allowed: int, is_quiet: bool
) -> None:
    coming = tuple(an_instance(f"i-w{n}", state=InstanceState.WARMING) for n in range(warming))
    names = [f"i-{number}" for number in range(there)]
    found = tier(a_snapshot(instances=(*stopped(*names), *coming)), wanted, allowed, is_quiet=is_quiet)
    assert launched(found) <= allowed
    assert not launched(found) or there + warming + launched(found) <= wanted
    assert not (found.launch and found.retire)
    assert len(found.retire) <= max(0, there - wanted)


def test_a_slot_that_only_a_larger_type_holds_is_launched_as_that_type() -> None:
    types = (InstanceType("four", ROOM_FOR_FOUR, 0.4), InstanceType("eight", ROOM_FOR_FOUR + DOUBLE, 0.8))
    policy = a_policy(a_profile(size=ROOM_FOR_FOUR + SIZE), stopped_instances=1, instance_types=types)
    [request] = stopped_tier(a_snapshot(), policy, 1, is_quiet=True).launch
    assert request.types == ("eight",)
