"""What EC2 tells of a pool's network: subnets, security groups, routes, endpoints. By filter, so that what is
missing is missing from the answer, and no exception names the first of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from slipway.domain.configuration import Pool

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

Entry = Mapping[str, Any]
ANYWHERE = ("0.0.0.0/0", "::/0")


def subnets_of(ec2: EC2Client, pool: Pool) -> dict[str, Entry]:
    """Return those of the pool's subnets that exist, by id."""
    answer = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": list(pool.subnets)}])
    return {subnet["SubnetId"]: subnet for subnet in answer["Subnets"]}


def security_groups_of(ec2: EC2Client, pool: Pool) -> dict[str, Entry]:
    """Return those of the pool's security groups that exist, by id."""
    answer = ec2.describe_security_groups(
        Filters=[{"Name": "group-id", "Values": list(pool.security_groups)}]
    )
    return {group["GroupId"]: group for group in answer["SecurityGroups"]}


def route_table_of(ec2: EC2Client, subnet: Entry) -> Entry | None:
    """Return the route table of a subnet: its own, else the main one of its VPC."""
    own = ec2.describe_route_tables(
        Filters=[{"Name": "association.subnet-id", "Values": [subnet["SubnetId"]]}]
    )["RouteTables"]
    tables = (
        own
        or (
            ec2.describe_route_tables(
                Filters=[
                    {"Name": "vpc-id", "Values": [subnet["VpcId"]]},
                    {"Name": "association.main", "Values": ["true"]},
                ]
            )["RouteTables"]
        )
    )
    return next(iter(tables), None)


def default_route(table: Entry | None) -> Entry | None:
    """Return the route of IPv4 to everywhere, if there is one."""
    routes: Iterable[Entry] = table["Routes"] if table else ()
    return next((route for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0"), None)


def endpoints_of(ec2: EC2Client, vpc: str) -> dict[str, Entry]:
    """Return a VPC's usable endpoints by the last part of their service's name: ``ecr.api``, ``s3``."""
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}]
    )
    return {
        service_of(endpoint): endpoint
        for page in pages
        for endpoint in page["VpcEndpoints"]
        if endpoint.get("State", "").lower() == "available"
    }


def service_of(endpoint: Entry) -> str:
    """Return a service's name without `com.amazonaws.REGION.`; the partition of China puts `cn.` before it."""
    return str(endpoint["ServiceName"]).removeprefix("cn.").split(".", 3)[-1]
