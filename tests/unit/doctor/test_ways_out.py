"""Routes and endpoints that moto does not show: a target that is gone, the partition of China."""

from __future__ import annotations

import pytest

from local.doctor.checks.ways_out import _fault_of_route
from local.doctor.findings import Status
from local.doctor.networks import service_of

SUBNET = {"SubnetId": "subnet-1", "MapPublicIpOnLaunch": False}


@pytest.mark.parametrize("has_own_addresses", [True, False])
def test_a_route_to_what_is_gone_fails(has_own_addresses: bool) -> None:
    route = {"NatGatewayId": "nat-1", "State": "blackhole"}
    fault = _fault_of_route("subnet-1", SUBNET, route, has_own_addresses=has_own_addresses)
    assert fault is not None
    assert (fault.status, fault.message) == (
        Status.FAILED,
        "subnet-1 has its route out by nat-1, which is gone",
    )


@pytest.mark.parametrize(
    "route",
    [
        {"NatGatewayId": "nat-1", "State": "active"},
        {"TransitGatewayId": "tgw-1", "State": "active"},
        {"GatewayId": "vgw-1", "State": "active"},
        {"NetworkInterfaceId": "eni-1", "InstanceId": "i-1", "State": "active"},
    ],
)
def test_every_way_out_but_an_internet_gateway_needs_no_public_address(route: dict[str, str]) -> None:
    assert _fault_of_route("subnet-1", SUBNET, route, has_own_addresses=True) is None


@pytest.mark.parametrize(
    ("service", "short"),
    [
        ("com.amazonaws.eu-west-1.ecr.api", "ecr.api"),
        ("com.amazonaws.eu-west-1.s3", "s3"),
        ("cn.com.amazonaws.cn-north-1.ecs-agent", "ecs-agent"),
    ],
)
def test_a_services_name_is_told_without_its_region(service: str, short: str) -> None:
    assert service_of({"ServiceName": service}) == short
