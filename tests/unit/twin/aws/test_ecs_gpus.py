"""GPUs: what types have, what ECS registers, pins to containers and frees."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.twin.aws.ec2.shapes import instance_shape

FOUR_GPUS = [{"InstanceType": "g4dn.12xlarge", "SubnetId": "subnet-a"}]


def needs(value: str) -> list[dict[str, str]]:
    return [{"type": "GPU", "value": value}]


def register(stage: Any, **gpus: str) -> None:
    """A definition with one container for each argument, which needs so many GPUs."""
    stage.twin.ecs.register_task_definition(
        family="training",
        containerDefinitions=[
            {"name": name, "image": "i", "cpu": 1024, "memory": 1024, "resourceRequirements": needs(value)}
            for name, value in gpus.items()
        ],
    )


def run(stage: Any, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = stage.run(taskDefinition="training", **changes)
    return answer


def gpu_resource(stage: Any, kind: str) -> list[dict[str, Any]]:
    return [r for i in stage.instances() for r in i[kind] if r["name"] == "GPU"]


def free_gpus(stage: Any) -> list[str]:
    return [
        gpu for resource in gpu_resource(stage, "remainingResources") for gpu in resource["stringSetValue"]
    ]


def pinned(task: dict[str, Any]) -> dict[str, list[str]]:
    return {c["name"]: c.get("gpuIds", []) for c in task["containers"]}


@pytest.mark.parametrize(
    ("name", "vcpu", "memory_gib", "gpus"),
    [
        ("g4dn.xlarge", 4, 16, 1),
        ("g4dn.12xlarge", 48, 192, 4),
        ("g4dn.16xlarge", 64, 256, 1),
        ("g5.24xlarge", 96, 384, 4),
        ("g5.48xlarge", 192, 768, 8),
        ("g6.8xlarge", 32, 128, 1),
        ("g6e.xlarge", 4, 32, 1),
        ("g6e.48xlarge", 192, 1536, 8),
        ("m7g.4xlarge", 16, 64, 0),
    ],
)
def test_types_have_the_gpus_that_aws_documents(name: str, vcpu: int, memory_gib: int, gpus: int) -> None:
    """[EC2-GPU-SIZES]"""
    shape = instance_shape(name)
    assert (shape.vcpu, shape.memory_mib, shape.gpus) == (vcpu, memory_gib * 1024, gpus)
    assert shape.architecture == ("arm64" if name.startswith("m7g") else "x86_64")


@pytest.mark.parametrize("name", ["g4dn.48xlarge", "g6.large", "g6.32xlarge", "g5g.xlarge", "g9.xlarge"])
def test_a_type_with_gpus_that_does_not_exist_is_refused(stage: Any, name: str) -> None:
    """[EC2-GPU-SIZES]"""
    with pytest.raises(ClientError) as error:
        stage.launch(overrides=[{"InstanceType": name, "SubnetId": "subnet-a"}])
    assert error.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_an_instance_registers_its_gpus_by_their_ids(stage: Any) -> None:
    """[ECS-GPU]"""
    stage.launch(overrides=FOUR_GPUS)
    (resource,) = gpu_resource(stage, "registeredResources")
    ids = resource.pop("stringSetValue")
    assert resource == {
        "name": "GPU", "type": "STRINGSET", "doubleValue": 0.0, "longValue": 0, "integerValue": 0,
    }  # fmt: skip
    assert len(set(ids)) == 4
    assert all(gpu.startswith("GPU-") for gpu in ids)
    assert free_gpus(stage) == ids


def test_an_instance_without_gpus_registers_no_such_resource(stage: Any) -> None:
    stage.launch()
    assert gpu_resource(stage, "registeredResources") == []
    assert gpu_resource(stage, "remainingResources") == []


def test_tasks_are_placed_while_gpus_are_free_and_free_theirs_when_they_stop(stage: Any) -> None:
    """[ECS-GPU]"""
    stage.launch(overrides=FOUR_GPUS)
    register(stage, runner="2")
    answer = run(stage, count=3)
    assert len(answer["tasks"]) == 2
    assert [f["reason"] for f in answer["failures"]] == ["RESOURCE:GPU"]
    first, second = (pinned(task)["runner"] for task in answer["tasks"])
    assert len({*first, *second}) == 4
    assert free_gpus(stage) == []
    assert gpu_resource(stage, "remainingResources")
    stage.clock.advance(0)
    stage.runtime.exit(answer["tasks"][0]["taskArn"].rsplit("/", 1)[-1])
    stage.clock.advance(0)
    assert sorted(free_gpus(stage)) == sorted(first)
    (task,) = run(stage)["tasks"]
    assert sorted(pinned(task)["runner"]) == sorted(first)


def test_each_container_of_a_task_has_gpus_of_its_own(stage: Any) -> None:
    """[ECS-GPU]"""
    stage.launch(overrides=FOUR_GPUS)
    register(stage, runner="1", helper="2")
    arn = run(stage)["tasks"][0]["taskArn"]
    stage.clock.advance(0)
    gpus = pinned(stage.task(arn))
    assert {name: len(ids) for name, ids in gpus.items()} == {"runner": 1, "helper": 2}
    assert len({*gpus["runner"], *gpus["helper"]}) == 3


def test_a_task_that_needs_no_gpu_shows_none(stage: Any) -> None:
    stage.launch(overrides=FOUR_GPUS)
    (task,) = stage.run()["tasks"]
    assert "gpuIds" not in task["containers"][0]
    assert len(free_gpus(stage)) == 4


def test_an_override_says_how_many_gpus_instead_of_the_definition(stage: Any) -> None:
    """[ECS-GPU]"""
    stage.launch(overrides=FOUR_GPUS)
    register(stage, runner="1")
    overrides = {"containerOverrides": [{"name": "runner", "resourceRequirements": needs("3")}]}
    (task,) = run(stage, overrides=overrides)["tasks"]
    assert len(pinned(task)["runner"]) == 3


def test_a_host_without_gpus_refuses_and_the_one_that_has_them_is_chosen(stage: Any) -> None:
    """[ECS-GPU]"""
    stage.launch()
    register(stage, runner="1")
    assert [f["reason"] for f in run(stage)["failures"]] == ["RESOURCE:GPU"]
    gpu_host = stage.launch(overrides=FOUR_GPUS)[0]
    hosts = {i["containerInstanceArn"]: i["ec2InstanceId"] for i in stage.instances()}
    (task,) = run(stage)["tasks"]
    assert hosts[task["containerInstanceArn"]] == gpu_host


def test_a_part_of_a_gpu_is_not_modelled(stage: Any) -> None:
    stage.launch(overrides=FOUR_GPUS)
    register(stage, runner="0.5")
    with pytest.raises(ClientError, match="whole numbers"):
        run(stage)
