"""Instances that power themselves off, are started again, or are told to be at risk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.twin.aws.ec2 import BootPlan
from local.twin.latency import LatencyModel, Phase, exactly
from local.twin_deployment import deployed_rules
from tests.builders import a_configuration
from tests.support.two_faces import FLEET, Face, advance, both, prepare, two_faces

STATE_CHANGE = "EC2 Instance State-change Notification"
REBALANCE = "EC2 Instance Rebalance Recommendation"


def states(events: list[dict[str, Any]]) -> list[str]:
    return [e["detail"]["state"] for e in events if e["detail-type"] == STATE_CHANGE]


def powered_off(stage: Any) -> str:
    """An instance that stopped before its agent registered."""
    stage.twin.ec2.plan_boots(BootPlan.POWER_OFF)
    instance_id: str = stage.launch()[0]
    stage.clock.advance(0)
    assert stage.twin.ec2.lifecycle.instances[instance_id].state == "stopped"
    return instance_id


def test_an_instance_that_powers_itself_off_tells_each_state_in_order(build: Callable[..., Any]) -> None:
    """[EC2-STATE-EVENTS] [EC2-POWER-OFF]"""
    stage = build(
        LatencyModel.none().replacing(
            {
                Phase.PENDING_TO_RUNNING: exactly(7.0),
                Phase.RUNNING_TO_REGISTERED: exactly(18.0),
                Phase.SHUTDOWN: exactly(20.0),
            }
        )
    )
    stage.twin.ec2.plan_boots(BootPlan.POWER_OFF)
    instance_id = stage.launch()[0]
    stage.clock.advance(44)
    assert states(stage.events) == ["pending", "running", "stopping"]
    stage.clock.advance(1)
    assert states(stage.events) == ["pending", "running", "stopping", "stopped"]
    assert {e["detail"]["instance-id"] for e in stage.events} == {instance_id}
    assert stage.instances() == []


def test_a_host_that_stopped_before_it_registered_registers_when_it_is_started(stage: Any) -> None:
    """[EC2-POWER-OFF] [ECS-STOPPED-HOST-ACTIVE]"""
    other = stage.launch()[0]
    instance_id = powered_off(stage)
    stage.events.clear()
    stage.twin.ec2.start_instances(InstanceIds=[instance_id])
    stage.clock.advance(0)
    assert states(stage.events) == ["pending", "running"]
    arns = {i["ec2InstanceId"]: i["containerInstanceArn"] for i in stage.instances()}
    assert set(arns) == {other, instance_id}
    assert arns[instance_id] != arns[other]
    pin = {"type": "memberOf", "expression": f"ec2InstanceId == {instance_id}"}
    (task,) = stage.run(placementConstraints=[pin])["tasks"]
    assert task["containerInstanceArn"] == arns[instance_id]
    stage.clock.advance(0)
    assert stage.task(task["taskArn"])["lastStatus"] == "RUNNING"


@pytest.mark.parametrize("has_registered", [True, False], ids=["stopped in use", "never registered"])
def test_a_stop_that_ecs_has_not_noticed_does_not_end_tasks_of_the_next_boot(
    build: Callable[..., Any], has_registered: bool
) -> None:
    """[ECS-STOPPED-HOST-ACTIVE]"""
    stage = build(LatencyModel.none().replacing({Phase.STOPPED_HOST_DISCONNECT: exactly(180.0)}))
    if has_registered:
        instance_id = stage.launch()[0]
        before = stage.run()["tasks"][0]["taskArn"]
        stage.clock.advance(0)
        stage.twin.ec2.stop_instances(InstanceIds=[instance_id])
        stage.clock.advance(0)
        assert stage.task(before)["lastStatus"] == "RUNNING"
    else:
        instance_id, before = powered_off(stage), None
    stage.twin.ec2.start_instances(InstanceIds=[instance_id])
    stage.clock.advance(10)
    if before is not None:
        assert stage.task(before)["lastStatus"] == "STOPPED"
    task = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(600)
    assert stage.task(task)["lastStatus"] == "RUNNING"
    assert [i["agentConnected"] for i in stage.instances()] == [True]


def test_a_recommendation_to_rebalance_is_told_and_changes_nothing(stage: Any) -> None:
    """[EC2-REBALANCE]"""
    instance_id = stage.launch(1, "spot")[0]
    stage.clock.advance(0)
    stage.events.clear()
    stage.twin.ec2.recommend_rebalance(instance_id)
    stage.clock.advance(600)
    (event,) = stage.events
    assert (event["detail-type"], event["source"]) == (REBALANCE, "aws.ec2")
    assert event["detail"] == {"instance-id": instance_id}
    assert event["resources"][0].endswith(f":instance/{instance_id}")
    assert [i["status"] for i in stage.instances()] == ["ACTIVE"]
    assert [i.state for i in stage.twin.ec2.live_instances()] == ["running"]


def test_nothing_is_recommended_for_what_is_not_spot_or_is_going_already(stage: Any) -> None:
    """[EC2-REBALANCE]"""
    bought, going = stage.launch()[0], stage.launch(1, "spot")[0]
    stage.twin.ec2.terminate_instances(InstanceIds=[going])
    stage.clock.advance(0)
    for instance_id in (bought, going):
        stage.twin.ec2.recommend_rebalance(instance_id)
    stage.clock.advance(0)
    assert REBALANCE not in {e["detail-type"] for e in stage.events}


def test_our_rule_hears_of_stopped_and_terminated_instances_and_of_those_at_risk(stage: Any) -> None:
    needed: list[dict[str, Any]] = []
    stage.twin.subscribe(needed.append, deployed_rules(a_configuration()))
    stopped, spot = stage.launch()[0], stage.launch(1, "spot")[0]
    stage.twin.ec2.recommend_rebalance(spot)
    stage.twin.ec2.stop_instances(InstanceIds=[stopped])
    stage.clock.advance(0)
    stage.twin.ec2.terminate_instances(InstanceIds=[spot])
    stage.clock.advance(0)
    assert states(needed) == ["stopped", "terminated"]
    assert [e["detail"] for e in needed if e["detail-type"] == REBALANCE] == [{"instance-id": spot}]


@pytest.fixture
def faces() -> Iterator[tuple[Face, Face]]:
    """Equal twins: direct, and over HTTP."""
    yield from two_faces()


def test_want_of_capacity_for_a_start_is_a_fault_of_the_server_over_both_faces(
    faces: tuple[Face, Face],
) -> None:
    """[EC2-SERVER-FAULTS]"""
    prepare(faces)
    ids = [i for g in both(faces, "ec2", "create_fleet", **FLEET)["Instances"] for i in g["InstanceIds"]]
    advance(faces, 0)
    both(faces, "ec2", "stop_instances", InstanceIds=ids[:1])
    advance(faces, 0)
    for face in faces:
        face.twin.ec2.capacity.limit(0)
    _, response, status = both(faces, "ec2", "start_instances", InstanceIds=ids[:1])
    assert (response["Error"]["Code"], status) == ("InsufficientInstanceCapacity", 500)
