"""The matcher of policies: what it allows, what it does not, and what it refuses to judge."""

from __future__ import annotations

from typing import Any

import pytest

from local.permissions.account import Need
from local.permissions.policies import UnknownPolicyError, allows
from local.permissions.record import wide

TASK = "arn:aws:ecs:eu-west-1:111122223333:task/slipway-general/abc"
CLUSTER = "arn:aws:ecs:eu-west-1:111122223333:cluster/slipway-general"


def statement(**changes: Any) -> dict[str, Any]:
    made = {"Sid": "Tasks", "Effect": "Allow", "Action": ["ecs:StopTask"], "Resource": [TASK], **changes}
    return {name: value for name, value in made.items() if value is not None}


def need(action: str = "ecs:StopTask", resource: str = TASK, **facts: str) -> Need:
    given = tuple((key.replace("__", ":").replace("___", "/"), (value,)) for key, value in facts.items())
    return Need(action, resource, given)


@pytest.mark.parametrize(
    ("changes", "is_allowed"),
    [
        ({}, True),
        ({"Action": "ecs:StopTask"}, True),
        ({"Action": ["ecs:stoptask"]}, True),  # actions have no case
        ({"Action": ["ecs:Stop*"]}, True),
        ({"Action": ["ecs:StartTask"]}, False),
        ({"Action": ["ecs:Stop"]}, False),
        ({"Resource": "*"}, True),
        ({"Resource": [TASK.replace("abc", "*")]}, True),
        ({"Resource": [TASK.replace("abc", "a?c")]}, True),
        ({"Resource": [TASK.replace("abc", "ABC")]}, False),
        ({"Resource": ["arn:aws:ecs:eu-west-1:111122223333:task/*"]}, True),
        ({"Resource": ["arn:aws:ecs:eu-west-1:111122223333:*"]}, True),
        ({"Resource": ["arn:aws:ecs:*:111122223333:task/slipway-general/*"]}, True),
        ({"Resource": ["arn:aws:ecs:eu-west-2:111122223333:task/slipway-general/*"]}, False),
        ({"Resource": ["arn:aws:ecs:eu-west-1::task/slipway-general/*"]}, False),
        # A star of one segment does not reach into the next.
        ({"Resource": ["arn:aws:ecs:*:task/slipway-general/*"]}, False),
        ({"Resource": ["arn:aws:ecs:eu-west-1:111122223333:task/slipway-other/*"]}, False),
    ],
)
def test_a_statement_allows_what_its_actions_and_resources_match(
    changes: dict[str, Any], is_allowed: bool
) -> None:
    assert allows(statement(**changes), need()) is is_allowed


def test_a_call_that_names_no_resource_is_allowed_by_the_star_alone() -> None:
    assert allows(statement(Resource=["*"]), need(resource="*"))
    assert not allows(statement(Resource=["arn:aws:ecs:*:*:*"]), need(resource="*"))


@pytest.mark.parametrize(
    ("condition", "is_allowed"),
    [
        ({"ArnEquals": {"ecs:cluster": CLUSTER}}, True),
        ({"ArnEquals": {"ECS:Cluster": [CLUSTER, "arn:aws:ecs:eu-west-1:1:cluster/x"]}}, True),
        ({"ArnLike": {"ecs:cluster": CLUSTER.replace("general", "*")}}, True),
        ({"ArnLike": {"ecs:cluster": "arn:aws:ecs:*"}}, False),
        ({"ArnEquals": {"ecs:cluster": CLUSTER.replace("general", "other")}}, False),
        ({"StringEquals": {"ecs:cluster": CLUSTER}}, True),
        ({"StringEquals": {"ecs:cluster": CLUSTER.replace("general", "*")}}, False),
        ({"StringLike": {"ecs:cluster": "*general"}}, True),
        ({"StringEquals": {"aws:ResourceTag/x": "y"}}, False),  # the request has no such key
        ({"StringEquals": {"ecs:cluster": CLUSTER, "ecs:other": "x"}}, False),
        ({"StringEquals": {"ecs:cluster": CLUSTER}, "ArnEquals": {"ecs:cluster": "x"}}, False),
    ],
)
def test_every_condition_must_hold_with_one_of_its_values(
    condition: dict[str, Any], is_allowed: bool
) -> None:
    assert allows(statement(Condition=condition), need(ecs__cluster=CLUSTER)) is is_allowed


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Deny"},
        {"NotAction": ["ecs:RunTask"], "Action": None},
        {"NotResource": ["*"]},
        {"Principal": "*"},
        {"Condition": {"StringNotEquals": {"ecs:cluster": "x"}}},
        {"Condition": {"ForAllValues:StringEquals": {"ecs:cluster": "x"}}},
        {"Condition": {"NumericEquals": {"ecs:cluster": "1"}}},
    ],
)
def test_what_the_matcher_does_not_know_it_refuses_to_judge(changes: dict[str, Any]) -> None:
    with pytest.raises(UnknownPolicyError):
        allows(statement(**changes), need(ecs__cluster=CLUSTER))


def test_a_key_of_several_values_is_not_judged_as_one() -> None:
    several = Need("ecs:StopTask", TASK, (("aws:TagKeys", ("a", "b")),))
    with pytest.raises(UnknownPolicyError):
        allows(statement(Condition={"StringEquals": {"aws:TagKeys": "a"}}), several)


@pytest.mark.parametrize(
    ("resource", "is_wide"),
    [
        ("*", True),
        ("arn:aws:ec2:eu-west-1:111122223333:instance/*", True),
        ("arn:aws:ec2:eu-west-1::image/*", True),
        ("arn:aws:ec2:*:*:instance/*", True),
        ("arn:aws:sqs:eu-west-1:111122223333:*", True),
        ("arn:aws:ecs:eu-west-1:111122223333:task/slipway-general/*", False),
        ("arn:aws:ecs:eu-west-1:111122223333:task-definition/slipway-small:*", False),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:slipway/app-??????", False),
        ("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/slipway-scaler:log-stream:*", False),
        ("arn:aws:ssm:eu-west-1:111122223333:parameter/slipway/installation-tokens/*", False),
    ],
)
def test_all_of_a_kind_without_a_condition_is_wide(resource: str, is_wide: bool) -> None:
    policy = {"Statement": [statement(Resource=[resource])]}
    assert list(wide({"scaler": policy})) == ([("scaler", "Tasks")] if is_wide else [])
    narrowed = {"Statement": [statement(Resource=[resource], Condition={"StringEquals": {"a": "b"}})]}
    assert list(wide({"scaler": narrowed})) == []
