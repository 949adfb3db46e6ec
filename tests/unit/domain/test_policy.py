"""What the plan for one pool obeys, at one moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from slipway.domain.configuration import (
    MAX_TASKS_ON_A_BRIDGE,
    Fairness,
    Headroom,
    InstanceType,
    Schedule,
)
from slipway.domain.policy import Tiers, policy_of
from slipway.domain.resources import NOTHING, Resources
from tests.builders import NOW, POOL, ROOM_FOR_FOUR, a_configuration, a_github, a_policy, a_pool, a_profile

WORKDAYS = Schedule((0, 1, 2, 3, 4), 8 * 60, 18 * 60, "Europe/Zurich")
TUESDAY_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
SUNDAY_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


def test_a_pools_policy_knows_the_profiles_that_draw_on_it_and_no_others() -> None:
    configuration = a_configuration(
        [a_profile(), a_profile(name="large"), a_profile(name="other", pool="elsewhere", standby=3)],
        [a_pool(), a_pool(name="elsewhere", stopped_instances=7)],
        a_github(enterprise="globex"),
        Fairness({"acme": 2}),
    )
    policy = policy_of(configuration, POOL, NOW)
    assert set(policy.profiles) == {"medium", "large"}
    assert (policy.pool, policy.tiers) == (configuration.pools[POOL], Tiers())
    assert (policy.github, policy.fairness) == (configuration.github, configuration.fairness)


def test_the_tiers_are_what_profiles_and_pool_ask_for() -> None:
    policy = a_policy(
        a_profile(standby=2),
        a_profile(name="large"),
        a_profile(name="small", standby=1),
        headroom=Headroom(3),
        stopped_instances=4,
    )
    assert policy.tiers == Tiers({"medium": 2, "small": 1}, headroom_slots=3, stopped_instances=4)


@pytest.mark.parametrize(
    ("headroom", "now", "slots"),
    [
        (None, TUESDAY_NOON, 0),
        (Headroom(3), SUNDAY_NOON, 3),
        (Headroom(3, WORKDAYS), TUESDAY_NOON, 3),
        (Headroom(3, WORKDAYS), SUNDAY_NOON, 0),
    ],
    ids=["none", "always", "in hours", "out of hours"],
)
def test_headroom_is_due_in_its_hours_only(headroom: Headroom | None, now: float, slots: int) -> None:
    configuration = a_configuration(pools=[a_pool(headroom=headroom)])
    assert policy_of(configuration, POOL, now).tiers.headroom_slots == slots


def test_the_hours_of_headroom_leave_standby_and_stopped_instances_alone() -> None:
    pool = a_pool(headroom=Headroom(3, WORKDAYS), stopped_instances=4)
    policy = policy_of(a_configuration([a_profile(standby=2)], [pool]), POOL, SUNDAY_NOON)
    assert policy.tiers == Tiers({"medium": 2}, 0, 4)


def test_a_slot_holds_a_task_of_any_profile() -> None:
    sizes = [Resources(1024, 16384), Resources(8192, 2048), Resources(2048, 4096, 1)]
    policy = a_policy(*(a_profile(name=f"p{number}", size=size) for number, size in enumerate(sizes)))
    assert policy.slot == Resources(8192, 16384, 1)


def test_a_pool_without_profiles_has_no_slot() -> None:
    configuration = a_configuration([a_profile(pool="elsewhere")])
    assert policy_of(configuration, POOL, NOW).slot == NOTHING


@pytest.mark.parametrize(
    ("name", "exclusive", "most"),
    [
        ("awsvpc", False, 9),
        ("bridge", False, MAX_TASKS_ON_A_BRIDGE),
        ("no longer configured", False, MAX_TASKS_ON_A_BRIDGE),
        ("awsvpc", True, 1),
        ("no longer configured", True, 1),
    ],
    ids=["its own limit", "the bridge's", "removed", "exclusive", "exclusive and removed"],
)
def test_an_instance_takes_as_many_tasks_as_its_network_or_one(name: str, exclusive: bool, most: int) -> None:
    types = (
        InstanceType("awsvpc", ROOM_FOR_FOUR, 0.4, max_tasks=9),
        InstanceType("bridge", ROOM_FOR_FOUR, 0.4),
    )
    assert a_policy(instance_types=types, exclusive=exclusive).max_tasks_on(name) == most
