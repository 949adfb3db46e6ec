"""What in a snapshot cannot be true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import Market
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.launches import LaunchFailures
from slipway.domain.plan import Plan
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.snapshot import Control, Snapshot, UnavailableOffering
from slipway.domain.soundness import NO_SIZE, OTHER_POOL, TWICE, sound
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    a_booting_instance,
    a_configuration,
    a_job,
    a_pool,
    a_runner,
    a_snapshot,
    a_stopped_instance,
    an_arn,
    an_instance,
    several_jobs,
)
from tests.strategies import Situation, of_pools, situations
from tests.support.planning import plan

FAR_AHEAD = NOW + 30 * 86_400
TIMES = ("launched_at", "disconnected_at", "stopped_at", "ready_at", "idle_since", "draining_at", "empty_at")
SIZELESS = [NOTHING, Resources(0, 28672), Resources(8192, 0), Resources(-1, 5), Resources(8192, 28672, -1)]

# Every state in which a row may be found; the rows of a pool have ids that no other row of a situation has.
ROWS = (
    an_instance("i-bad"),
    an_instance("i-bad", idle_since=NOW - 9_999),
    an_instance("i-bad", connected=False, disconnected_at=NOW - 5),
    an_instance("i-bad", state=InstanceState.DRAINING),
    an_instance("i-bad", state=InstanceState.WARMING),
    a_booting_instance("i-bad"),
    a_stopped_instance("i-bad"),
    an_instance("i-bad", state=InstanceState.GONE),
)


def launches(decided: Plan) -> int:
    return sum(request.count for request in decided.launch)


def acts_on(decided: Plan) -> set[str]:
    """Return the instances that a plan drains, ends, replaces, retires or starts."""
    started = [name for request in decided.start for name in request.instance_ids]
    return {*decided.drain, *decided.end, *decided.replace, *decided.retire, *started}


def with_rows(snapshot: Snapshot, *rows: Instance) -> Snapshot:
    return replace(snapshot, instances=(*snapshot.instances, *rows))


def _ahead(instance: Instance, at: float) -> Instance:
    facts: dict[str, Any] = {name: at for name in TIMES if getattr(instance, name) is not None}
    return replace(instance, **facts)


def of_another_pool(row: Instance) -> Sequence[Instance]:
    return (replace(row, pool="elsewhere"),)


def there_twice(row: Instance) -> Sequence[Instance]:
    return row, replace(row, arn=an_arn("i-other"), version=9)


def without_size(row: Instance) -> Sequence[Instance]:
    return (replace(row, registered=NOTHING),)


def test_a_sound_snapshot_is_left_as_it_is() -> None:
    snapshot = a_snapshot(
        jobs=several_jobs(2),
        instances=(
            an_instance("i-1", ready_at=NOW, idle_since=NOW),
            a_booting_instance("i-2"),
            a_stopped_instance("i-3"),
        ),
        runners=(a_runner(),),
        unavailable=(UnavailableOffering("m7i.2xlarge", "subnet-1", Market.SPOT, NOW + 3_600),),
        launch_failures=LaunchFailures(3, NOW, "why"),
    )
    assert (sound(snapshot).snapshot, sound(snapshot).set_aside) == (snapshot, {})


@of_pools
@given(situations())
def test_whatever_a_pool_may_be_like_nothing_of_it_is_set_aside_without_cause(situation: Situation) -> None:
    checked = sound(situation.snapshot)
    assert (checked.snapshot, checked.set_aside) == (situation.snapshot, {})


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    ("at", "counts_as"),
    [(NOW - 5, NOW - 5), (NOW, NOW), (NOW + 300, NOW), (NOW + 301, 0.0), (FAR_AHEAD, 0.0)],
    ids=["past", "now", "a little ahead", "too far ahead", "another age"],
)
def test_a_time_a_little_ahead_becomes_now_and_one_far_ahead_is_long_past(
    name: str, at: float, counts_as: float
) -> None:
    recorded: dict[str, Any] = {name: at}
    believed: dict[str, Any] = {name: counts_as}
    [found] = sound(a_snapshot(instances=(an_instance(**recorded),))).snapshot.instances
    assert found == an_instance(**believed)


def test_a_clock_that_ran_ahead_by_a_day_does_not_keep_an_instance_for_as_long() -> None:
    snapshot = a_snapshot(
        now=NOW + 3_600,
        instances=(
            a_booting_instance("i-1", launched_at=NOW + 86_400),
            an_instance("i-2", idle_since=NOW + 86_400),
        ),
    )
    decided = plan(snapshot, a_configuration())
    assert (decided.replace, decided.drain) == (("i-1",), ("i-2",))


def test_a_refusal_holds_for_an_hour_at_most() -> None:
    refused = tuple(
        UnavailableOffering(name, "subnet-1", Market.SPOT, until)
        for name, until in [("m7i.2xlarge", FAR_AHEAD), ("c7i.2xlarge", NOW + 60), ("old", NOW - 60)]
    )
    found = sound(a_snapshot(unavailable=refused)).snapshot.unavailable
    assert [item.until for item in found] == [NOW + 3_600, NOW + 60, NOW - 60]
    assert [replace(item, until=0.0) for item in found] == [replace(item, until=0.0) for item in refused]


def test_a_launch_that_failed_in_the_future_failed_now() -> None:
    failures = LaunchFailures(3, FAR_AHEAD, "why")
    found = sound(a_snapshot(launch_failures=failures)).snapshot.launch_failures
    assert found == LaunchFailures(3, NOW, "why")
    assert sound(a_snapshot()).snapshot.launch_failures is None


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (of_another_pool(an_instance()), OTHER_POOL),
        (there_twice(an_instance()), TWICE),
        (without_size(an_instance()), NO_SIZE),
        (of_another_pool(an_instance(registered=NOTHING)), OTHER_POOL),
    ],
    ids=["another pool", "twice", "no size", "another pool and no size"],
)
def test_what_is_set_aside_is_said_and_why(rows: Sequence[Instance], why: str) -> None:
    snapshot = with_rows(a_snapshot(instances=(an_instance("i-good"),)), *rows)
    assert sound(snapshot).set_aside == {"i-1": why}
    assert plan(snapshot, a_configuration()).set_aside == {"i-1": why}


@pytest.mark.parametrize("make", [of_another_pool, there_twice], ids=["another pool", "twice"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.state}")
@pytest.mark.parametrize("control", Control, ids=str)
def test_a_row_that_cannot_be_gives_no_room_and_is_never_acted_on(
    make: Any, row: Instance, control: Control
) -> None:
    snapshot = with_rows(a_snapshot(jobs=several_jobs(1), control=control), *make(row))
    decided = plan(snapshot, a_configuration())
    assert decided.run == ()
    assert not acts_on(decided)
    assert launches(decided) == (control is Control.RUN)


@pytest.mark.parametrize("make", [of_another_pool, there_twice], ids=["another pool", "twice"])
def test_a_row_that_cannot_be_counts_once_towards_the_limit(make: Any) -> None:
    snapshot = with_rows(a_snapshot(jobs=several_jobs(12)), *make(an_instance("i-bad")))
    assert launches(plan(snapshot, a_configuration(pools=[a_pool(max_instances=3)]))) == 2


@pytest.mark.parametrize("size", SIZELESS, ids=str)
def test_an_instance_without_a_size_gives_no_room(size: Resources) -> None:
    snapshot = a_snapshot(jobs=(a_job(),), instances=(an_instance(registered=size),))
    decided = plan(snapshot, a_configuration())
    assert (decided.run, launches(decided)) == ((), 1)


def test_an_instance_without_a_size_drains_when_it_was_idle_long_enough() -> None:
    idle = an_instance(registered=NOTHING, idle_since=NOW - 300)
    assert plan(a_snapshot(instances=(idle,)), a_configuration()).drain == ("i-1",)


def test_an_instance_without_a_size_that_has_drained_ends() -> None:
    drained = an_instance(registered=NOTHING, state=InstanceState.DRAINING, draining_at=NOW - 60)
    assert plan(a_snapshot(instances=(drained,)), a_configuration()).end == ("i-1",)


@pytest.mark.parametrize("state", [InstanceState.LAUNCHING, InstanceState.WARMING], ids=str)
def test_an_instance_without_a_size_that_never_comes_up_is_replaced(state: InstanceState) -> None:
    late = an_instance(registered=NOTHING, state=state, launched_at=NOW - 9_999)
    assert plan(a_snapshot(instances=(late,)), a_configuration()).replace == ("i-1",)


def test_a_stopped_instance_without_a_size_does_not_keep_a_good_one_from_starting() -> None:
    bad = a_stopped_instance("i-0", registered=NOTHING, stopped_at=NOW - 999)
    snapshot = a_snapshot(jobs=(a_job(),), instances=(bad, a_stopped_instance("i-1")))
    decided = plan(snapshot, a_configuration(pools=[a_pool(max_instances=1, stopped_instances=2)]))
    assert launches(decided) == 0


@of_pools
@given(
    situations(),
    st.sampled_from(ROWS),
    st.sampled_from([of_another_pool, there_twice, without_size]),
)
def test_no_row_that_cannot_be_makes_a_plan_launch_more(
    situation: Situation, row: Instance, make: Any
) -> None:
    """Compared with a pool that has no such row at all: one that is there twice gives no room either."""
    bad = with_rows(situation.snapshot, *make(row))
    without, including = plan(situation.snapshot, situation.configuration), plan(bad, situation.configuration)
    assert launches(including) <= launches(without)


@of_pools
@given(situations(), st.floats(1, 1e9))
def test_times_that_are_ahead_never_stop_a_plan(situation: Situation, ahead: float) -> None:
    skewed = replace(
        situation.snapshot,
        instances=tuple(_ahead(instance, NOW + ahead) for instance in situation.snapshot.instances),
    )
    decided = plan(skewed, situation.configuration)
    assert set(decided.reasons) == {job.key for job in situation.snapshot.jobs}


def test_the_room_of_the_others_is_used_as_before() -> None:
    good = an_instance("i-1", registered=ROOM_FOR_FOUR)
    snapshot = with_rows(
        a_snapshot(jobs=several_jobs(4), instances=(good,)), *there_twice(an_instance("i-2"))
    )
    decided = plan(snapshot, a_configuration())
    assert [request.count for request in decided.run] == [4]
    assert decided.launch == ()
