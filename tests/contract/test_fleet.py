"""What every ``Fleet`` must do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.adapters.ec2 import Ec2Fleet
from slipway.domain.configuration import Market
from slipway.domain.errors import RefusedError, SlipwayError, ThrottledError, UnknownOutcomeError
from slipway.domain.intents import LaunchInstances, Offering
from slipway.domain.snapshot import ANY
from tests.builders import a_launch_intent, a_run_intent
from tests.contract.aws_faces import Face
from tests.contract.capacity_stage import Capacity, build_capacity


@pytest.fixture
def stage(aws: Face) -> Capacity:
    return build_capacity(aws)


def ids(stage: Capacity) -> set[str]:
    return {instance.instance_id for instance in stage.fleet.instances()}


@pytest.mark.parametrize("market", list(Market))
def test_launched_instances_are_listed_with_what_they_are(stage: Capacity, market: Market) -> None:
    result = stage.fleet.launch(a_launch_intent(2, "fleet-1", market=market))
    assert (len(result.instances), result.refused, result.errors) == (2, (), ())
    stage.advance(1)
    listed = stage.fleet.instances()
    assert {item.instance_id for item in listed} == {item.instance_id for item in result.instances}
    for item in (*result.instances, *listed):
        assert (item.instance_type, item.market, item.intent) == ("m7i.2xlarge", market, "fleet-1")
        assert abs(item.launched_at - stage.aws.account.clock.now()) <= 1


def test_the_same_intent_again_launches_nothing_new(stage: Capacity) -> None:
    """[EC2-FLEET-TOKEN]"""
    first = stage.fleet.launch(a_launch_intent(2))
    again = stage.fleet.launch(a_launch_intent(2))
    assert {item.instance_id for item in again.instances} == {item.instance_id for item in first.instances}
    assert stage.live_instances() == 2


def test_a_launch_whose_reply_was_lost_is_repeated_for_its_instances(stage: Capacity) -> None:
    stage.fail("ec2", "CreateFleet", "LostReply", after_success=True)
    with pytest.raises(UnknownOutcomeError):
        stage.fleet.launch(a_launch_intent(3))
    assert len(stage.fleet.launch(a_launch_intent(3)).instances) == 3
    assert stage.live_instances() == 3


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("InsufficientInstanceCapacity", Offering("m7i.2xlarge", "subnet-1")),
        ("UnfulfillableCapacity", Offering("m7i.2xlarge", "subnet-1")),
        ("InsufficientFreeAddressesInSubnet", Offering(ANY, "subnet-1")),
        ("MaxSpotInstanceCountExceeded", Offering(ANY, ANY)),
        ("VcpuLimitExceeded", Offering(ANY, ANY)),
    ],
)
def test_what_ec2_has_none_of_is_named_beside_what_was_launched(
    stage: Capacity, code: str, refused: Offering
) -> None:
    """[EC2-CAPACITY-ERRORS]"""
    with stage.aws.lock:
        stage.aws.account.ec2.capacity.limit(1, instance_type="m7i.2xlarge", market="spot", error_code=code)
    result = stage.fleet.launch(a_launch_intent(3))
    assert len(result.instances) == 1
    assert (result.refused, result.errors) == ((refused,), (code,))
    none_left = stage.fleet.launch(a_launch_intent(1, "fleet-2"))
    assert (none_left.instances, none_left.refused) == ((), (refused,))
    on_demand = a_launch_intent(1, "fleet-3", market=Market.ON_DEMAND)
    assert len(stage.fleet.launch(on_demand).instances) == 1


def test_each_type_is_refused_in_its_own_subnet_and_asked_for_in_no_other(stage: Capacity) -> None:
    """A subnet lies in one zone, and zones run out one by one."""
    offerings = (
        Offering("m7i.2xlarge", "subnet-1"),
        Offering("m7i.2xlarge", "subnet-2"),
        Offering("m7a.2xlarge", "subnet-2"),
    )
    with stage.aws.lock:
        stage.aws.account.ec2.capacity.limit(0, place="subnet-1")
        stage.aws.account.ec2.capacity.limit(0, instance_type="m7a.2xlarge", place="subnet-2")
        stage.aws.account.ec2.capacity.limit(1, instance_type="m7i.2xlarge", place="subnet-2")
    result = stage.fleet.launch(a_launch_intent(2, offerings=offerings))
    assert [(item.instance_type, item.subnet) for item in result.instances] == [("m7i.2xlarge", "subnet-2")]
    assert set(result.refused) == set(offerings)


def test_a_type_that_another_one_stood_in_for_is_not_called_refused(stage: Capacity) -> None:
    with stage.aws.lock:
        stage.aws.account.ec2.capacity.limit(0, instance_type="m7i.2xlarge")
    result = stage.fleet.launch(a_launch_intent(2, types=("m7i.2xlarge", "m7a.2xlarge")))
    assert [item.instance_type for item in result.instances] == ["m7a.2xlarge"] * 2
    assert result.refused == ()


def test_terminated_instances_are_listed_no_more_and_may_be_terminated_again(stage: Capacity) -> None:
    launched = [item.instance_id for item in stage.fleet.launch(a_launch_intent(3)).instances]
    stage.advance(1)
    for _ in range(2):
        stage.fleet.terminate(launched[:2])
        stage.advance(60)
    assert ids(stage) == set(launched[2:])
    assert stage.live_instances() == 1


def test_a_stopped_instance_is_listed_as_such_until_it_is_terminated(stage: Capacity) -> None:
    """It keeps its disk, and whoever stops listing it pays for that for ever."""
    launch = a_launch_intent(2, market=Market.ON_DEMAND)
    stopped, running = (item.instance_id for item in stage.fleet.launch(launch).instances)
    stage.advance(120)
    stage.aws.client("ec2").stop_instances(InstanceIds=[stopped])
    stage.advance(1)
    for _ in range(2):
        listed = {item.instance_id: item.is_stopped for item in stage.fleet.instances()}
        assert listed == {stopped: True, running: False}
        stage.advance(120)
    stage.fleet.terminate([stopped])
    stage.advance(60)
    assert ids(stage) == {running}


def test_a_launched_instance_says_from_which_template_version_it_was_made(stage: Capacity) -> None:
    """[EC2-SYSTEM-TAGS]"""
    assert stage.fleet.template_version() == 1
    first = stage.fleet.launch(a_launch_intent(1)).instances
    stage.aws.client("ec2").create_launch_template_version(
        LaunchTemplateName=stage.pool.launch_template,
        SourceVersion="1",
        LaunchTemplateData={"ImageId": "ami-0b"},
    )
    assert stage.fleet.template_version() == 2
    second = stage.fleet.launch(a_launch_intent(1, "fleet-2")).instances
    stage.advance(1)
    assert [item.template_version for item in (*first, *second)] == [1, 2]
    assert sorted(item.template_version or 0 for item in stage.fleet.instances()) == [1, 2]


def test_a_pool_without_its_launch_template_has_no_version(stage: Capacity) -> None:
    nowhere = replace(stage.pool, launch_template="nowhere")
    assert (
        Ec2Fleet(stage.aws.client("ec2"), nowhere, "test", stage.aws.account.clock).template_version() is None
    )


def test_an_instance_of_the_stopped_tier_is_tagged_so_that_its_host_powers_off(stage: Capacity) -> None:
    launch = a_launch_intent(1, market=Market.ON_DEMAND, for_stopped_tier=True)
    (launched,) = stage.fleet.launch(launch).instances
    stage.fleet.launch(a_launch_intent(1, "fleet-2"))
    stage.advance(1)
    wanted = [{"Name": "tag:slipway:tier", "Values": ["stopped"]}]
    (found,) = stage.aws.client("ec2").describe_instances(Filters=wanted)["Reservations"]
    assert found["Instances"][0]["InstanceId"] == launched.instance_id


def test_stopped_instances_are_started_all_or_none_and_again_without_harm(stage: Capacity) -> None:
    launch = a_launch_intent(2, market=Market.ON_DEMAND)
    stopped = [item.instance_id for item in stage.fleet.launch(launch).instances]
    stage.advance(120)
    stage.aws.client("ec2").stop_instances(InstanceIds=stopped)
    stage.advance(120)
    with stage.aws.lock:
        stage.aws.account.ec2.capacity.limit(0, market="on-demand")
    with pytest.raises(RefusedError) as refusal:
        stage.fleet.start(stopped)
    assert refusal.value.code == "InsufficientInstanceCapacity"  # a server error to EC2 [EC2-SERVER-FAULTS]
    with stage.aws.lock:
        stage.aws.account.ec2.capacity.lift(market="on-demand")
    for _ in range(2):
        stage.fleet.start(stopped)
        stage.advance(60)
        assert {item.instance_id for item in stage.fleet.instances() if not item.is_stopped} == set(stopped)


def test_an_instance_that_never_was_keeps_no_other_alive(stage: Capacity) -> None:
    launched = [item.instance_id for item in stage.fleet.launch(a_launch_intent(1)).instances]
    stage.advance(1)
    stage.fleet.terminate(["i-0123456789abcdef0", *launched])
    stage.advance(60)
    assert ids(stage) == set()


def test_instances_of_another_pool_or_deployment_are_not_listed(stage: Capacity) -> None:
    stage.fleet.launch(a_launch_intent(1))
    stage.advance(1)
    client, clock = stage.aws.client("ec2"), stage.aws.account.clock
    assert Ec2Fleet(client, replace(stage.pool, name="other"), "test", clock).instances() == []
    assert Ec2Fleet(client, stage.pool, "another", clock).instances() == []


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("RequestLimitExceeded", ThrottledError),
        ("InternalError", UnknownOutcomeError),
        ("LostReply", UnknownOutcomeError),
        ("UnauthorizedOperation", RefusedError),
        ("InvalidLaunchTemplateName.NotFoundException", RefusedError),
        ("IdempotentParameterMismatch", RefusedError),
    ],
)
def test_an_error_of_create_fleet_becomes_ours(
    stage: Capacity, code: str, wanted: type[SlipwayError]
) -> None:
    stage.fail("ec2", "CreateFleet", code)
    with pytest.raises(SlipwayError) as caught:
        stage.fleet.launch(a_launch_intent(1))
    assert type(caught.value) is wanted
    assert stage.live_instances() == 0


def test_a_list_is_whole_over_all_its_pages(stage: Capacity) -> None:
    for number in range(3):
        stage.fleet.launch(a_launch_intent(40, f"fleet-{number}"))
    stage.advance(1)
    assert len(ids(stage)) == 120


def test_a_run_is_no_request_for_instances(stage: Capacity) -> None:
    assert not isinstance(a_run_intent().request, LaunchInstances)
    with pytest.raises(TypeError, match="LaunchInstances"):
        stage.fleet.launch(a_run_intent())
