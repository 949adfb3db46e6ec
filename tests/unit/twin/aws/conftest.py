"""A calm AWS with one cluster and one launch template; every call is held against botocore's models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.twin.aws.account import AwsTwin
from local.twin.aws.behaviour import Behaviour
from local.twin.aws.ec2 import ecs_user_data
from local.twin.aws.ecs import IdleRuntime
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel

CLUSTER = "slipway-general"


@dataclass
class Stage:
    """A twin with what every test of ECS and EC2 needs on it."""

    twin: AwsTwin
    runtime: IdleRuntime
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def clock(self) -> VirtualClock:
        return self.twin.clock

    def fleet(self, count: int = 1, market: str = "on-demand", **changes: Any) -> dict[str, Any]:
        overrides = changes.pop("overrides", [{"InstanceType": "m7i.xlarge", "SubnetId": "subnet-a"}])
        request = {
            "Type": "instant",
            "LaunchTemplateConfigs": [
                {
                    "LaunchTemplateSpecification": {"LaunchTemplateName": "general", "Version": "$Latest"},
                    "Overrides": overrides,
                }
            ],
            "TargetCapacitySpecification": {
                "TotalTargetCapacity": count,
                "DefaultTargetCapacityType": market,
            },
            **changes,
        }
        return dict(self.twin.ec2.create_fleet(**request))

    def launch(self, count: int = 1, market: str = "on-demand", **changes: Any) -> list[str]:
        answer = self.fleet(count, market, **changes)
        self.clock.advance(0)
        return [i for group in answer["Instances"] for i in group["InstanceIds"]]

    def run(self, count: int = 1, **changes: Any) -> dict[str, Any]:
        request = {"cluster": CLUSTER, "taskDefinition": "slipway-medium", "count": count, **changes}
        return dict(self.twin.ecs.run_task(**request))

    def task(self, arn: str) -> dict[str, Any]:
        answer = self.twin.ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])
        found: dict[str, Any] = answer["tasks"][0]
        return found

    def instances(self) -> list[dict[str, Any]]:
        arns = self.twin.ecs.list_container_instances(cluster=CLUSTER)["containerInstanceArns"]
        if not arns:
            return []
        answer = self.twin.ecs.describe_container_instances(cluster=CLUSTER, containerInstances=arns)
        found: list[dict[str, Any]] = answer["containerInstances"]
        return found


def build_stage(latency: LatencyModel, behaviour: Behaviour | None = None, seed: int = 1) -> Stage:
    twin = AwsTwin(
        VirtualClock(1_800_000_000.0), latency=latency, seed=seed, behaviour=behaviour, check_wire=True
    )
    runtime = IdleRuntime()
    runtime.exited = twin.ecs.container_exited
    twin.ecs.runtime = runtime
    twin.ecs.create_cluster(clusterName=CLUSTER)
    twin.ecs.register_task_definition(
        family="slipway-medium",
        networkMode="bridge",
        cpu="2048",
        memory="7168",
        taskRoleArn="arn:aws:iam::123456789012:role/slipway-general-task",
        containerDefinitions=[
            {"name": "runner", "image": "runner@sha256:0", "essential": True, "stopTimeout": 120,
             "environment": [{"name": "SLIPWAY_CLAIM_URL", "value": "http://127.0.0.1:1"}]},
        ],
    )  # fmt: skip
    twin.ec2.create_launch_template(
        LaunchTemplateName="general",
        LaunchTemplateData={
            "ImageId": "ami-0aaaaaaaaaaaaaaaa",
            "InstanceType": "m7i.xlarge",
            "UserData": ecs_user_data(CLUSTER, {"slipway.pool": "general"}),
        },
    )
    stage = Stage(twin, runtime)
    twin.subscribe(stage.events.append)
    return stage


@pytest.fixture
def build() -> Callable[..., Stage]:
    return build_stage


@pytest.fixture
def stage() -> Stage:
    """No latency: everything happens on the next advance."""
    return build_stage(LatencyModel.none())
