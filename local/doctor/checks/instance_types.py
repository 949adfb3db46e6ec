"""Does each pool's region offer its instance types, in the zones of its subnets?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.networks import subnets_of
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Pool


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    for pool in surroundings.pools():
        yield Look(f"pool {pool.name} in {pool.region}", partial(_judge, surroundings, pool))


def _judge(surroundings: Surroundings, pool: Pool) -> Iterator[Verdict]:
    ec2 = surroundings.account.ec2(pool.region)
    wanted = [kind.name for kind in pool.instance_types]
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": wanted}]
    )
    offered: dict[str, set[str]] = {name: set() for name in wanted}
    for page in pages:
        for offering in page["InstanceTypeOfferings"]:
            offered[offering["InstanceType"]].add(offering["Location"])
    zones = {subnet["AvailabilityZone"] for subnet in subnets_of(ec2, pool).values()}
    verdicts = [verdict for name in wanted for verdict in _of_type(pool, name, offered[name], zones)]
    yield from verdicts
    if not verdicts:
        yield ok(f"{', '.join(wanted)} in {', '.join(sorted(zones)) or 'no zone, for want of subnets'}")


def _of_type(pool: Pool, name: str, offered: set[str], zones: set[str]) -> Iterator[Verdict]:
    others = f"name another in pools.{pool.name}.instance_types"
    if not offered:
        yield failed("type-not-offered", f"{pool.region} does not offer {name}", others)
    elif zones and not zones & offered:
        places = ", ".join(sorted(offered))
        yield failed(
            "type-in-no-zone",
            f"{name} is in none of the subnets' zones, only in {places}",
            f"{others}, or add a subnet there",
        )
    elif missing := zones - offered:
        yield warning(
            "type-in-some-zones",
            f"{name} is not in {', '.join(sorted(missing))}",
            f"{others}, or live with fewer places to find it",
        )


CHECK = Check(
    name="instance-types",
    about="each pool's region offers its instance types, in the zones of its subnets",
    permissions=("ec2:DescribeInstanceTypeOfferings", "ec2:DescribeSubnets"),
    looks=_looks,
)
