"""Does each subnet of a pool have a way to AWS and GitHub: a route out, or the endpoints that stand in for it?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.networks import Entry, default_route, endpoints_of, route_table_of, subnets_of
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Pool

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

# What hosts and containers call without a route to the internet [ECS-ENDPOINTS]; execute-api is the claim API's own.
INTERFACES = ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs", "execute-api")


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    for pool in surroundings.pools():
        yield Look(f"pool {pool.name}: way out", partial(_judge, surroundings, pool))


def _judge(surroundings: Surroundings, pool: Pool) -> Iterator[Verdict]:
    ec2 = surroundings.account.ec2(pool.region)
    has_own_addresses = surroundings.takes_addresses(pool) > 1
    ways: dict[str, list[str]] = {}
    verdicts: list[Verdict] = []
    for name, subnet in sorted(subnets_of(ec2, pool).items()):
        table = route_table_of(ec2, subnet)
        route = default_route(table)
        if route is None:
            verdicts += _without_route(ec2, subnet, table)
        elif fault := _fault_of_route(name, subnet, route, has_own_addresses=has_own_addresses):
            verdicts.append(fault)
        else:
            ways.setdefault(_target(route), []).append(name)
    yield from verdicts
    for target, names in ways.items():
        yield ok(f"{', '.join(names)} by {target}")


def _target(route: Entry) -> str:
    keys = ("NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId", "GatewayId")
    return str(next((route[key] for key in keys if route.get(key)), "another target"))


def _fault_of_route(name: str, subnet: Entry, route: Entry, *, has_own_addresses: bool) -> Verdict | None:
    target = _target(route)
    if route.get("State") == "blackhole":
        return failed(
            "route-blackhole",
            f"{name} has its route out by {target}, which is gone",
            "point the route at one that exists",
        )
    if not target.startswith("igw-"):
        return None
    if has_own_addresses:
        message = f"{name} goes out by {target}, and tasks of docker: privileged have no public address [ECS-AWSVPC]"
        return failed("task-without-address", message, "subnets with a NAT gateway for this pool")
    if not subnet["MapPublicIpOnLaunch"]:
        message = f"{name} goes out by {target}, and gives instances no public address"
        return failed(
            "host-without-address",
            message,
            "let the subnet assign public IPv4 addresses, or route by a NAT gateway",
        )
    return None


def _without_route(ec2: EC2Client, subnet: Entry, table: Entry | None) -> Iterator[Verdict]:
    """Without a route, only endpoints lead to AWS, and GitHub must be in the network itself."""
    endpoints = endpoints_of(ec2, subnet["VpcId"])
    name = subnet["SubnetId"]
    missing = [service for service in INTERFACES if not endpoints.get(service, {}).get("PrivateDnsEnabled")]
    # The gateway endpoint leads only where it is in the subnet's route table.
    tables = endpoints.get("s3", {}).get("RouteTableIds", ())
    has_s3 = (table is not None and table["RouteTableId"] in tables) or (
        endpoints.get("s3", {}).get("PrivateDnsEnabled", False)
    )
    if missing or not has_s3:
        lacking = ", ".join([*missing, *([] if has_s3 else ["s3 (gateway)"])])
        message = f"{name} has no route out, and its VPC lacks endpoints with private DNS: {lacking}"
        yield warning(
            "endpoints-missing",
            message,
            "add them, or a route by a NAT gateway; without either no host registers",
        )
    message = f"{name} has no route out: jobs reach GitHub only if it is in your network, and claims only a private API"
    yield warning(
        "no-way-out",
        message,
        "api: private, and a GitHub in your network (try it with --reach); or a NAT gateway",
    )


CHECK = Check(
    name="ways-out",
    about="each subnet has a route out that works for its hosts, or the endpoints that stand in for it",
    permissions=("ec2:DescribeSubnets", "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints"),
    looks=_looks,
)
