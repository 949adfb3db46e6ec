"""What the reach functions find from the pools' own subnets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from local.doctor.findings import Check, Look, Verdict, failed, ok, unknown
from local.doctor.surroundings import Surroundings

Target = tuple[str, int]
# What a runner of github.com talks to besides the API [RUNNER-HOSTS]; of a server it is the server itself.
OF_GITHUB_COM = (
    "github.com",
    "api.github.com",
    "codeload.github.com",
    "results-receiver.actions.githubusercontent.com",
)
_MEND = "look at the subnets' routes, network ACLs and resolver, and at the security groups' egress"


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    targets = wanted(surroundings)
    for function in surroundings.reach.functions:
        yield Look(f"function {function}", partial(_judge, surroundings, function, targets))


def wanted(surroundings: Surroundings) -> list[Target]:
    """Return GitHub's own hosts, and the targets that were asked for."""
    github = surroundings.configuration.github
    urls = [github.web_url, github.api_url]
    hosts = [(part.hostname or "", part.port or 443) for part in map(urlsplit, urls)]
    if github.web_url == "https://github.com":
        hosts = [(host, 443) for host in OF_GITHUB_COM]
    return list(dict.fromkeys([*hosts, *surroundings.reach.targets]))


def region_of(function: str, surroundings: Surroundings) -> str:
    """Return a function's region: an ARN says so; a name is looked for where the pools are, if that is one region."""
    if function.startswith("arn:"):
        return function.split(":")[3]
    regions = list(surroundings.pools_by_region())
    return regions[0] if len(regions) == 1 else surroundings.home_region


def _judge(surroundings: Surroundings, function: str, targets: list[Target]) -> Iterator[Verdict]:
    region = region_of(function, surroundings)
    client = surroundings.account.client("lambda", region)
    event = {"targets": [{"host": host, "port": port} for host, port in targets]}
    try:
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        mend = "deploy it into the pool's subnets (functions/reach), or give its ARN, which names its region"
        yield failed("reach-function-missing", f"there is no such function in {region}", mend)
        return
    body = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or "fault" in body:
        said = body.get("fault") or body.get("errorMessage", "")
        yield unknown(
            "reach-function-failed",
            f"could not look: the function answered: {said}",
            "see that it is functions/reach, and its log",
        )
        return
    for result in body["targets"]:
        yield _of_target(result)


def _of_target(result: Mapping[str, Any]) -> Verdict:
    place = f"{result['host']}:{result['port']}"
    if fault := result.get("fault"):
        found = f" ({', '.join(result['addresses'])})" if result.get("addresses") else ""
        return failed("target-unreachable", f"{place}{found}: {fault}", _MEND)
    times = f"DNS {result['dns_milliseconds']} ms, TCP {result['connect_milliseconds']} ms"
    return ok(f"{place} at {result['connected_to']}: {times}")


CHECK = Check(
    name="reach",
    about="names resolve and ports accept from the pools' own subnets (`--reach`)",
    permissions=("lambda:InvokeFunction",),
    looks=_looks,
)
