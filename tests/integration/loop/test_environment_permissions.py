"""Least privilege of environments: all that a life of them asks of AWS, held against the policies, both ways."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from local.infrastructure.function_policies import OF_LAMBDA
from local.permissions.policies import allows, listed
from local.permissions.record import Policies, Record, granted, refused, used, wide
from tests.support.environment_life import RecordedWorld, eventful_life

WEBHOOK = "webhook"


@cache
def of_life() -> tuple[Record, Policies]:
    world = RecordedWorld()
    eventful_life(world)
    assert world.errors == []
    assert sum(run.made for run in world.runs) >= 4
    assert not world.aws.elbv2.target_groups
    assert not world.aws.logs.groups
    return world.record, world.policies


def unused(record: Record, policies: Policies) -> set[tuple[str, str, str]]:
    """What the function's policy grants and no call needed, but for what Lambda itself asks in its name."""
    return {
        grant
        for grant in granted(policies) - used(record, policies)
        if grant[0] != WEBHOOK and grant[2] not in OF_LAMBDA
    }


def in_vain(record: Record, policies: Policies) -> set[tuple[str, str]]:
    """Statements, with a resource that no call needed; of several roles and images each is needed."""
    return {
        (statement["Sid"], resource)
        for statement in policies["environments"]["Statement"]
        if not set(listed(statement["Action"])) <= set(OF_LAMBDA)
        for resource in listed(statement["Resource"])
        if not any(
            allows({**statement, "Resource": [resource]}, need) for need in record.needs["environments"]
        )
    }


def test_every_call_is_allowed_and_nothing_is_granted_that_no_call_needs() -> None:
    record, policies = of_life()
    assert set(record.needs) == {"environments", WEBHOOK}
    assert refused(record, policies) == []
    assert unused(record, policies) == set()
    # No pull request of the third repository was opened, so nobody looked for its image.
    assert {sid for sid, _ in in_vain(record, policies)} == {"ReadImages"}
    assert list(wide(policies)) == []


Change = Callable[[dict[str, Any]], None]


def changed(change: Change, function: str = "environments") -> tuple[Record, Policies]:
    record, policies = of_life()
    changed = copy.deepcopy(dict(policies))
    change({statement["Sid"]: statement for statement in changed[function]["Statement"]})
    return record, changed


@pytest.mark.parametrize(
    ("sid", "old", "new", "missing"),
    [
        ("Services", "/slipway-environments/", "/another/", "ecs:CreateService"),
        ("RegisterDefinitions", "slipway-pr", "slipway-of", "ecs:RegisterTaskDefinition"),
        ("TargetGroups", "slipway-pr", "slipway-of", "elasticloadbalancing:CreateTargetGroup"),
        ("MakeRules", "/previews/", "/another/", "elasticloadbalancing:CreateRule"),
        ("LogGroups", "/environments/", "/others/", "logs:CreateLogGroup"),
        ("ReadImages", "repository/web", "repository/others", "ecr:DescribeImages"),
        ("PassRoles", "previews-execution", "another", "iam:PassRole"),
    ],
)
def test_a_permission_that_is_too_narrow_is_found(sid: str, old: str, new: str, missing: str) -> None:
    def narrow(statements: dict[str, Any]) -> None:
        given = statements[sid]["Resource"]
        assert any(old in resource for resource in given)
        statements[sid]["Resource"] = [resource.replace(old, new) for resource in given]

    assert any(f"environments: {missing} on " in line for line in refused(*changed(narrow)))


def test_a_rule_of_somebody_else_s_may_not_be_deleted() -> None:
    def of_another(statements: dict[str, Any]) -> None:
        statements["EndRules"]["Condition"]["StringEquals"]["aws:ResourceTag/slipway:deployment"] = "another"

    found = refused(*changed(of_another))
    assert found
    assert all(line.startswith("environments: elasticloadbalancing:DeleteRule on ") for line in found)


def test_a_permission_that_nothing_needs_and_a_webhook_that_may_not_wake_are_found() -> None:
    record, policies = changed(lambda found: found["Services"]["Action"].append("ecs:ExecuteCommand"))
    assert unused(record, policies) == {("environments", "Services", "ecs:ExecuteCommand")}
    found = refused(*changed(lambda found: found["Send"]["Resource"].pop(), WEBHOOK))
    assert {line.split(" with ")[0].rpartition(":")[2] for line in found} == {"slipway-environments"}


def test_a_star_that_nothing_narrows_is_found() -> None:
    _, policies = changed(lambda found: found["Definitions"].pop("Condition"))
    assert {sid for _, sid in wide(policies)} == {"Definitions"}
