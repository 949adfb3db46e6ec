"""What the ledger's ``Instances`` must do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from slipway.domain.configuration import Market
from slipway.domain.instances import Instance, InstanceState
from slipway.ports.ledger import Instances
from tests.builders import NOW, POOL, SHAPE, a_booting_instance, an_arn, an_instance
from tests.contract.ledger_cases import Case


def launched(**changes: Any) -> Instance:
    """Return an instance as CreateFleet's answer tells of it."""
    return a_booting_instance(**{"market": Market.SPOT, **changes})


def reported(version: int, state: InstanceState = InstanceState.READY, **changes: Any) -> Instance:
    """Return an instance as an event of ECS tells of it: no market, its own clock."""
    at = {"ready_at": NOW} if state is InstanceState.READY else {"draining_at": NOW}
    return an_instance(version=version, state=state, launched_at=NOW, **{**at, **changes})


def known(case: Case) -> Instance:
    (instance,) = case.snapshot().instances
    return instance


def test_a_launched_instance_becomes_ready_when_ecs_reports_its_connected_agent(case: Case) -> None:
    """[ECS-AGENT-REGISTERS-FIRST]"""
    case.ledger.instances.add([launched()])
    assert known(case) == launched()
    assert case.ledger.instances.observe(reported(1, connected=False, ready_at=None))
    assert not known(case).is_usable
    assert case.ledger.instances.observe(reported(2))
    instance = known(case)
    assert instance.is_usable
    assert (instance.market, instance.launched_at, instance.ready_at, instance.arn) == (
        Market.SPOT, NOW - 20, NOW, an_arn("i-1"),
    )  # fmt: skip


def test_what_ecs_reported_before_the_reply_of_the_launch_stays(case: Case) -> None:
    assert case.ledger.instances.observe(reported(3))
    case.ledger.instances.add([launched()])
    instance = known(case)
    assert (instance.state, instance.connected, instance.market) == (InstanceState.READY, True, Market.SPOT)


@pytest.mark.parametrize(
    "late",
    [reported(5), reported(4, connected=False), reported(3, InstanceState.DRAINING)],
    ids=["doubled", "overtaken disconnect", "overtaken drain"],
)
def test_a_late_or_doubled_report_changes_nothing(case: Case, late: Instance) -> None:
    """[ECS-EVENTS-AT-LEAST-ONCE]"""
    case.ledger.instances.observe(reported(5))
    assert not case.ledger.instances.observe(late)
    assert known(case) == reported(5)


def test_a_newer_report_with_nothing_new_is_not_written(twin_case: Case) -> None:
    twin_case.ledger.instances.observe(reported(1))
    calls = twin_case.aws.account.calls
    before = calls.total()
    assert not twin_case.ledger.instances.observe(reported(9))
    assert calls.total() - before == 1


def test_no_report_makes_a_draining_instance_ready_again(case: Case) -> None:
    case.ledger.instances.observe(reported(1))
    assert case.ledger.instances.mark_draining(POOL, "i-1", at=NOW + 5)
    assert not case.ledger.instances.mark_draining(POOL, "i-1", at=NOW + 6)
    assert case.ledger.instances.observe(reported(2, connected=False))
    instance = known(case)
    assert (instance.state, instance.connected, instance.draining_at) == (
        InstanceState.DRAINING, False, NOW + 5,
    )  # fmt: skip


def test_a_removed_instance_never_comes_back(case: Case) -> None:
    """Its last events arrive in any order [ECS-EVENTS-AT-LEAST-ONCE]."""
    case.ledger.instances.observe(reported(1))
    assert case.ledger.instances.remove(POOL, "i-1", at=NOW)
    assert not case.ledger.instances.remove(POOL, "i-1", at=NOW)
    assert not case.ledger.instances.observe(reported(9))
    case.ledger.instances.add([launched()])
    assert case.snapshot().instances == ()


def test_it_is_remembered_from_its_end_on_however_long_it_lived(case: Case) -> None:
    end = NOW + 30 * 86_400
    case.ledger.instances.observe(reported(1))
    assert case.ledger.instances.remove(POOL, "i-1", at=end)
    stone = case.item("GONE#i-1", "GONE")
    assert float(stone["expires_at"]["N"]) > end + 7 * 86_400


def test_an_instance_keeps_what_its_launch_says_of_it_whichever_comes_first(case: Case) -> None:
    facts: dict[str, Any] = {"subnet": "subnet-1", "template_version": 3, "load": ((SHAPE, 2),)}
    case.ledger.instances.add([launched(**facts)])
    assert known(case) == launched(**facts)
    case.ledger.instances.observe(reported(1, instance_id="i-2", arn=an_arn("i-2")))
    case.ledger.instances.add([launched(instance_id="i-2", **facts)])
    overtaken = next(item for item in case.snapshot().instances if item.instance_id == "i-2")
    assert (overtaken.subnet, overtaken.template_version, overtaken.load) == tuple(facts.values())
    assert overtaken.is_usable


def test_since_when_an_agent_is_away_is_told_until_it_is_back(case: Case) -> None:
    """[ECS-AGENT-RECONNECTS]"""
    case.ledger.instances.add([launched()])
    away: dict[str, Any] = {"connected": False, "ready_at": None}
    case.ledger.instances.observe(reported(1, **away, disconnected_at=NOW + 1))
    assert known(case).disconnected_at == NOW + 1
    case.ledger.instances.observe(reported(2))
    assert known(case).disconnected_at is None
    case.ledger.instances.observe(reported(3, **away, disconnected_at=NOW + 9))
    assert known(case).disconnected_at == NOW + 9


