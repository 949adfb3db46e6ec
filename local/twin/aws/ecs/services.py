"""ECS services on Fargate: deployments that replace each other, tasks that cannot start, and their end.

A service's tasks are counted, not modelled one by one: nobody looks into them.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from local.twin.aws.ecs.records import Cluster, TaskDefinition
from local.twin.aws.ecs.state import EcsState
from local.twin.aws.errors import AwsFault
from local.twin.aws.lag import LaggedView
from local.twin.clock import aware
from local.twin.latency import Phase

FIRST_RETRY_SECONDS: Final = 10.0
LAST_RETRY_SECONDS: Final = 900.0
STOP_SECONDS: Final = 30.0
_EVENTS: Final = 100


@dataclass(slots=True, eq=False)
class Deployment:
    """One deployment of a service, of one task."""

    id: str
    definition: TaskDefinition
    created_at: float
    updated_at: float
    running: int = 0
    failed: int = 0
    is_completed: bool = False

    def view(self, desired: int, *, is_primary: bool) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": "PRIMARY" if is_primary else "ACTIVE",
            "taskDefinition": self.definition.arn,
            "desiredCount": desired,
            "pendingCount": desired - self.running,
            "runningCount": self.running,
            "failedTasks": self.failed,
            "createdAt": aware(self.created_at),
            "updatedAt": aware(self.updated_at),
            "launchType": "FARGATE",
            "rolloutState": "COMPLETED" if self.is_completed else "IN_PROGRESS",
        }


@dataclass(slots=True, eq=False)
class EcsService:
    """One service; the newest deployment is the first, and its primary one."""

    name: str
    arn: str
    cluster: Cluster
    request: dict[str, Any]
    created_at: float
    history: LaggedView
    status: str = "ACTIVE"
    deployments: list[Deployment] = field(default_factory=list)
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_EVENTS))

    @property
    def running(self) -> int:
        return sum(deployment.running for deployment in self.deployments)

    def view(self) -> dict[str, Any]:
        desired = self.request["desiredCount"] if self.status == "ACTIVE" else 0
        primary = self.deployments[0] if self.deployments else None
        return {
            "serviceName": self.name,
            "serviceArn": self.arn,
            "clusterArn": self.cluster.arn,
            "status": self.status,
            "desiredCount": desired,
            "runningCount": self.running,
            "pendingCount": max(0, desired - self.running),
            "launchType": "FARGATE",
            "taskDefinition": primary.definition.arn if primary else self.request["taskDefinition"],
            "loadBalancers": self.request.get("loadBalancers", []),
            "networkConfiguration": self.request.get("networkConfiguration", {}),
            "deployments": [one.view(desired, is_primary=one is primary) for one in self.deployments],
            "events": list(self.events),
            "createdAt": aware(self.created_at),
            "propagateTags": self.request.get("propagateTags", "NONE"),
            "tags": list(self.request.get("tags", [])),
        }


class ServiceScheduler:
    """All services of an account; ``can_pull`` says whether an image can be pulled now, by its name."""

    def __init__(self, state: EcsState) -> None:
        self._state = state
        self._by_cluster: dict[str, dict[str, EcsService]] = {}
        self._ids = itertools.count(1)
        self.can_pull: Callable[[str], bool] = lambda _image: True
        self.is_balanced: Callable[[str], bool] = lambda _target_group: True
        """Whether a load balancer uses a target group, by its ARN."""

    def live(self) -> list[EcsService]:
        """Every service that is not INACTIVE, as it truly is: for checks, never for code under test."""
        return [one for of in self._by_cluster.values() for one in of.values() if one.status != "INACTIVE"]

    def of(self, cluster: Cluster, reference: str) -> EcsService | None:
        return self._by_cluster.get(cluster.name, {}).get(reference.rsplit("/", 1)[-1])

    def shown(self, cluster: Cluster) -> list[str]:
        """ARNs of those that readers see and that are not INACTIVE [ECS-DESCRIBE-SERVICES]."""
        views = (one.history.read() for one in self._by_cluster.get(cluster.name, {}).values())
        return [view["serviceArn"] for view in views if view is not None and view["status"] != "INACTIVE"]

    def create(self, cluster: Cluster, request: dict[str, Any]) -> EcsService:
        name = request["serviceName"]
        known = self.of(cluster, name)
        if known is not None and known.status == "ACTIVE":
            raise AwsFault("InvalidParameterException", "Creation of service was not idempotent.")
        if known is not None and known.status == "DRAINING":
            raise AwsFault("InvalidParameterException", "Unable to Start a service that is still Draining.")
        definition = self._definition(request["taskDefinition"])
        self._check_balancers(request, definition)
        arn = self._state.arn(f"service/{cluster.name}/{name}")
        made = EcsService(name, arn, cluster, request, self._state.context.now(), self._state.history())
        self._by_cluster.setdefault(cluster.name, {})[name] = made
        self._deploy(made, definition)
        return made

    def update(self, cluster: Cluster, request: dict[str, Any]) -> EcsService:
        found = self.existing(cluster, request["service"])
        if found.status != "ACTIVE":
            raise AwsFault("ServiceNotActiveException", "Service was not ACTIVE.")
        definition = self._definition(request.get("taskDefinition") or found.deployments[0].definition.arn)
        changed = {
            name: value
            for name, value in request.items()
            if name not in ("cluster", "service", "taskDefinition")
        }
        self._check_balancers(found.request | changed, definition)  # [ECS-SERVICE-PORT]
        found.request |= changed
        is_other = definition is not found.deployments[0].definition
        if is_other or "loadBalancers" in changed or request.get("forceNewDeployment"):
            self._deploy(found, definition)
        return found

    def delete(self, cluster: Cluster, reference: str, *, force: bool) -> EcsService:
        found = self.existing(cluster, reference)
        if found.status == "INACTIVE":
            raise AwsFault("ServiceNotFoundException", "Service not found.")
        if found.status == "DRAINING":
            return found
        if not force and found.request["desiredCount"]:
            message = "The service cannot be stopped while it is scaled above 0."
            raise AwsFault("InvalidParameterException", message)
        found.status = "DRAINING"
        self._changed(found)
        self._state.context.clock.schedule(STOP_SECONDS, lambda: self._end(found))
        return found

    def existing(self, cluster: Cluster, reference: str) -> EcsService:
        found = self.of(cluster, reference)
        if found is None:
            raise AwsFault("ServiceNotFoundException", "Service not found.")
        return found

    def _definition(self, reference: str) -> TaskDefinition:
        found = self._state.definition(reference)
        if found is None:
            raise AwsFault("ClientException", "TaskDefinition not found.")
        if found.status != "ACTIVE":
            raise AwsFault("ClientException", "TaskDefinition is inactive")
        return found

    def _check_balancers(self, request: dict[str, Any], definition: TaskDefinition) -> None:
        for balancer in request.get("loadBalancers", []):
            self._check_balancer(balancer, definition)

    def _check_balancer(self, balancer: dict[str, Any], definition: TaskDefinition) -> None:
        arn, name, port = (balancer[key] for key in ("targetGroupArn", "containerName", "containerPort"))
        if not self.is_balanced(arn):  # [ECS-SERVICE-TARGETS]
            message = f"The target group with targetGroupArn {arn} does not have an associated load balancer."
            raise AwsFault("InvalidParameterException", message)
        ports = [
            mapping["containerPort"]
            for container in definition.containers
            if container["name"] == name
            for mapping in container.get("portMappings", [])
        ]
        if port not in ports:
            message = f"The container {name} did not have a container port {port} defined."
            raise AwsFault("InvalidParameterException", message)

    def _deploy(self, service: EcsService, definition: TaskDefinition) -> None:
        now = self._state.context.now()
        deployment = Deployment(f"ecs-svc/{next(self._ids):019d}", definition, now, now)
        # A deployment that never ran is replaced; one that runs stays until the new one does [ECS-SERVICE-ROLLOUT].
        service.deployments = [deployment, *(one for one in service.deployments if one.running)]
        self._changed(service)
        self._try_later(service, deployment, 0.0)

    def _try_later(self, service: EcsService, deployment: Deployment, wait: float) -> None:
        context = self._state.context
        phases = (Phase.PLACE, Phase.IMAGE_PULL, Phase.CONTAINER_START)
        seconds = wait + sum(context.delay(phase) for phase in phases)
        context.clock.schedule(seconds, lambda: self._try(service, deployment))

    def _try(self, service: EcsService, deployment: Deployment) -> None:
        if service.status != "ACTIVE" or deployment not in service.deployments[:1]:
            return
        image = deployment.definition.essential["image"]
        deployment.updated_at = self._state.context.now()
        if not self.can_pull(image):
            deployment.failed += 1
            self._say(service, "was unable to place a task: CannotPullContainerError: " + image)
            if deployment.failed % 3 == 0:
                self._say(service, "is unable to consistently start tasks successfully.")
            self._changed(service)
            wait = min(FIRST_RETRY_SECONDS * 2 ** (deployment.failed - 1), LAST_RETRY_SECONDS)
            self._try_later(service, deployment, wait)  # [ECS-SERVICE-RETRIES]
            return
        deployment.running = service.request["desiredCount"]
        deployment.is_completed = True
        service.deployments = [deployment]
        self._say(service, "has reached a steady state.")
        self._changed(service)

    def _end(self, service: EcsService) -> None:
        service.status, service.deployments = "INACTIVE", []
        self._changed(service)

    def _say(self, service: EcsService, what: str) -> None:
        context = self._state.context
        event = {
            "id": context.ids.uuid(),
            "createdAt": aware(context.now()),
            "message": f"(service {service.name}) {what}",
        }
        service.events.appendleft(event)

    def _changed(self, service: EcsService) -> None:
        service.history.publish(service.view())
