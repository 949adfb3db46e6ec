"""May the functions do what they must? IAM's simulator knows boundaries and service control policies too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from local.doctor.deployment import DEPLOY_AGAIN, function, functions_of, name_of, places
from local.doctor.findings import Check, Look, Verdict, failed, ok
from local.doctor.surroundings import Surroundings
from local.infrastructure.function_policies import function_policies

Statement = Mapping[str, Any]
# What one resource alone does not decide: a launch needs image, networks, template and more at once [IAM-SIMULATE].
_TOGETHER = {"ec2:RunInstances", "ec2:CreateFleet"}
_AN_EXAMPLE = str.maketrans({"*": "0", "?": "0"})


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    for name in functions_of(surroundings):
        yield Look(f"role of {name_of(surroundings, name)}", partial(_judge, surroundings, name))


def _judge(surroundings: Surroundings, name: str) -> Iterator[Verdict]:
    entry = function(surroundings, name)
    if entry is None:
        return  # nothing is deployed, or another check tells that the function is missing
    client = surroundings.account.client("iam", surroundings.home_region)
    policy = function_policies(surroundings.configuration, places(surroundings), surroundings.environments)[
        name
    ]
    count, denied = 0, dict[str, tuple[str, str]]()
    for statement in policy["Statement"]:
        if not (actions := [one for one in statement["Action"] if one not in _TOGETHER]):
            continue
        pages = client.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=entry["Role"],
            ActionNames=actions,
            ResourceArns=_resources(statement),
            ContextEntries=_context(statement),
        )
        for result in (one for page in pages for one in page["EvaluationResults"]):
            count += 1
            if why := _denial(result):
                denied.setdefault(result["EvalActionName"], why)
    for action, why in sorted(denied.items()):
        yield failed("role-denied", f"may not {action}: {why[0]}", why[1])
    if not denied:
        yield ok(f"may do what it must, {count} permissions, as IAM's simulator says")


def _resources(statement: Statement) -> list[str]:
    """Return a resource that each of the statement's stands for: the simulator takes patterns for names."""
    return [one if one == "*" else one.translate(_AN_EXAMPLE) for one in statement["Resource"]]


def _context(statement: Statement) -> list[dict[str, Any]]:
    """Return the keys that the statement rests on, each with a value that it admits."""
    return [
        {
            "ContextKeyName": key,
            "ContextKeyValues": values[:1] if isinstance(values, list) else [values],
            "ContextKeyType": "string",
        }
        for operator in statement.get("Condition", {}).values()
        for key, values in operator.items()
    ]


def _denial(result: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return why an action is denied and what mends it; none where a key is missing that only the call itself has."""
    of_resources = result.get("ResourceSpecificResults", [])
    if result["EvalDecision"] == "allowed" or any(
        one.get("MissingContextValues") for one in (result, *of_resources)
    ):
        return None
    by_organization = result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True)
    within_boundary = result.get("PermissionsBoundaryDecisionDetail", {}).get(
        "AllowedByPermissionsBoundary", True
    )
    if not by_organization:
        return (
            "a service control policy of the AWS organization denies it",
            "have that policy except this role",
        )
    if not within_boundary:
        return (
            "the role's permissions boundary does not admit it",
            "widen the boundary, or deploy with another",
        )
    if result["EvalDecision"] == "explicitDeny":
        return "a policy denies it", "find that statement in the role's policies and except this role"
    return "no policy of the role allows it", DEPLOY_AGAIN


CHECK = Check(
    name="role-policies",
    about="each function's role may do what its policy says, service control policies and boundaries considered",
    permissions=("lambda:GetFunctionConfiguration", "iam:SimulatePrincipalPolicy"),
    looks=_looks,
)
