"""The records that ECS keeps, and the shape in which its API shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.twin.aws.lag import LaggedView
from local.twin.clock import aware


@dataclass(slots=True)
class TaskDefinition:
    """One registered revision; `request` is what RegisterTaskDefinition was given."""

    arn: str
    family: str
    revision: int
    request: dict[str, Any]
    registered_at: float
    status: str = "ACTIVE"

    @property
    def containers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.request["containerDefinitions"]
        return found

    @property
    def essential(self) -> dict[str, Any]:
        """The container whose exit ends the task: the first one not declared inessential."""
        return next((c for c in self.containers if c.get("essential", True)), self.containers[0])

    @property
    def cpu_architecture(self) -> str | None:
        wanted = self.request.get("runtimePlatform", {}).get("cpuArchitecture")
        return None if wanted is None else str(wanted).lower()

    def view(self) -> dict[str, Any]:
        kept = {k: v for k, v in self.request.items() if k != "tags"}
        return {
            **kept,
            "taskDefinitionArn": self.arn,
            "revision": self.revision,
            "status": self.status,
            "registeredAt": aware(self.registered_at),
            "compatibilities": ["EXTERNAL", "EC2"],
        }


@dataclass(slots=True, eq=False)
class ContainerInstance:
    """One EC2 instance as ECS knows it. CPU in units of 1/1024 vCPU, memory in MiB, GPUs by their ids.

    ``shown_running`` are those of its cluster's that are its own.
    """

    arn: str
    cluster: Cluster
    ec2_instance_id: str
    attributes: dict[str, str]
    cpu: int
    memory: int
    registered_at: float
    history: LaggedView
    gpus: tuple[str, ...] = ()
    status: str = "ACTIVE"
    agent_connected: bool = False
    version: int = 1
    cpu_used: int = 0
    memory_used: int = 0
    tasks: dict[str, Task] = field(default_factory=dict)
    shown_running: dict[str, Task] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    stop_timeout_seconds: float = 30.0
    host_alive: bool = True
    awaiting_agent: list[Callable[[], None]] = field(default_factory=list)
    shown_attributes: list[dict[str, str]] = field(init=False)
    """As every view has them: an instance keeps the attributes with which it registered."""

    def __post_init__(self) -> None:
        self.shown_attributes = [
            {"name": name, "value": value} if value else {"name": name}
            for name, value in sorted(self.attributes.items())
        ]

    @property
    def cpu_free(self) -> int:
        return self.cpu - self.cpu_used

    @property
    def memory_free(self) -> int:
        return self.memory - self.memory_used

    @property
    def gpus_free(self) -> tuple[str, ...]:
        """Those pinned to no task's container; a task that stopped is no longer among the tasks [ECS-GPU]."""
        if not self.gpus:
            return ()
        pinned = {gpu for task in self.tasks.values() for gpus in task.gpus.values() for gpu in gpus}
        return tuple(gpu for gpu in self.gpus if gpu not in pinned)

    def view(self) -> dict[str, Any]:
        running = sum(1 for t in self.tasks.values() if t.last_status == "RUNNING")
        return {
            "containerInstanceArn": self.arn,
            "ec2InstanceId": self.ec2_instance_id,
            "version": self.version,
            "versionInfo": {"agentVersion": "1.100.0", "dockerVersion": "DockerVersion: 25.0.8"},
            "registeredResources": self._resources(self.cpu, self.memory, self.gpus),
            "remainingResources": self._resources(self.cpu_free, self.memory_free, self.gpus_free),
            "status": self.status,
            "agentConnected": self.agent_connected,
            "runningTasksCount": running,
            "pendingTasksCount": len(self.tasks) - running,
            "attributes": self.shown_attributes,
            "registeredAt": aware(self.registered_at),
            "attachments": [],
            "tags": [],
        }

    def _resources(self, cpu: int, memory: int, gpus: tuple[str, ...]) -> list[dict[str, Any]]:
        found = [_integer("CPU", cpu), _integer("MEMORY", memory)]
        if self.gpus:
            zeros = {"doubleValue": 0.0, "longValue": 0, "integerValue": 0}
            found.append({"name": "GPU", "type": "STRINGSET", **zeros, "stringSetValue": list(gpus)})
        return found


def _integer(name: str, value: int) -> dict[str, Any]:
    return {"name": name, "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": value}