def test_the_stopped_tier_goes_from_warming_to_stopped_to_launching_and_never_back(case: Case) -> None:
    instances = case.ledger.instances
    instances.add([launched(state=InstanceState.WARMING), launched(instance_id="i-2")])
    assert instances.mark_stopped(POOL, "i-1", at=NOW + 60)
    assert not instances.mark_stopped(POOL, "i-1", at=NOW + 61)
    assert not instances.mark_stopped(POOL, "i-2", at=NOW + 60)  # it is not of the tier
    first, _ = sorted(case.snapshot().instances, key=lambda item: item.instance_id)
    assert (first.state, first.stopped_at) == (InstanceState.STOPPED, NOW + 60)
    for _ in range(2):
        instances.mark_started(POOL, [("i-1", ((SHAPE, 3),)), ("i-2", ()), ("i-9", ())], at=NOW + 90)
    first, second = sorted(case.snapshot().instances, key=lambda item: item.instance_id)
    assert (first.state, first.launched_at, first.load) == (
        InstanceState.LAUNCHING, NOW + 90, ((SHAPE, 3),),
    )  # fmt: skip
    assert second == launched(instance_id="i-2")
    assert instances.observe(reported(1))
    assert not instances.mark_stopped(POOL, "i-1", at=NOW + 99)


def test_an_instance_that_ec2_takes_away_drains_and_is_told_to_whoever_asks_again(case: Case) -> None:
    case.ledger.instances.observe(reported(1))
    assert case.ledger.instances.lose("other", "i-1", at=NOW + 5) is None
    first, again = (case.ledger.instances.lose(POOL, "i-1", at=NOW + 5) for _ in range(2))
    lost = known(case)
    assert first == again == lost
    assert (lost.state, lost.lost_at, lost.draining_at) == (InstanceState.DRAINING, NOW + 5, NOW + 5)


def test_an_exclusive_host_that_drains_already_can_still_be_lost(case: Case) -> None:
    case.ledger.instances.observe(reported(1))
    case.ledger.instances.mark_draining(POOL, "i-1", at=NOW + 1)
    case.ledger.instances.lose(POOL, "i-1", at=NOW + 5)
    assert (known(case).draining_at, known(case).lost_at) == (NOW + 1, NOW + 5)


def test_an_instance_without_the_room_that_we_saw_is_marked_full(case: Case) -> None:
    case.ledger.instances.observe(reported(1))
    case.ledger.instances.mark_full(POOL, ["i-1", "i-9"], until=NOW + 60)
    assert known(case).full_until == NOW + 60


def test_an_instance_that_nobody_knows_is_marked_nowhere(case: Case) -> None:
    assert not case.ledger.instances.mark_draining(POOL, "i-1", at=NOW)
    case.ledger.instances.mark_idle(POOL, {"i-1": NOW})
    case.ledger.instances.mark_empty(POOL, "i-1", at=NOW)
    assert case.items() == []


def test_idle_and_empty_are_set_and_cleared(case: Case) -> None:
    case.ledger.instances.add([an_instance("i-1"), an_instance("i-2")])
    case.ledger.instances.mark_idle(POOL, {"i-1": NOW, "i-2": NOW + 1})
    case.ledger.instances.mark_idle(POOL, {"i-1": None})
    case.ledger.instances.mark_empty(POOL, "i-1", at=NOW + 2)
    case.ledger.instances.mark_empty(POOL, "i-2", at=NOW)
    case.ledger.instances.mark_empty(POOL, "i-2", at=None)
    found = {item.instance_id: (item.idle_since, item.empty_at) for item in case.snapshot().instances}
    assert found == {"i-1": (None, NOW + 2), "i-2": (NOW + 1, None)}


MEANWHILE: dict[str, tuple[Callable[[Instances], object], dict[str, Any]]] = {
    "idle": (lambda all_: all_.mark_idle(POOL, {"i-1": NOW + 3}), {"idle_since": NOW + 3}),
    "busy": (lambda all_: all_.mark_idle(POOL, {"i-1": None}), {"idle_since": None}),
    "empty": (lambda all_: all_.mark_empty(POOL, "i-1", at=NOW + 3), {"empty_at": NOW + 3}),
    "launched": (lambda all_: all_.add([launched()]), {"market": Market.SPOT}),
    "draining": (
        lambda all_: all_.mark_draining(POOL, "i-1", at=NOW + 3),
        {"state": InstanceState.DRAINING, "draining_at": NOW + 3},
    ),
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_what_was_noted_while_a_report_was_folded_stays(case: Case, what: str) -> None:
    happens, noted = MEANWHILE[what]
    case.ledger.instances.observe(reported(1))
    case.ledger.instances.mark_idle(POOL, {"i-1": NOW})
    overtaken = case.overtaken(lambda: happens(case.ledger.instances))
    assert overtaken.instances.observe(reported(2, connected=False))
    before = replace(reported(1), idle_since=NOW)
    assert known(case) == replace(before, **{"version": 2, "connected": False, **noted})


def test_an_instance_that_was_removed_while_its_report_was_folded_stays_removed(case: Case) -> None:
    case.ledger.instances.observe(reported(1))
    overtaken = case.overtaken(lambda: case.ledger.instances.remove(POOL, "i-1", at=NOW))
    assert not overtaken.instances.observe(reported(2, connected=False))
    assert case.snapshot().instances == ()


def test_after_reports_that_were_folded_at_once_the_next_one_holds(shared_case: Case) -> None:
    """A report that says nothing new is not written, so one that it overtook may hold until the next."""
    reports = [reported(version, connected=bool(version % 2)) for version in range(1, 5)]
    with ThreadPoolExecutor(4) as functions:
        list(functions.map(shared_case.ledger.instances.observe, reports))
    assert known(shared_case).version in range(1, 5)
    shared_case.ledger.instances.observe(replace(reports[-1], version=6))
    assert not known(shared_case).connected
