"""The ECS twin: network modes and what RunTask must say of them [ECS-AWSVPC]."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

INTERFACE = {"awsvpcConfiguration": {"subnets": ["subnet-a"], "securityGroups": ["sg-a"]}}


@pytest.fixture
def awsvpc(stage: Any) -> Any:
    stage.twin.ecs.register_task_definition(
        family="slipway-alone",
        networkMode="awsvpc",
        cpu="1024",
        memory="2048",
        containerDefinitions=[{"name": "runner", "image": "runner@sha256:0"}],
    )
    stage.launch()
    return stage


def refusal(stage: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as error:
        stage.run(**request)
    assert error.value.response["Error"]["Code"] == "InvalidParameterException"
    return str(error.value)


def test_an_awsvpc_task_has_an_interface_of_its_own(awsvpc: Any) -> None:
    (task,) = awsvpc.run(taskDefinition="slipway-alone", networkConfiguration=INTERFACE)["tasks"]
    (attachment,) = awsvpc.task(task["taskArn"])["attachments"]
    assert attachment["type"] == "ElasticNetworkInterface"


def test_an_awsvpc_task_without_a_network_configuration_is_refused(awsvpc: Any) -> None:
    assert "must be provided" in refusal(awsvpc, taskDefinition="slipway-alone")


def test_a_network_configuration_for_another_mode_is_refused(awsvpc: Any) -> None:
    assert "not valid" in refusal(awsvpc, networkConfiguration=INTERFACE)


@pytest.mark.parametrize(("key", "most"), [("subnets", 16), ("securityGroups", 5)])
def test_more_subnets_or_groups_than_ecs_takes_are_refused(awsvpc: Any, key: str, most: int) -> None:
    named = {**INTERFACE["awsvpcConfiguration"], key: [f"id-{number}" for number in range(most + 1)]}
    said = refusal(
        awsvpc, taskDefinition="slipway-alone", networkConfiguration={"awsvpcConfiguration": named}
    )
    assert key in said