@dataclass(slots=True, eq=False)
class Task:
    """One task. Moments are epoch seconds, or None while they have not come; GPU ids by container name."""

    arn: str
    task_id: str
    cluster: Cluster
    definition: TaskDefinition
    instance: ContainerInstance
    group: str
    started_by: str | None
    overrides: dict[str, Any]
    cpu: int
    memory: int
    container_arns: dict[str, str]
    tags: list[dict[str, str]]
    created_at: float
    history: LaggedView
    gpus: dict[str, tuple[str, ...]] = field(default_factory=dict)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    last_status: str = "PENDING"
    desired_status: str = "RUNNING"
    version: int = 1
    stop_code: str | None = None
    stopped_reason: str | None = None
    exit_code: int | None = None
    container_reason: str | None = None
    moments: dict[str, float] = field(default_factory=dict)

    def view(self) -> dict[str, Any]:
        optional = {
            "startedBy": self.started_by,
            "stopCode": self.stop_code,
            "stoppedReason": self.stopped_reason,
        }
        return {
            "taskArn": self.arn,
            "clusterArn": self.cluster.arn,
            "taskDefinitionArn": self.definition.arn,
            "containerInstanceArn": self.instance.arn,
            "group": self.group,
            "launchType": "EC2",
            "lastStatus": self.last_status,
            "desiredStatus": self.desired_status,
            "cpu": str(self.cpu),
            "memory": str(self.memory),
            "version": self.version,
            "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": [], **self.overrides},
            "containers": [self._container(c) for c in self.definition.containers],
            "attachments": self.attachments,
            "attributes": [
                {"name": "ecs.cpu-architecture", "value": self.instance.attributes["ecs.cpu-architecture"]}
            ],
            "availabilityZone": self.instance.attributes["ecs.availability-zone"],
            "enableExecuteCommand": False,
            "healthStatus": "UNKNOWN",
            "tags": self.tags,
            "createdAt": aware(self.created_at),
            **{name: aware(moment) for name, moment in self.moments.items()},
            **{name: value for name, value in optional.items() if value is not None},
        }

    def _container(self, definition: dict[str, Any]) -> dict[str, Any]:
        name = definition["name"]
        container: dict[str, Any] = {
            "containerArn": self.container_arns[name],
            "taskArn": self.arn,
            "name": name,
            "image": definition["image"],
            "lastStatus": self.last_status,
            "networkInterfaces": [],
            "healthStatus": "UNKNOWN",
            "cpu": str(definition.get("cpu", 0)),
        }
        if self.gpus.get(name):
            container["gpuIds"] = list(self.gpus[name])
        if "startedAt" in self.moments:
            container["runtimeId"] = self.container_arns[name].rsplit("/", 1)[-1].replace("-", "") * 2
        if self.exit_code is not None:
            container["exitCode"] = self.exit_code
        if self.container_reason is not None:
            container["reason"] = self.container_reason
        return container


@dataclass(slots=True, eq=False)
class Cluster:
    """One cluster, its instances by ARN (also DRAINING ones) and its tasks by ARN.

    ``shown_running`` are the tasks that no reader has seen stop yet: a busy hour leaves hundreds of stopped ones.
    """

    name: str
    arn: str
    tags: list[dict[str, str]] = field(default_factory=list)
    instances: dict[str, ContainerInstance] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    shown_running: dict[str, Task] = field(default_factory=dict)

    def add(self, task: Task) -> None:
        """Take in a task that was placed."""
        self.tasks[task.arn] = self.shown_running[task.arn] = task.instance.shown_running[task.arn] = task

    def seen_stopped(self, task: Task) -> None:
        """Note that readers have seen a task stop: it never runs again."""
        self.shown_running.pop(task.arn, None)
        task.instance.shown_running.pop(task.arn, None)

    def view(self) -> dict[str, Any]:
        live = [t for t in self.tasks.values() if t.last_status != "STOPPED"]
        running = sum(1 for t in live if t.last_status == "RUNNING")
        return {
            "clusterArn": self.arn,
            "clusterName": self.name,
            "status": "ACTIVE",
            "registeredContainerInstancesCount": len(self.instances),
            "runningTasksCount": running,
            "pendingTasksCount": len(live) - running,
            "activeServicesCount": 0,
            "statistics": [],
            "tags": self.tags,
            "settings": [],
            "capacityProviders": [],
            "defaultCapacityProviderStrategy": [],
        }
