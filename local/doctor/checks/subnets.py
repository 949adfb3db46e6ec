"""Do each pool's subnets and security groups exist, in one VPC, with nothing let in and room for its instances?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.networks import ANYWHERE, Entry, security_groups_of, subnets_of
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Pool


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    for pool in surroundings.pools():
        yield Look(f"pool {pool.name}: subnets", partial(_subnets, surroundings, pool))
        yield Look(f"pool {pool.name}: security groups", partial(_security_groups, surroundings, pool))


def _subnets(surroundings: Surroundings, pool: Pool) -> Iterator[Verdict]:
    found = subnets_of(surroundings.account.ec2(pool.region), pool)
    yield from _missing("subnet", pool.subnets, found, pool)
    if not found:
        return
    vpcs = sorted({subnet["VpcId"] for subnet in found.values()})
    if len(vpcs) > 1:
        yield failed(
            "subnets-of-several-vpcs",
            f"the subnets belong to {', '.join(vpcs)}",
            "take all of a pool's subnets from one VPC",
        )
    needed = pool.max_instances * surroundings.takes_addresses(pool)
    free = sum(int(subnet["AvailableIpAddressCount"]) for subnet in found.values())
    if free < needed:
        message = f"{free} free addresses, and {pool.max_instances} instances take {needed}"
        yield warning(
            "addresses-few", message, f"larger or more subnets, or less in pools.{pool.name}.max_instances"
        )
    else:
        zones = sorted({subnet["AvailabilityZone"] for subnet in found.values()})
        yield ok(f"{len(found)} in {', '.join(vpcs)}, zones {', '.join(zones)}, {free:,} free addresses")


def _security_groups(surroundings: Surroundings, pool: Pool) -> Iterator[Verdict]:
    ec2 = surroundings.account.ec2(pool.region)
    found = security_groups_of(ec2, pool)
    vpcs = {subnet["VpcId"] for subnet in subnets_of(ec2, pool).values()}
    verdicts = list(_missing("security group", pool.security_groups, found, pool))
    for name, group in found.items():
        if vpcs and group["VpcId"] not in vpcs:
            mend = "a security group and the subnets must be in one VPC"
            verdicts.append(
                failed(
                    "security-group-of-other-vpc",
                    f"{name} is of {group['VpcId']}, the subnets of {', '.join(sorted(vpcs))}",
                    mend,
                )
            )
        verdicts += _rules(name, group)
    verdicts += _shared_with_others(surroundings, pool)
    yield from verdicts or [ok(f"{', '.join(sorted(found))} let nothing in")]


def _missing(what: str, wanted: tuple[str, ...], found: dict[str, Entry], pool: Pool) -> Iterator[Verdict]:
    for name in wanted:
        if name not in found:
            mend = f"name one of this account and region in pools.{pool.name}"
            yield failed("network-missing", f"{what} {name} does not exist in {pool.region}", mend)


def _rules(name: str, group: Entry) -> Iterator[Verdict]:
    ranges = [
        block[key]
        for rule in group["IpPermissions"]
        for kind, key in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6"))
        for block in rule.get(kind, ())
    ]
    if set(ranges) & set(ANYWHERE):
        yield failed(
            "security-group-lets-everybody-in",
            f"{name} lets everybody in",
            "remove its ingress rules: neither hosts nor jobs need any",
        )
    elif group["IpPermissions"]:
        yield warning(
            "security-group-lets-in",
            f"{name} has ingress rules",
            "remove them: neither hosts nor jobs need any",
        )
    if not group["IpPermissionsEgress"]:
        yield failed(
            "security-group-lets-nothing-out",
            f"{name} lets nothing out",
            "hosts need TCP 443 to AWS and GitHub, or to the endpoints",
        )


def _shared_with_others(surroundings: Surroundings, pool: Pool) -> Iterator[Verdict]:
    """Jobs that are alone on their host may be root there: no host of others must trust their group."""
    if not pool.exclusive:
        return
    for other in surroundings.pools():
        shared = sorted(set(pool.security_groups) & set(other.security_groups))
        if not other.exclusive and shared:
            message = f"{', '.join(shared)} is also that of pool {other.name}, whose hosts are shared"
            yield warning(
                "security-group-shared-with-root",
                message,
                "give pools of isolation: instance a security group of their own",
            )


CHECK = Check(
    name="networks",
    about="each pool's subnets and security groups exist, belong to one VPC, let nothing in, and have room",
    permissions=("ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"),
    looks=_looks,
)
