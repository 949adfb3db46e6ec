"""What the doctor sees of a pool's network: real boto3 on moto."""

from __future__ import annotations

import pytest

from local.doctor.checks.ways_out import INTERFACES
from tests.integration.doctor.stage import REGION, Stage


def test_a_type_that_the_region_does_not_offer_fails(stage: Stage) -> None:
    """moto's Milan has no m7a: the pool's network is made there for it."""
    stage.pool["instance_types"] = ["m7a.4xlarge", "m7i.4xlarge"]
    stage.pool["region"] = "eu-south-1"
    troubles = stage.troubles("--region", REGION)
    assert ("instance-types", "failed", "eu-south-1 does not offer m7a.4xlarge") in troubles


def test_a_type_that_is_in_some_of_the_zones_only_is_a_warning_and_in_none_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.ec2.models import instance_types

    offerings = instance_types.INSTANCE_TYPE_OFFERINGS["availability-zone"]
    monkeypatch.setitem(
        offerings,
        REGION,
        [
            {"InstanceType": "m7i.4xlarge", "Location": f"{REGION}a"},
            {"InstanceType": "m7i.2xlarge", "Location": f"{REGION}c"},
        ],
    )
    assert stage.troubles() == [
        ("instance-types", "warning", "m7i.4xlarge is not in eu-west-1b"),
        ("instance-types", "failed", "m7i.2xlarge is in none of the subnets' zones, only in eu-west-1c"),
    ]


def test_subnets_and_security_groups_that_do_not_exist_fail_each_by_name(stage: Stage) -> None:
    stage.pool["subnets"] += ["subnet-00000000", "subnet-11111111"]
    stage.pool["security_groups"] += ["sg-00000000"]
    assert stage.troubles() == [
        ("networks", "failed", "subnet subnet-00000000 does not exist in eu-west-1"),
        ("networks", "failed", "subnet subnet-11111111 does not exist in eu-west-1"),
        ("networks", "failed", "security group sg-00000000 does not exist in eu-west-1"),
    ]


def test_subnets_and_security_groups_of_other_vpcs_fail(stage: Stage) -> None:
    other = stage.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = stage.ec2.create_subnet(VpcId=other, CidrBlock="10.9.0.0/24", AvailabilityZone=f"{REGION}c")
    stage.pool["subnets"][1] = subnet["Subnet"]["SubnetId"]
    group = stage.ec2.create_security_group(GroupName="g", Description="g", VpcId=_a_third(stage))["GroupId"]
    stage.pool["security_groups"] = [group]
    said = {
        message for check, status, message in stage.troubles() if (check, status) == ("networks", "failed")
    }
    both = ", ".join(sorted([stage.vpc, other]))
    assert f"the subnets belong to {both}" in said
    assert any(message.startswith(f"{group} is of vpc-") for message in said)


def _a_third(stage: Stage) -> str:
    vpc: str = stage.ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    return vpc


