"""Do the pools' VPCs lead to the claim API, public or private?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from local.doctor.findings import Check, Look, Verdict, ok, warning
from local.doctor.networks import endpoints_of, subnets_of
from local.doctor.surroundings import Surroundings


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    """The API is in the home region: an endpoint of another region answers for no name of it."""
    if surroundings.home_region in surroundings.pools_by_region():
        yield Look(f"VPCs in {surroundings.home_region}", partial(_judge, surroundings))


def _judge(surroundings: Surroundings) -> Iterator[Verdict]:
    ec2 = surroundings.account.ec2(surroundings.home_region)
    pools = surroundings.pools_by_region()[surroundings.home_region]
    vpcs = sorted({subnet["VpcId"] for pool in pools for subnet in subnets_of(ec2, pool).values()})
    for vpc in vpcs:
        endpoint = endpoints_of(ec2, vpc).get("execute-api")
        answers_for_all = bool(endpoint and endpoint.get("PrivateDnsEnabled"))
        if surroundings.has_private_api:
            yield _private(vpc, has_endpoint=endpoint is not None, has_private_dns=answers_for_all)
        elif answers_for_all:
            # Every execute-api name of the region then leads to private APIs only [LAMBDA-HTTP-API-PRIVATE-DNS].
            message = f"{vpc} has an execute-api endpoint with private DNS: claims would be answered 403"
            yield warning(
                "claims-caught-by-endpoint", message, "api: private, or turn the endpoint's private DNS off"
            )
        else:
            yield ok(f"nothing in {vpc} stands between containers and the public claim API")


def _private(vpc: str, *, has_endpoint: bool, has_private_dns: bool) -> Verdict:
    """An endpoint has a name of its own, by which containers call where it is the only one."""
    if has_private_dns:
        return ok(f"{vpc} has an execute-api endpoint with private DNS")
    if has_endpoint:
        message = f"{vpc} has an execute-api endpoint without private DNS"
        return warning(
            "claim-endpoint-without-dns",
            message,
            "turn it on where the deployment has more than one endpoint",
        )
    message = f"{vpc} has no execute-api endpoint, and the claim API is private"
    return warning(
        "claim-endpoint-missing",
        message,
        "add one, or have a way to another VPC's, whose id the deployment was given",
    )


CHECK = Check(
    name="claim-api",
    about="nothing in the pools' VPCs keeps containers from the claim API",
    permissions=("ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints"),
    looks=_looks,
)
