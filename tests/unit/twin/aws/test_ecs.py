"""ECS places, fails, repeats and forgets as documented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.twin.latency import LatencyModel, Phase, exactly


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_run_task_on_an_empty_cluster_raises_instead_of_answering_failures(stage: Any) -> None:
    """[ECS-EMPTY-CLUSTER]"""
    with pytest.raises(ClientError, match="No Container Instances were found in your cluster") as error:
        stage.run()
    assert code(error) == "InvalidParameterException"


def test_an_instance_registers_before_its_agent_is_connected(build: Callable[..., Any]) -> None:
    """[ECS-AGENT-REGISTERS-FIRST]"""
    stage = build(LatencyModel.none().replacing({Phase.REGISTERED_TO_CONNECTED: exactly(2.0)}))
    stage.launch()
    assert [(i["status"], i["agentConnected"]) for i in stage.instances()] == [("ACTIVE", False)]
    assert stage.run()["failures"][0]["reason"] == "AGENT"
    stage.clock.advance(2.0)
    assert stage.run()["failures"] == []
    changes = [
        e["detail"]["agentConnected"] for e in stage.events if e["detail-type"].startswith("ECS Container")
    ]
    assert changes[:2] == [False, True]


def test_reads_lag_behind_what_happened(build: Callable[..., Any]) -> None:
    """[ECS-READS-LAG]"""
    stage = build(LatencyModel.none())
    stage.launch()
    slow = {Phase.DESCRIBE_LAG: exactly(1.0), Phase.CONTAINER_START: exactly(0.5)}
    stage.twin.context.latency = LatencyModel.none().replacing(slow)
    arn = stage.run()["tasks"][0]["taskArn"]
    answer = stage.twin.ecs.describe_tasks(cluster="slipway-general", tasks=[arn])
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
    stage.clock.advance(1.0)
    assert stage.task(arn)["lastStatus"] == "PENDING"
    stage.clock.advance(0.5)
    assert stage.task(arn)["lastStatus"] == "RUNNING"


def test_tasks_fill_an_instance_and_then_fail_for_want_of_cpu(stage: Any) -> None:
    stage.launch()
    answer = stage.run(count=5)
    assert len(answer["tasks"]) == 2
    assert [f["reason"] for f in answer["failures"]] == ["RESOURCE:CPU"]
    assert stage.instances()[0]["remainingResources"][0]["integerValue"] == 0


def test_memory_registers_below_nominal_so_two_eight_gib_tasks_do_not_fit_sixteen(stage: Any) -> None:
    """[EC2-REGISTERED-MEMORY]"""
    stage.launch()
    answer = stage.run(count=2, overrides={"cpu": "1024", "memory": "8192"})
    assert len(answer["tasks"]) == 1
    assert answer["failures"][0]["reason"] == "RESOURCE:MEMORY"


def test_member_of_places_by_attribute_and_by_instance_id(stage: Any) -> None:
    """[ECS-QUERY-LANGUAGE]"""
    first, second = stage.launch(2)
    pin = {
        "type": "memberOf",
        "expression": f"attribute:slipway.pool == general and ec2InstanceId in ['{second}']",
    }
    arn = stage.run(placementConstraints=[pin])["tasks"][0]["containerInstanceArn"]
    hosts = {i["containerInstanceArn"]: i["ec2InstanceId"] for i in stage.instances()}
    assert hosts[arn] == second
    other = {"type": "memberOf", "expression": "attribute:slipway.pool == other"}
    answer = stage.run(placementConstraints=[other])
    assert answer["tasks"] == []
    assert {f["reason"] for f in answer["failures"]} == {"MemberOf placement constraint unsatisfied."}
    assert first in hosts.values()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("attribute:ecs.instance-type == m7i.xlarge", True),
        ("attribute:ecs.instance-type =~ m7i.*", True),
        ("attribute:ecs.instance-type !~ m7i.*", False),
        ("attribute:nothing exists", False),
        ("attribute:nothing !exists", True),
        ("attribute:nothing != x", True),
        ("not(attribute:slipway.pool == general)", False),
        ("attribute:slipway.pool in [a, general] && runningTasksCount == 0", True),
        ("(attribute:slipway.pool == x or agentConnected == true)", True),
        ("attribute:slipway.pool not_in ['general']", False),
    ],
)
def test_the_query_language_selects_container_instances(stage: Any, expression: str, expected: bool) -> None:
    """[ECS-QUERY-LANGUAGE]"""
    stage.launch()
    listed = stage.twin.ecs.list_container_instances(cluster="slipway-general", filter=expression)
    assert bool(listed["containerInstanceArns"]) is expected


@pytest.mark.parametrize(
    "expression", ["", "attribute:a ==", "(attribute:a == b", "a == b", "attribute:a ~ b", "x" * 2001]
)
def test_a_malformed_constraint_is_refused(stage: Any, expression: str) -> None:
    stage.launch()
    with pytest.raises(ClientError) as error:
        stage.run(placementConstraints=[{"type": "memberOf", "expression": expression}])
    assert code(error) == "InvalidParameterException"


def test_distinct_instance_puts_one_task_of_a_group_on_a_host(stage: Any) -> None:
    stage.launch(2)
    answer = stage.run(count=3, placementConstraints=[{"type": "distinctInstance"}])
    assert len({t["containerInstanceArn"] for t in answer["tasks"]}) == 2
    assert len(answer["tasks"]) == 2


@pytest.mark.parametrize(("strategy", "hosts"), [("binpack", 1), ("spread", 2)])
def test_strategies_pack_or_spread(stage: Any, strategy: str, hosts: int) -> None:
    """[ECS-STRATEGIES]"""
    stage.launch(2)
    attribute = {"binpack": "memory", "spread": "instanceId"}[strategy]
    answer = stage.run(count=2, placementStrategy=[{"type": strategy, "field": attribute}])
    assert len({t["containerInstanceArn"] for t in answer["tasks"]}) == hosts


def test_a_draining_instance_gets_no_task_and_keeps_those_it_has(stage: Any) -> None:
    """[ECS-DRAINING]"""
    stage.launch()
    task = stage.run()["tasks"][0]
    stage.twin.ecs.update_container_instances_state(
        cluster="slipway-general", containerInstances=[task["containerInstanceArn"]], status="DRAINING"
    )
    with pytest.raises(ClientError, match="No Container Instances"):
        stage.run()
    stage.clock.advance(60)
    assert stage.task(task["taskArn"])["lastStatus"] == "RUNNING"
    listed = stage.twin.ecs.list_container_instances(cluster="slipway-general", status="ACTIVE")
    assert listed["containerInstanceArns"] == []


def test_a_client_token_repeats_the_same_tasks_and_refuses_other_parameters(stage: Any) -> None:
    """[ECS-RUNTASK-TOKEN]"""
    stage.launch()
    first = stage.run(clientToken="intent-1", startedBy="slipway/general/1")
    again = stage.run(clientToken="intent-1", startedBy="slipway/general/1")
    assert [t["taskArn"] for t in again["tasks"]] == [t["taskArn"] for t in first["tasks"]]
    with pytest.raises(ClientError) as error:
        stage.run(clientToken="intent-1", startedBy="slipway/general/2")
    assert code(error) == "ConflictException"
    assert error.value.response["resourceIds"] == [first["tasks"][0]["taskArn"]]  # type: ignore[typeddict-item]
    assert isinstance(error.value, stage.twin.ecs.exceptions.ConflictException)


def test_a_token_whose_call_placed_nothing_may_place_later(stage: Any) -> None:
    stage.launch()
    stage.run(count=2)
    assert stage.run(clientToken="intent-2")["tasks"] == []
    stage.launch()
    assert len(stage.run(clientToken="intent-2")["tasks"]) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 11},
        {"count": 0},
        {"startedBy": "x" * 129},
        {"startedBy": "has.dots"},
        {"clientToken": "x" * 65},
        {
            "overrides": {
                "containerOverrides": [
                    {"name": "runner", "environment": [{"name": "A", "value": "v" * 8192}]}
                ]
            }
        },
        {"taskDefinition": "unknown"},
    ],
    ids=[
        "count-11",
        "count-0",
        "started-by-129",
        "started-by-dots",
        "token-65",
        "overrides-8193",
        "unknown-definition",
    ],
)
def test_run_task_holds_its_documented_limits(stage: Any, changes: dict[str, Any]) -> None:
    """[ECS-LIMITS-RUNTASK]"""
    stage.launch()
    with pytest.raises(ClientError) as error:
        stage.run(**changes)
    assert code(error) == "InvalidParameterException"
