"""Does the account have the service-linked roles without which ECS and Spot refuse?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from botocore.exceptions import ClientError

from local.doctor.findings import Check, Look, Verdict, failed, ok
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Market

SPOT, ECS = "AWSServiceRoleForEC2Spot", "AWSServiceRoleForECS"


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    if any(pool.market is Market.SPOT for pool in surroundings.pools()):
        yield Look(SPOT, partial(_judge, surroundings, SPOT, "spot"))
    yield Look(ECS, partial(_judge, surroundings, ECS, "ecs"))


def _judge(surroundings: Surroundings, role: str, service: str) -> Iterator[Verdict]:
    client = surroundings.account.client("iam", surroundings.home_region)
    mend = f"aws iam create-service-linked-role --aws-service-name {service}.amazonaws.com, once an account"
    try:
        client.get_role(RoleName=role)
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "NoSuchEntity":
            raise
        if role == SPOT:  # what launches instances may not make roles [EC2-SPOT-ROLE]
            yield failed("spot-role-missing", "does not exist: every Spot launch would be refused", mend)
        else:
            # The first cluster makes it, and is refused until it is seen [ECS-SERVICE-ROLE].
            refused = "does not exist: the first deployment would fail, with `Unable to assume the service linked role`"
            yield failed("ecs-role-missing", refused, mend)
        return
    yield ok("exists")


CHECK = Check(
    name="service-roles",
    about="the account has the service-linked roles of ECS and, where a pool is Spot, of EC2 Spot",
    permissions=("iam:GetRole",),
    looks=_looks,
)
