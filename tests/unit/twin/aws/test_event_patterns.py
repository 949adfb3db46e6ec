"""EventBridge's patterns [EVENTS-PATTERN], and what ours let through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.infrastructure.event_rules import event_rules
from local.infrastructure.places import Places
from local.twin.aws.event_patterns import UnknownPatternError, compile_patterns
from local.twin_deployment import ACCOUNT, REGION, deployed_rules
from tests.builders import a_configuration, a_pool

OURS, FOREIGN = (f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{name}" for name in ("slipway-general", "shop"))
TASK, HOST = "ECS Task State Change", "ECS Container Instance State Change"
INSTANCE, SPOT = "EC2 Instance State-change Notification", "EC2 Spot Instance Interruption Warning"
REBALANCE = "EC2 Instance Rebalance Recommendation"


def event(kind: str, **detail: Any) -> dict[str, Any]:
    return {"source": f"aws.{kind[:3].lower()}", "detail-type": kind, "account": ACCOUNT, "detail": detail}


def matches(pattern: dict[str, Any], told: dict[str, Any]) -> bool:
    return compile_patterns([pattern])(told)


@pytest.mark.parametrize(
    ("pattern", "is_let_through"),
    [
        ({}, True),
        ({"source": ["aws.ecs"]}, True),
        ({"source": ["aws.ECS"]}, False),
        ({"source": ["aws.ec2", "aws.ecs"], "detail-type": [TASK]}, True),
        ({"source": ["aws.ecs"], "detail-type": [HOST]}, False),
        ({"source": [{"prefix": "aws."}]}, True),
        ({"source": [{"prefix": "aws.ec2"}]}, False),
        ({"detail": {"lastStatus": ["STOPPED", "RUNNING"]}}, True),
        ({"detail": {"lastStatus": ["STOPPED"]}}, False),
        ({"detail": {"missing": ["RUNNING"]}}, False),
        ({"detail": {"lastStatus": {"deeper": ["RUNNING"]}}}, False),
        ({"detail": {"tags": ["b"]}}, True),
        ({"detail": {"tags": ["c"]}}, False),
        ({"detail": {"version": [3]}}, True),
        ({"detail": {"version": ["3"]}}, False),
        ({"detail": {"nothing": [None]}}, True),
    ],
)
def test_every_field_of_a_pattern_must_match_one_of_its_values(
    pattern: dict[str, Any], is_let_through: bool
) -> None:
    told = event(TASK, lastStatus="RUNNING", tags=["a", "b"], version=3, nothing=None)
    assert matches(pattern, told) is is_let_through


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": [{"suffix": "ecs"}]},
        {"source": [{"anything-but": ["aws.ec2"]}]},
        {"detail": {"lastStatus": [{"exists": True}]}},
        {"detail": {"lastStatus": "RUNNING"}},
        {"detail": {"lastStatus": []}},
        {"$or": [{"source": ["aws.ecs"]}]},
    ],
)
def test_a_pattern_that_the_twin_does_not_know_is_refused(pattern: dict[str, Any]) -> None:
    with pytest.raises(UnknownPatternError):
        compile_patterns([pattern])


def test_of_several_patterns_any_lets_an_event_through() -> None:
    rule = compile_patterns([{"source": ["aws.ec2"]}, {"source": ["aws.ecs"], "detail-type": [TASK]}])
    assert rule(event(TASK))
    assert rule(event(SPOT))
    assert not rule(event(HOST))
    assert not compile_patterns([])(event(TASK))


@pytest.mark.parametrize(
    ("told", "is_needed"),
    [
        (event(TASK, clusterArn=OURS, lastStatus="RUNNING"), True),
        (event(TASK, clusterArn=OURS, lastStatus="STOPPED"), True),
        (event(TASK, clusterArn=OURS, lastStatus="PENDING"), False),
        (event(TASK, clusterArn=FOREIGN, lastStatus="RUNNING"), False),
        (event(HOST, clusterArn=OURS, status="ACTIVE"), True),
        (event(HOST, clusterArn=FOREIGN, status="ACTIVE"), False),
        (event(INSTANCE, state="stopped"), True),
        (event(INSTANCE, state="terminated"), True),
        (event(INSTANCE, state="running"), False),
        (event(SPOT), True),
        (event(REBALANCE), True),
        (event("ECS Service Action", clusterArn=OURS), False),
    ],
    ids=str,
)
def test_what_can_change_a_plan_reaches_the_scaler_and_nothing_of_a_foreign_cluster(
    told: dict[str, Any], is_needed: bool
) -> None:
    assert deployed_rules(a_configuration())(told) is is_needed


def test_no_event_is_matched_by_two_rules_and_so_comes_twice() -> None:
    rules = event_rules([a_pool(region=REGION)], Places(ACCOUNT, claim_region=REGION))
    kinds = [kind for pattern in rules.values() for kind in pattern["detail-type"]]
    assert len(set(kinds)) == len(kinds)


def test_a_cluster_of_the_same_name_elsewhere_is_foreign() -> None:
    places = Places(ACCOUNT, claim_region=REGION)
    rule = compile_patterns(event_rules([a_pool(region="eu-west-1")], places).values())
    told = event(TASK, clusterArn=OURS, lastStatus="RUNNING")
    assert not rule(told)
    told["detail"]["clusterArn"] = OURS.replace(REGION, "eu-west-1")
    assert rule(told)
    there = compile_patterns(
        event_rules([a_pool(region="eu-west-1")], replace(places, account_id="1" * 12)).values()
    )
    assert not there(told)
