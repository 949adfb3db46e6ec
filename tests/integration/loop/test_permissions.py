"""Least privilege: what functions ask of AWS in whole lives, held against their policies, both ways.

In a life everything happens that makes a function call AWS, on the real adapters; the demo holds the same over the wire
(tests/e2e). Both trees deploy these policies. What this proves is that policies and calls agree, by a matcher of ours;
IAM itself is not asked.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from local.infrastructure.function_policies import OF_LAMBDA, WIDE
from local.permissions.policies import allows, listed
from local.permissions.record import Policies, Record, granted, refused, used, wide
from slipway.domain.configuration import Configuration, Registration
from tests.support.permissions import eventful_life, recorded


@dataclass(frozen=True, slots=True)
class Run:
    """What functions needed in one run, and the policies that they would have had."""

    record: Record
    policies: Policies
    configuration: Configuration


@cache
def of_life(registration: Registration) -> Run:
    made = recorded(registration)
    eventful_life(made)
    return Run(made.record, made.policies, made.deployment.loop.configuration)


def unused(run: Run) -> set[tuple[str, str, str]]:
    """What policies grant and no call needed, but for what Lambda itself asks in a function's name."""
    return {
        grant for grant in granted(run.policies) - used(run.record, run.policies) if grant[2] not in OF_LAMBDA
    }


def in_vain(run: Run) -> set[tuple[str, str, str]]:
    """Resources that a statement names and no call needed: by kind, for not every pool has every accident."""
    found: dict[tuple[str, str, str], bool] = {}
    for function, policy in run.policies.items():
        for statement in policy["Statement"]:
            if set(listed(statement["Action"])) <= set(OF_LAMBDA):
                continue
            for resource in listed(statement["Resource"]):
                alone = {**statement, "Resource": [resource]}
                is_used = any(allows(alone, need) for need in run.record.needs[function])
                key = (function, statement["Sid"], _of_any_pool(resource, run.configuration))
                found[key] = found.get(key, False) or is_used
    return {key for key, is_used in found.items() if not is_used}


def _of_any_pool(resource: str, configuration: Configuration) -> str:
    for pool in configuration.pools.values():
        for name in (pool.cluster, *pool.subnets, *pool.security_groups):
            resource = resource.replace(f"/{name}", "/OF-A-POOL")
    return resource


@pytest.mark.parametrize("registration", list(Registration))
def test_every_call_is_allowed_and_nothing_is_granted_that_no_call_needs(registration: Registration) -> None:
    run = of_life(registration)
    assert set(run.record.needs) == set(run.policies)
    assert refused(run.record, run.policies) == []
    assert unused(run) == set()
    assert in_vain(run) == set()
    assert {sid for _, sid in wide(run.policies)} <= set(WIDE)


Change = Callable[[dict[str, Any]], None]


def without(sid: str, action: str) -> Change:
    def change(statements: dict[str, Any]) -> None:
        statements[sid]["Action"].remove(action)

    return change


def narrowed(sid: str, old: str, new: str) -> Change:
    def change(statements: dict[str, Any]) -> None:
        statements[sid]["Resource"] = [resource.replace(old, new) for resource in statements[sid]["Resource"]]

    return change


def conditioned(sid: str, operator: str, key: str, value: str) -> Change:
    def change(statements: dict[str, Any]) -> None:
        statements[sid].setdefault("Condition", {}).setdefault(operator, {})[key] = value

    return change


def with_action(sid: str, action: str) -> Change:
    def change(statements: dict[str, Any]) -> None:
        statements[sid]["Action"].append(action)

    return change


def changed(function: str, change: Change) -> Run:
    """The life of an enterprise, with a mistake in one function's policy."""
    run = of_life(Registration.ENTERPRISE)
    policies = copy.deepcopy(dict(run.policies))
    change({statement["Sid"]: statement for statement in policies[function]["Statement"]})
    return Run(run.record, policies, run.configuration)


@pytest.mark.parametrize(
    ("function", "change", "missing"),
    [
        ("scaler", without("Ledger", "dynamodb:BatchWriteItem"), "dynamodb:BatchWriteItem"),
        ("scaler", without("Hosts", "ecs:DescribeContainerInstances"), "ecs:DescribeContainerInstances"),
        ("scaler", without("LaunchIntoOurNetworks", "ec2:RunInstances"), "ec2:RunInstances"),
        ("reaper", without("Tasks", "ecs:StopTask"), "ecs:StopTask"),
        ("scaler", narrowed("Send", "slipway-events", "slipway-other"), "sqs:SendMessage"),
        ("scaler", narrowed("StartTasks", "slipway-small:", "slipway-large:"), "ecs:RunTask"),
        ("scaler", narrowed("PassInstanceRoles", "-host-", "-exec-"), "iam:PassRole"),
        ("scaler", narrowed("LaunchIntoOurNetworks", "subnet-1", "subnet-9"), "ec2:CreateFleet"),
        ("reaper", narrowed("ReadRunnerTokens", "runner-token", "token"), "secretsmanager:GetSecretValue"),
        ("reaper", narrowed("ReadRecommendedImages", "/recommended/", "/latest/"), "ssm:GetParameter"),
        (
            "scaler",
            conditioned("EndInstances", "StringEquals", "aws:ResourceTag/slipway:deployment", "another"),
            "ec2:TerminateInstances",
        ),
        (
            "scaler",
            conditioned("PassTaskRoles", "StringEquals", "iam:PassedToService", "ec2.amazonaws.com"),
            "iam:PassRole",
        ),
        ("scaler", conditioned("ReadInstances", "StringEquals", "ec2:Region", "eu-west-1"), "ec2:DescribeInstances"),
    ],
)  # fmt: skip
def test_a_permission_that_is_missing_or_too_narrow_is_found(
    function: str, change: Change, missing: str
) -> None:
    run = changed(function, change)
    found = refused(run.record, run.policies)
    assert any(line.startswith(f"{function}: {missing} on ") for line in found)
    assert all(line.startswith(f"{function}: ") for line in found)


@pytest.mark.parametrize(
    ("function", "sid", "action"),
    [
        ("webhook", "Send", "sqs:ReceiveMessage"),
        ("registrar", "Ledger", "dynamodb:Query"),
        ("reaper", "Hosts", "ecs:DeregisterContainerInstance"),
        ("redelivery", "ReadAppKey", "secretsmanager:PutSecretValue"),
    ],
)
def test_a_permission_that_nothing_needs_is_found(function: str, sid: str, action: str) -> None:
    run = changed(function, with_action(sid, action))
    assert unused(run) == {(function, sid, action)}


def test_a_resource_that_nothing_needs_is_found() -> None:
    run = changed(
        "webhook", lambda found: found["Send"]["Resource"].append("arn:aws:sqs:eu-west-1:1:slipway-jobs")
    )
    assert {key[:2] for key in in_vain(run)} == {("webhook", "Send")}


def test_a_star_without_a_reason_is_found() -> None:
    run = changed("scaler", lambda found: found["EndInstances"].pop("Condition"))
    assert {sid for _, sid in wide(run.policies)} - set(WIDE) == {"EndInstances"}
    run = changed("registrar", lambda found: found["Tasks"].update(Resource=["*"]))
    assert {sid for _, sid in wide(run.policies)} - set(WIDE) == {"Tasks"}
