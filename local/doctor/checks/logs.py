"""Are the log groups there? A container whose log group is missing does not start [ECS-LOG-GROUP]."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from local.doctor.deployment import DEPLOY_AGAIN, functions_of, is_deployed, name_of
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.networks import Entry
from local.doctor.surroundings import Surroundings
from local.infrastructure.places import log_group
from slipway.domain.configuration import Pool


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    yield Look("logs of the functions", partial(_of_functions, surroundings))
    for region, pools in surroundings.pools_by_region().items():
        yield Look(f"logs of containers in {region}", partial(_of_pools, surroundings, region, pools))


def _groups(surroundings: Surroundings, region: str, prefix: str) -> dict[str, Entry]:
    client = surroundings.account.client("logs", region)
    pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    return {group["logGroupName"]: group for page in pages for group in page["logGroups"]}


def _of_functions(surroundings: Surroundings) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    prefix = f"/aws/lambda/{name_of(surroundings, '')}"
    groups = _groups(surroundings, surroundings.home_region, prefix)
    names = [f"{prefix}{name}" for name in functions_of(surroundings)]
    for name in names:
        if name not in groups:
            message = f"there is no log group {name}: nobody will see what the function says"
            yield warning("log-group-missing", message, DEPLOY_AGAIN)
        elif "retentionInDays" not in groups[name]:
            mend = f"aws logs put-retention-policy --log-group-name {name} --retention-in-days 30"
            yield warning("log-group-without-end", f"{name} keeps everything for ever", mend)
    if set(names) <= set(groups):
        yield ok("every function has its log group")


def _of_pools(surroundings: Surroundings, region: str, pools: list[Pool]) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    prefix = f"/ecs/{surroundings.configuration.deployment}"
    groups = _groups(surroundings, region, prefix)
    missing = [log_group(pool) for pool in pools if log_group(pool) not in groups]
    for name in missing:
        message = f"there is no log group {name}: no container of its pool can start"
        yield failed("container-log-group-missing", message, DEPLOY_AGAIN)
    if not missing:
        yield ok("every pool has its log group")


CHECK = Check(
    name="logs",
    about="functions and containers have their log groups",
    permissions=("lambda:GetFunctionConfiguration", "logs:DescribeLogGroups"),
    looks=_looks,
)
