"""EC2 launches, refuses, interrupts and forgets as documented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.twin.aws.behaviour import Behaviour
from local.twin.aws.ec2 import BootPlan, ecs_user_data
from local.twin.aws.ec2.shapes import instance_shape
from local.twin.latency import LatencyModel, Phase, exactly


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def states(stage: Any) -> dict[str, str]:
    reservations = stage.twin.ec2.describe_instances()["Reservations"]
    return {i["InstanceId"]: i["State"]["Name"] for r in reservations for i in r["Instances"]}


def test_an_instance_boots_and_joins_the_cluster_of_its_user_data(build: Callable[..., Any]) -> None:
    """[ECS-AGENT-CONFIG]"""
    stage = build(
        LatencyModel.none().replacing(
            {Phase.PENDING_TO_RUNNING: exactly(7.0), Phase.RUNNING_TO_REGISTERED: exactly(18.0)}
        )
    )
    instance_id = stage.launch()[0]
    assert states(stage) == {instance_id: "pending"}
    stage.clock.advance(7)
    assert states(stage) == {instance_id: "running"}
    assert stage.instances() == []
    stage.clock.advance(18)
    instance = stage.instances()[0]
    attributes = {a["name"]: a.get("value") for a in instance["attributes"]}
    assert instance["ec2InstanceId"] == instance_id
    assert attributes["slipway.pool"] == "general"
    assert attributes["ecs.cpu-architecture"] == "x86_64"


def test_one_token_is_one_fleet(stage: Any) -> None:
    """[EC2-FLEET-TOKEN]"""
    first = stage.fleet(2, ClientToken="intent-1")
    again = stage.fleet(2, ClientToken="intent-1")
    assert first["Instances"] == again["Instances"]
    assert len(stage.twin.ec2.live_instances()) == 2
    with pytest.raises(ClientError) as error:
        stage.fleet(3, ClientToken="intent-1")
    assert code(error) == "IdempotentParameterMismatch"


def test_a_fleet_is_filled_in_part_and_says_what_refused(stage: Any) -> None:
    """[EC2-FLEET-INSTANT]"""
    stage.twin.ec2.capacity.limit(2, instance_type="m7i.xlarge", place="subnet-a", market="spot")
    overrides = [
        {"InstanceType": "m7i.xlarge", "SubnetId": "subnet-a", "Priority": 0.0},
        {"InstanceType": "m7a.xlarge", "SubnetId": "subnet-a", "Priority": 1.0},
    ]
    answer = stage.fleet(3, "spot", overrides=overrides)
    assert [(g["InstanceType"], len(g["InstanceIds"]), g["Lifecycle"]) for g in answer["Instances"]] == [
        ("m7i.xlarge", 2, "spot"),
        ("m7a.xlarge", 1, "spot"),
    ]
    assert [e["ErrorCode"] for e in answer["Errors"]] == ["InsufficientInstanceCapacity"]
    assert answer["Errors"][0]["LaunchTemplateAndOverrides"]["Overrides"]["InstanceType"] == "m7i.xlarge"


def test_a_fleet_never_falls_back_from_spot_to_on_demand(stage: Any) -> None:
    """[EC2-FLEET-INSTANT]"""
    stage.twin.ec2.capacity.limit(0, market="spot")
    answer = stage.fleet(2, "spot")
    assert answer["Instances"] == []
    assert answer["Errors"][0]["Lifecycle"] == "spot"
    stage.twin.ec2.capacity.lift(market="spot")
    assert len(stage.launch(2, "spot")) == 2


def test_prioritized_on_demand_takes_the_lowest_number_first(stage: Any) -> None:
    overrides = [
        {"InstanceType": "m7a.xlarge", "SubnetId": "subnet-a", "Priority": 2.0},
        {"InstanceType": "m6i.xlarge", "SubnetId": "subnet-a", "Priority": 1.0},
    ]
    answer = stage.fleet(1, overrides=overrides, OnDemandOptions={"AllocationStrategy": "prioritized"})
    assert answer["Instances"][0]["InstanceType"] == "m6i.xlarge"


def test_a_minimum_that_cannot_be_met_launches_nothing(stage: Any) -> None:
    stage.twin.ec2.capacity.limit(1)
    answer = stage.fleet(3, OnDemandOptions={"MinTargetCapacity": 2, "SingleInstanceType": True})
    assert answer["Instances"] == []
    assert stage.twin.ec2.live_instances() == []


def test_the_vcpu_quota_of_a_market_is_held(stage: Any) -> None:
    """[EC2-CAPACITY-ERRORS]"""
    stage.twin.ec2.capacity.vcpu_quota["on-demand"] = 8
    answer = stage.fleet(3)
    assert len(answer["Instances"][0]["InstanceIds"]) == 2
    assert answer["Errors"][0]["ErrorCode"] == "VcpuLimitExceeded"


def test_instances_carry_the_tags_of_the_call_and_are_found_by_them(stage: Any) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "slipway:intent", "Value": "i-7"}]}]
    wanted = stage.launch(2, TagSpecifications=tags)
    stage.launch(1)
    paginator = stage.twin.ec2.get_paginator("describe_instances")
    filters = [
        {"Name": "tag:slipway:intent", "Values": ["i-*"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    pages = paginator.paginate(Filters=filters, PaginationConfig={"PageSize": 1})
    found = [i["InstanceId"] for p in pages for r in p["Reservations"] for i in r["Instances"]]
    assert sorted(found) == sorted(wanted)


def test_describe_lags_behind_create_fleet(build: Callable[..., Any]) -> None:
    """[EC2-READS-LAG]"""
    stage = build(LatencyModel.none().replacing({Phase.DESCRIBE_LAG: exactly(1.0)}))
    instance_id = stage.launch()[0]
    with pytest.raises(ClientError) as error:
        stage.twin.ec2.describe_instances(InstanceIds=[instance_id])
    assert code(error) == "InvalidInstanceID.NotFound"
    stage.clock.advance(1)
    assert stage.twin.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]


def test_termination_ends_the_tasks_and_the_registration(stage: Any) -> None:
    """[ECS-TERMINATE-DEREGISTERS]"""
    instance_id = stage.launch()[0]
    arn = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(0)
    answer = stage.twin.ec2.terminate_instances(InstanceIds=[instance_id])
    change = answer["TerminatingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "shutting-down")
    stage.clock.advance(0)
    assert stage.runtime.running == {}
    assert stage.task(arn)["stoppedReason"] == f"Host EC2 (instance {instance_id}) terminated."
    assert stage.instances() == []
    stage.twin.ec2.terminate_instances(InstanceIds=[instance_id])
    stage.clock.advance(3601)
    assert states(stage) == {}


def test_a_dying_host_still_looks_placeable_until_ecs_notices(build: Callable[..., Any]) -> None:
    """[ECS-TERMINATE-DEREGISTERS]"""
    stage = build(LatencyModel.none().replacing({Phase.DEREGISTER_AFTER_TERMINATE: exactly(10.0)}))
    instance_id = stage.launch()[0]
    stage.twin.ec2.terminate_instances(InstanceIds=[instance_id])
    arn = stage.run()["tasks"][0]["taskArn"]
    stage.clock.advance(9)
    assert stage.task(arn)["lastStatus"] == "PENDING"
    stage.clock.advance(1)
    assert stage.task(arn)["lastStatus"] == "STOPPED"
    assert stage.runtime.running == {}


def test_tasks_of_a_deregistered_instance_end_with_its_host(stage: Any) -> None:
    """[ECS-TERMINATE-DEREGISTERS]"""
    instance_id = stage.launch()[0]
    task = stage.run()["tasks"][0]
    stage.clock.advance(1)
    stage.twin.ecs.deregister_container_instance(
        cluster="slipway-general", containerInstance=task["containerInstanceArn"], force=True
    )
    stage.clock.advance(60)
    assert stage.instances() == []
    assert stage.task(task["taskArn"])["lastStatus"] == "RUNNING"
    stage.twin.ec2.terminate_instances(InstanceIds=[instance_id])
    stage.clock.advance(0)
    assert stage.task(task["taskArn"])["lastStatus"] == "STOPPED"


def test_a_spot_instance_cannot_be_stopped(stage: Any) -> None:
    """[EC2-SPOT-NO-STOP]"""
    instance_id = stage.launch(1, "spot")[0]
    with pytest.raises(ClientError) as error:
        stage.twin.ec2.stop_instances(InstanceIds=[instance_id])
    assert code(error) == "UnsupportedOperation"


def test_a_stopped_host_stays_active_for_minutes_and_comes_back_under_its_arn(
    build: Callable[..., Any],
) -> None:
    """[ECS-STOPPED-HOST-ACTIVE]"""
    stage = build(LatencyModel.none().replacing({Phase.STOPPED_HOST_DISCONNECT: exactly(180.0)}))
    instance_id = stage.launch()[0]
    before = stage.instances()[0]["containerInstanceArn"]
    stage.twin.ec2.stop_instances(InstanceIds=[instance_id])
    stage.clock.advance(100)
    assert states(stage) == {instance_id: "stopped"}
    assert [(i["status"], i["agentConnected"]) for i in stage.instances()] == [("ACTIVE", True)]
    stage.clock.advance(100)
    assert [(i["status"], i["agentConnected"]) for i in stage.instances()] == [("ACTIVE", False)]
    stage.twin.ec2.start_instances(InstanceIds=[instance_id])
    stage.clock.advance(0)
    assert [(i["containerInstanceArn"], i["agentConnected"]) for i in stage.instances()] == [(before, True)]


def test_a_start_can_fail_for_want_of_capacity(stage: Any) -> None:
    instance_id = stage.launch()[0]
    stage.twin.ec2.stop_instances(InstanceIds=[instance_id])
    stage.clock.advance(0)
    stage.twin.ec2.capacity.limit(0)
    with pytest.raises(ClientError) as error:
        stage.twin.ec2.start_instances(InstanceIds=[instance_id])
    assert code(error) == "InsufficientInstanceCapacity"
    assert states(stage) == {instance_id: "stopped"}


def test_a_spot_loss_warns_two_minutes_ahead(stage: Any) -> None:
    """[EC2-SPOT-NOTICE]"""
    instance_id = stage.launch(1, "spot")[0]
    stage.twin.ec2.interrupt_spot(instance_id)
    stage.clock.advance(119)
    warning = next(e for e in stage.events if "Spot" in e["detail-type"])
    assert warning["detail"] == {"instance-id": instance_id, "instance-action": "terminate"}
    assert states(stage)[instance_id] == "running"
    stage.clock.advance(1)
    assert states(stage)[instance_id] == "terminated"
    reservation = stage.twin.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]
    assert reservation["Instances"][0]["StateReason"]["Code"] == "Server.SpotInstanceTermination"


def test_spot_losses_come_by_themselves_when_switched_on(build: Callable[..., Any]) -> None:
    stage = build(LatencyModel.none(), Behaviour(spot_interruptions_per_hour=2.0))
    stage.launch(20, "spot")
    stage.clock.advance(3600)
    assert len(stage.twin.ec2.live_instances()) < 12


def test_some_instances_never_register_and_some_power_off_first(stage: Any) -> None:
    stage.twin.ec2.plan_boots(BootPlan.NEVER_REGISTER)
    stage.twin.ec2.plan_boots(BootPlan.POWER_OFF)
    mute, off, well = stage.launch(3)
    stage.clock.advance(0)
    assert states(stage) == {mute: "running", off: "stopped", well: "running"}
    assert [i["ec2InstanceId"] for i in stage.instances()] == [well]


@pytest.mark.parametrize(
    ("instance_id", "expected"),
    [("i-0123456789abcdef0", "InvalidInstanceID.NotFound"), ("host-1", "InvalidInstanceID.Malformed")],
)
def test_unknown_and_malformed_ids_change_nothing(stage: Any, instance_id: str, expected: str) -> None:
    known = stage.launch()[0]
    with pytest.raises(ClientError) as error:
        stage.twin.ec2.terminate_instances(InstanceIds=[known, instance_id])
    assert code(error) == expected
    assert states(stage) == {known: "running"}


def test_requests_beyond_the_bucket_are_refused_as_ec2_refuses(build: Callable[..., Any]) -> None:
    """[EC2-THROTTLE]"""
    stage = build(LatencyModel.none(), Behaviour(throttling=True))
    instance_id = stage.launch()[0]
    for _ in range(5):
        stage.twin.ec2.start_instances(InstanceIds=[instance_id])
    with pytest.raises(ClientError) as error:
        stage.twin.ec2.start_instances(InstanceIds=[instance_id])
    assert code(error) == "RequestLimitExceeded"


@pytest.mark.parametrize(
    ("name", "vcpu", "memory_mib", "architecture"),
    [
        ("m7i.4xlarge", 16, 65536, "x86_64"),
        ("c7g.large", 2, 4096, "arm64"),
        ("r6i.16xlarge", 64, 524288, "x86_64"),
        ("m7i-flex.xlarge", 4, 16384, "x86_64"),
        ("c6gd.medium", 1, 2048, "arm64"),
        ("t4g.small", 2, 2048, "arm64"),
    ],
)
def test_types_have_the_size_their_name_says(
    name: str, vcpu: int, memory_mib: int, architecture: str
) -> None:
    """[EC2-TYPE-SIZES]"""
    shape = instance_shape(name)
    assert (shape.vcpu, shape.memory_mib, shape.architecture) == (vcpu, memory_mib, architecture)
    assert shape.registered_memory(0) < memory_mib


def test_a_type_that_does_not_exist_is_refused(stage: Any) -> None:
    with pytest.raises(ClientError) as error:
        stage.fleet(1, overrides=[{"InstanceType": "z9.huge", "SubnetId": "subnet-a"}])
    assert code(error) == "InvalidParameterValue"


def test_a_spot_warning_drains_the_host_when_its_agent_is_told_to(stage: Any) -> None:
    """[ECS-AGENT-CONFIG]"""
    settings = {"ECS_ENABLE_SPOT_INSTANCE_DRAINING": "true", "ECS_RESERVED_MEMORY": "256"}
    data = {"InstanceType": "m7i.xlarge", "UserData": ecs_user_data("slipway-general", settings=settings)}
    stage.twin.ec2.create_launch_template(LaunchTemplateName="draining", LaunchTemplateData=data)
    config = {"LaunchTemplateSpecification": {"LaunchTemplateName": "draining"}}
    instance_id = stage.launch(1, "spot", LaunchTemplateConfigs=[config])[0]
    memory = stage.instances()[0]["registeredResources"][1]["integerValue"]
    assert memory == instance_shape("m7i.xlarge").registered_memory(256)
    stage.twin.ec2.interrupt_spot(instance_id)
    assert stage.instances()[0]["status"] == "DRAINING"


def test_tags_added_later_are_found_too(stage: Any) -> None:
    instance_id = stage.launch()[0]
    stage.twin.ec2.create_tags(Resources=[instance_id], Tags=[{"Key": "slipway:used", "Value": "yes"}])
    filters = [{"Name": "tag-key", "Values": ["slipway:used"]}]
    assert stage.twin.ec2.describe_instances(Filters=filters)["Reservations"]
    with pytest.raises(ClientError, match="filter"):
        stage.twin.ec2.describe_instances(Filters=[{"Name": "nonsense", "Values": ["x"]}])


def test_a_launch_template_or_version_that_does_not_exist_is_refused(stage: Any) -> None:
    for specification in (
        {"LaunchTemplateName": "nothing"},
        {"LaunchTemplateName": "general", "Version": "7"},
    ):
        with pytest.raises(ClientError, match="does not exist"):
            stage.fleet(1, LaunchTemplateConfigs=[{"LaunchTemplateSpecification": specification}])
