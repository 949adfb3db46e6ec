"""A pool's cluster and launch template in the twin, and the adapters for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.twin.aws.ec2 import ecs_user_data
from slipway.adapters.ec2 import Ec2Fleet
from slipway.adapters.ecs import EcsCluster
from slipway.domain.configuration import Configuration, Docker, Pool
from tests.builders import a_configuration, a_launch_intent, a_pool, a_profile
from tests.contract.aws_faces import ACCOUNT, REGION, Face


@dataclass
class Capacity:
    """One pool; the twin's clock moves only by ``advance``."""

    aws: Face
    pool: Pool
    configuration: Configuration
    cluster: EcsCluster
    fleet: Ec2Fleet

    def advance(self, seconds: float = 0.0) -> None:
        with self.aws.lock:
            self.aws.account.clock.advance(seconds)

    def fail(self, service: str, operation: str, code: str, **how: Any) -> None:
        """Order a fault for the coming calls."""
        with self.aws.lock:
            self.aws.account.faults.next_error(service, operation, code, **how)

    def host(self, count: int = 1, token: str = "hosts") -> list[str]:
        """Launch instances and wait until ECS may place tasks on them."""
        launched = self.fleet.launch(a_launch_intent(count, token)).instances
        self.advance(1)
        return [instance.instance_id for instance in launched]

    def tags_of(self, task_id: str) -> dict[str, str]:
        """What a task is tagged with, as it truly is."""
        (task,) = [task for task in self.aws.account.ecs.live_tasks() if task.task_id == task_id]
        return {tag["key"]: tag["value"] for tag in task.tags}

    def live_tasks(self) -> int:
        return len(self.aws.account.ecs.live_tasks())

    def live_instances(self) -> int:
        return len(self.aws.account.ec2.live_instances())


def build_capacity(aws: Face, docker: Docker = Docker.NONE) -> Capacity:
    """Deploy one pool with the profile ``medium``."""
    pool = a_pool(region=REGION)
    configuration = a_configuration([a_profile(docker=docker)], [pool])
    ecs, ec2, clock = aws.client("ecs"), aws.client("ec2"), aws.account.clock
    ecs.create_cluster(clusterName=pool.cluster)
    for family in ("slipway-medium", "somebody-else-s"):
        ecs.register_task_definition(
            family=family,
            taskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{pool.task_role}",
            networkMode="awsvpc" if docker is Docker.PRIVILEGED else "bridge",
            cpu="2048",
            memory="7168",
            containerDefinitions=[{"name": "runner", "image": "runner@sha256:0", "essential": True}],
        )
    ec2.create_launch_template(
        LaunchTemplateName=pool.launch_template,
        LaunchTemplateData={"ImageId": "ami-0aaaaaaaaaaaaaaaa", "UserData": ecs_user_data(pool.cluster, {})},
    )
    cluster = EcsCluster(ecs, pool, configuration, clock)
    return Capacity(aws, pool, configuration, cluster, Ec2Fleet(ec2, pool, "test", clock))
