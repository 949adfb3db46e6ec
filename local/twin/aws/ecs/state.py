"""What the parts of the ECS twin share: the records, how they are found, and how changes are told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.twin.aws.ecs.records import Cluster, ContainerInstance, Task, TaskDefinition
from local.twin.aws.errors import AwsFault
from local.twin.aws.events import CONTAINER_INSTANCE_CHANGE, TASK_CHANGE, EventBus
from local.twin.aws.lag import LaggedView
from local.twin.aws.service import Context
from local.twin.clock import iso


@dataclass(slots=True)
class EcsState:
    """All of ECS in one account and region."""

    context: Context
    bus: EventBus
    clusters: dict[str, Cluster] = field(default_factory=dict)
    definitions: dict[str, list[TaskDefinition]] = field(default_factory=dict)
    tasks_by_id: dict[str, Task] = field(default_factory=dict)
    planned_start_failures: deque[str] = field(default_factory=deque)
    #: Asked at each start of a container: why it fails, or None.
    start_failure: Callable[[], str | None] = lambda: None
    #: Asked at each RunTask: how many tasks find room at most, or None.
    room_left: Callable[[], int | None] = lambda: None

    def arn(self, resource: str) -> str:
        return f"arn:aws:ecs:{self.context.region}:{self.context.account_id}:{resource}"

    def history(self) -> LaggedView:
        return LaggedView(self.context)

    def cluster(self, reference: str | None) -> Cluster:
        """By name or ARN; the name `default` when none is given, as ECS does."""
        name = (reference or "default").rsplit("/", 1)[-1]
        if name not in self.clusters:
            raise AwsFault("ClusterNotFoundException", "Cluster not found.")
        return self.clusters[name]

    def definition(self, reference: str) -> TaskDefinition | None:
        """By ARN, `family:revision`, or the newest ACTIVE revision of `family`."""
        family, _, revision = reference.rsplit("/", 1)[-1].partition(":")
        revisions = self.definitions.get(family, [])
        if not revision:
            return next((d for d in reversed(revisions) if d.status == "ACTIVE"), None)
        index = int(revision) - 1 if revision.isdigit() else -1
        return revisions[index] if 0 <= index < len(revisions) else None

    def task_changed(self, task: Task) -> None:
        """Show the task's new state to readers and subscribers."""
        task.version += 1
        view = task.view()
        task.history.publish(view)
        moments = {"createdAt": task.created_at, **task.moments}
        self.bus.publish(TASK_CHANGE, [task.arn], self._detail(view, moments))

    def instance_changed(self, instance: ContainerInstance) -> None:
        """Show the container instance's new state to readers and subscribers."""
        instance.version += 1
        view = instance.view()
        instance.history.publish(view)
        moments = {"registeredAt": instance.registered_at}
        detail = {"clusterArn": instance.cluster.arn, **self._detail(view, moments)}
        self.bus.publish(CONTAINER_INSTANCE_CHANGE, [instance.arn], detail)

    def _detail(self, view: dict[str, Any], moments: Mapping[str, float]) -> dict[str, Any]:
        """The API's shape as an event has it: moments as text, and no tags [ECS-EVENT-SHAPE]."""
        detail = {**view, "updatedAt": iso(self.context.now())}
        del detail["tags"]
        for name, moment in moments.items():
            detail[name] = iso(moment)
        return detail
