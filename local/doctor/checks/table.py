"""Is the ledger's table there, and does it forget what has expired?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from local.doctor.deployment import DEPLOY_AGAIN, absence, is_deployed
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings

EXPIRES = "expires_at"


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    yield Look(f"table {surroundings.configuration.deployment}", partial(_judge, surroundings))


def _judge(surroundings: Surroundings) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    client = surroundings.account.client("dynamodb", surroundings.home_region)
    name = surroundings.configuration.deployment
    with absence() as found:
        found.append(client.describe_table(TableName=name)["Table"])
    if not found:
        yield failed("table-missing", "does not exist, though the deployment does", DEPLOY_AGAIN)
        return
    if found[0]["TableStatus"] not in ("ACTIVE", "UPDATING"):
        mend = "wait; if it stays, see what DynamoDB says of it"
        yield failed("table-not-active", f"is {found[0]['TableStatus']}", mend)
    told = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    is_on = told.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    if not is_on or told.get("AttributeName") != EXPIRES:
        mend = (
            f"aws dynamodb update-time-to-live --table-name {name} "
            f"--time-to-live-specification Enabled=true,AttributeName={EXPIRES}"
        )
        yield warning("table-without-ttl", "forgets nothing: it grows for ever", mend)
    yield ok(f"is {found[0]['TableStatus'].lower()}")


CHECK = Check(
    name="table",
    about="the ledger's table is there, and forgets what has expired",
    permissions=("lambda:GetFunctionConfiguration", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"),
    looks=_looks,
)
