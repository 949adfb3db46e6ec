"""Amazon ECS on EC2: clusters, container instances and tasks as a state machine."""

from local.twin.aws.ecs.runtime import ContainerRuntime, IdleRuntime, ScriptedRuntime, TaskView
from local.twin.aws.ecs.service import Ecs

__all__ = ["ContainerRuntime", "Ecs", "IdleRuntime", "ScriptedRuntime", "TaskView"]
