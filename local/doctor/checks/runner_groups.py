"""Do the runner groups admit whom `allow` names, and nobody else? Asked of the reaper, which may see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from local.doctor.deployment import is_deployed, name_of
from local.doctor.findings import Check, Look, Verdict, failed, ok, unknown, warning
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import GitHubTarget, Registration
from slipway.domain.group_facts import GroupFacts

_BUSY = {"TooManyRequestsException", "ReservedFunctionConcurrentInvocationLimitExceeded"}
_AT_GITHUB = "at GitHub, in the group's settings; or say so in github.allow, and deploy"


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    if surroundings.configuration.github.registration is not Registration.REPOSITORY:
        yield Look("runner groups at GitHub", partial(_judge, surroundings))


def _judge(surroundings: Surroundings) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    client = surroundings.account.client("lambda", surroundings.home_region)
    name = name_of(surroundings, "reaper")
    try:
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"diagnose": True}))
    except ClientError as fault:
        code = fault.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            return  # another check tells that the function is missing
        if code not in _BUSY:
            raise
        # One run at a time is reserved for it.
        yield unknown("reaper-busy", "could not look: the reaper is at work", "run it again in a few seconds")
        return
    told = json.loads(answer["Payload"].read())
    if answer.get("FunctionError") or not isinstance(told, dict) or "groups" not in told:
        mend = "see the log of the reaper; one that is older than the doctor knows no such question: deploy again"
        yield unknown("reaper-told-nothing", "could not look: the reaper gave no diagnosis", mend)
        return
    for place, why in told["unread"]:
        message = f"the groups of {place} could not be listed: {why}"
        yield failed("groups-unread", message, "docs/github.md, when GitHub refuses, has the cure")
    groups = [_group(item) for item in told["groups"]]
    yield from _of_all(
        surroundings.configuration.github, groups, is_whole=not told["unread"] and not told["left"]
    )


def _group(item: dict[str, Any]) -> GroupFacts:
    lists = {
        name: None if item[name] is None else tuple(item[name]) for name in ("workflows", "organizations")
    }
    return GroupFacts(**{**item, **lists})


def _of_all(github: GitHubTarget, groups: list[GroupFacts], *, is_whole: bool) -> Iterator[Verdict]:
    for group in groups:
        faults = [*_of_one(github, group), *_of_enterprise(github, group)]
        yield from faults
        if not faults:
            yield ok(f"{_called(group)} admits whom github.allow names")
    if github.runner_group is not None and is_whole and not groups:
        message = f"there is no runner group {github.runner_group}"
        yield failed(
            "group-missing", message, "create it, or leave runner_groups out: Slipway then makes its own"
        )


def _called(group: GroupFacts) -> str:
    return f"group {group.name}" if group.place == "*" else f"group {group.name} of {group.place}"


def _of_one(github: GitHubTarget, group: GroupFacts) -> Iterator[Verdict]:
    name = _called(group)
    if group.is_default:
        mend = "name another group in github.runner_groups"
        yield failed("group-default", f"{name} is the default group, which everybody may use", mend)
    if group.allows_public_repositories and not github.allow_public_repositories:
        message = f"{name} admits public repositories, and so pull requests from anybody's forks"
        yield failed("group-admits-public", message, f"turn 'Allow public repositories' off {_AT_GITHUB}")
    if github.allow_public_repositories and not group.allows_public_repositories:
        message = f"{name} refuses public repositories, which github.allow admits: their jobs wait for ever"
        yield warning("group-refuses-public", message, f"turn 'Allow public repositories' on {_AT_GITHUB}")
    wanted = tuple(sorted(github.allowed_workflows)) or None
    if group.workflows != wanted:
        has = (
            "every workflow"
            if group.workflows is None
            else f"the workflows {', '.join(group.workflows) or '(none)'}"
        )
        message = (
            f"{name} admits {has}, and not what github.allow.workflows says: no runner is registered there"
        )
        yield failed("group-workflows", message, f"select the workflows {_AT_GITHUB}")


def _of_enterprise(github: GitHubTarget, group: GroupFacts) -> Iterator[Verdict]:
    """At organization level whoever administers an organization decides which of its repositories use a group."""
    if github.registration is not Registration.ENTERPRISE:
        return
    name = _called(group)
    if github.runner_group is None:
        own = group.name.lower().removeprefix(f"{github.deployment}-")
        if group.organizations is None:
            message = f"{name} is visible to all organizations: any of them may get {own}'s runners"
            yield failed("group-open-to-all", message, f"select {own} alone {_AT_GITHUB}")
        elif group.organizations != (own,):
            message = f"{name} is visible to {', '.join(group.organizations) or 'nobody'}, and should be to {own} alone"
            yield failed("group-open-to-others", message, f"select {own} alone {_AT_GITHUB}")
        return
    hidden = set(github.allowed_organizations) - {"*"} - set(group.organizations or ())
    if group.organizations is not None and hidden:
        message = f"{name} is hidden from {', '.join(sorted(hidden))}, whose jobs github.allow admits"
        yield warning("group-hidden", message, f"select them {_AT_GITHUB}")


CHECK = Check(
    name="runner-groups",
    about="the runner groups admit whom `allow` names and nobody else: organizations, public repositories, workflows",
    permissions=("lambda:GetFunctionConfiguration", "lambda:InvokeFunction"),
    looks=_looks,
)