@pytest.mark.parametrize(
    ("permission", "status", "message"),
    [
        ({"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "failed", "lets everybody in"),
        ({"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, "failed", "lets everybody in"),
        ({"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "warning", "has ingress rules"),
    ],
)
def test_a_security_group_that_lets_something_in_is_told(
    stage: Stage, permission: dict[str, object], status: str, message: str
) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **permission}
    stage.ec2.authorize_security_group_ingress(GroupId=stage.group, IpPermissions=[rule])
    assert stage.troubles() == [("networks", status, f"{stage.group} {message}")]


def test_a_security_group_that_lets_nothing_out_fails(stage: Stage) -> None:
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    stage.ec2.revoke_security_group_egress(GroupId=stage.group, IpPermissions=everything)
    assert stage.troubles() == [("networks", "failed", f"{stage.group} lets nothing out")]


def test_jobs_that_may_be_root_share_no_security_group_with_others(stage: Stage) -> None:
    stage.yaml["pools"]["alone"] = stage.pool | {"max_instances": 2}
    stage.yaml["profiles"]["docker"] = stage.yaml["profiles"]["medium"] | {
        "labels": ["docker"],
        "pool": "alone",
        "isolation": "instance",
    }
    message = f"{stage.group} is also that of pool general, whose hosts are shared"
    assert stage.troubles() == [("networks", "warning", message)]


# Two subnets of 256, less five each that AWS keeps and one of the NAT gateway.
def test_fewer_addresses_than_instances_take_is_a_warning_and_privileged_tasks_take_two(stage: Stage) -> None:
    stage.fixed.quotas = {"L-1216C47A": 64_000.0, "L-34B43A08": 64_000.0}
    stage.pool["max_instances"] = 400
    assert stage.troubles() == []
    stage.be_alone("privileged")
    assert stage.troubles() == [("networks", "warning", "501 free addresses, and 400 instances take 800")]


def test_an_internet_gateway_needs_public_addresses(stage: Stage) -> None:
    gateway = stage.internet_gateway()
    stage.route(GatewayId=gateway)
    said = f"goes out by {gateway}, and gives instances no public address"
    assert stage.troubles() == [
        ("ways-out", "failed", f"{subnet} {said}") for subnet in sorted(stage.subnets)
    ]
    for subnet in stage.subnets:
        stage.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    assert stage.troubles() == []


def test_tasks_with_an_interface_of_their_own_need_a_nat_gateway(stage: Stage) -> None:
    stage.route(GatewayId=stage.internet_gateway())
    for subnet in stage.subnets:
        stage.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    stage.be_alone("privileged")
    troubles = stage.troubles()
    assert [(check, status) for check, status, _ in troubles] == [("ways-out", "failed")] * 2
    assert all("have no public address" in message for _, _, message in troubles)


def test_the_main_route_table_counts_where_a_subnet_has_none_of_its_own(stage: Stage) -> None:
    subnet = stage.ec2.create_subnet(VpcId=stage.vpc, CidrBlock="10.0.9.0/24", AvailabilityZone=f"{REGION}c")
    stage.pool["subnets"] = [subnet["Subnet"]["SubnetId"]]
    assert {check for check, _, _ in stage.troubles()} == {"ways-out"}
    (main,) = stage.ec2.describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [stage.vpc]}, {"Name": "association.main", "Values": ["true"]}]
    )["RouteTables"]
    stage.ec2.create_route(
        RouteTableId=main["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=stage.nat
    )
    assert stage.troubles() == []


def test_without_a_way_out_every_endpoint_that_is_missing_is_named(stage: Stage) -> None:
    stage.route()
    for service in INTERFACES:
        if service not in ("ecs-agent", "logs"):
            stage.endpoint(service, has_private_dns=service != "ecr.api")
    lacking = "ecs-agent, ecr.api, logs, s3 (gateway)"
    said = [message for check, _, message in stage.troubles() if check == "ways-out"]
    for subnet in stage.subnets:
        assert f"{subnet} has no route out, and its VPC lacks endpoints with private DNS: {lacking}" in said
    assert sum("jobs reach GitHub only if it is in your network" in message for message in said) == 2


def test_with_every_endpoint_only_github_is_in_doubt(stage: Stage) -> None:
    stage.route()
    for service in (*INTERFACES, "s3"):
        stage.endpoint(service)
    troubles = stage.troubles("--api", "private")
    assert {check for check, _, _ in troubles} == {"ways-out"}
    assert all("jobs reach GitHub only if" in message for _, _, message in troubles)


def test_an_execute_api_endpoint_with_private_dns_stands_between_containers_and_a_public_api(
    stage: Stage,
) -> None:
    message = f"{stage.vpc} has an execute-api endpoint with private DNS: claims would be answered 403"
    stage.endpoint("execute-api")
    assert stage.troubles() == [("claim-api", "warning", message)]
    assert stage.troubles("--api", "private") == []


def test_a_private_api_needs_an_endpoint(stage: Stage) -> None:
    message = f"{stage.vpc} has no execute-api endpoint, and the claim API is private"
    assert stage.troubles("--api", "private") == [("claim-api", "warning", message)]
    stage.endpoint("execute-api", has_private_dns=False)
    message = f"{stage.vpc} has an execute-api endpoint without private DNS"
    assert stage.troubles("--api", "private") == [("claim-api", "warning", message)]
    assert stage.troubles() == []


def test_endpoints_of_another_region_say_nothing_about_the_claim_api(stage: Stage) -> None:
    stage.endpoint("execute-api")
    checks = {one["check"] for one in stage.findings("--region", "us-east-1")[1]}
    assert "claim-api" not in checks
