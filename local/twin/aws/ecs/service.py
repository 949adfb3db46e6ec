"""The face of the ECS twin: boto3-shaped operations, and what the other parts of the twin call."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from local.twin.aws.ecs.credentials import TaskCredentials, TaskIdentity
from local.twin.aws.ecs.instances import InstanceRegistry
from local.twin.aws.ecs.query import compile_query
from local.twin.aws.ecs.records import Cluster, ContainerInstance, Task, TaskDefinition
from local.twin.aws.ecs.run_task import RunTask
from local.twin.aws.ecs.runtime import ContainerRuntime, IdleRuntime
from local.twin.aws.ecs.service_calls import ServiceCalls
from local.twin.aws.ecs.services import ServiceScheduler
from local.twin.aws.ecs.state import EcsState
from local.twin.aws.ecs.tasks import TaskLifecycle
from local.twin.aws.errors import AwsFault
from local.twin.aws.events import EventBus
from local.twin.aws.paging import page
from local.twin.aws.service import Context, Response, operation
from local.twin.aws.throttle import Throttle

_MODIFY: Final = (
    "RunTask",
    "StopTask",
    "DeregisterContainerInstance",
    "UpdateContainerInstancesState",
)
_TAG: Final = re.compile(r"[\w +\-=.:/@]*")
_READ: Final = ("DescribeTasks", "ListTasks", "DescribeContainerInstances", "ListContainerInstances")
#: burst, per second [ECS-THROTTLE]
_BUCKETS: Final = {
    "resource-modify": (100.0, 40.0),
    "resource-read": (100.0, 20.0),
    "cluster-read": (50.0, 20.0),
    "definition-read": (50.0, 20.0),
    "definition-modify": (20.0, 1.0),
    "service-modify": (50.0, 5.0),
    "service-read": (100.0, 20.0),
}
_BUCKET_OF: Final = {
    **dict.fromkeys(_MODIFY, "resource-modify"),
    **dict.fromkeys(_READ, "resource-read"),
    "DescribeClusters": "cluster-read",
    "DescribeTaskDefinition": "definition-read",
    **dict.fromkeys(("RegisterTaskDefinition", "DeregisterTaskDefinition"), "definition-modify"),
    **dict.fromkeys(("CreateService", "UpdateService", "DeleteService"), "service-modify"),
    **dict.fromkeys(("ListServices", "DescribeServices"), "service-read"),
}


class Ecs(ServiceCalls):
    """Amazon ECS; `runtime` decides what a container does."""

    name: ClassVar[str] = "ecs"

    def __init__(self, context: Context, bus: EventBus) -> None:
        super().__init__(context)
        self._state = EcsState(context, bus)
        idle = IdleRuntime()
        idle.exited = self.container_exited
        self._lifecycle = TaskLifecycle(self._state, idle)
        self._run_task = RunTask(self._state, self._lifecycle)
        self._credentials = TaskCredentials(self._state)
        self.registry = InstanceRegistry(self._state, self._lifecycle)
        self.services = ServiceScheduler(self._state)
        self._throttle = Throttle(_BUCKETS, _BUCKET_OF)

    @property
    def runtime(self) -> ContainerRuntime:
        return self._lifecycle.runtime

    @runtime.setter
    def runtime(self, runtime: ContainerRuntime) -> None:
        self._lifecycle.runtime = runtime

    def throttle(self, operation_name: str, request: Mapping[str, Any]) -> None:  # noqa: ARG002 - by name alone
        if not self._throttle.admits(operation_name, self.context.now()):
            raise AwsFault("ThrottlingException", "Rate exceeded")

    # What stands on the other side of the wire.

    def container_exited(self, task_arn: str, exit_code: int) -> None:
        """A container runtime reports that the task's essential container ended."""
        self._lifecycle.container_exited(task_arn, exit_code)

    def task_credentials(self, task_id: str) -> dict[str, Any] | None:
        """What the agent's credentials endpoint answers, or None where it answers 404."""
        return self._credentials.of_task(task_id)

    def identity_of(self, access_key_id: str) -> TaskIdentity | None:
        """Whose task key this is, also after the task stopped; None once expired."""
        return self._credentials.identity_of(access_key_id)

    def fail_next_starts(self, count: int, reason: str = "CannotPullContainerError: pull failed") -> None:
        """Let the next containers fail to start: the task stops with code TaskFailedToStart."""
        self._state.planned_start_failures.extend([reason] * count)

    def plan_start_failures(self, why: Callable[[], str | None]) -> None:
        """Ask at each start of a container why it fails; None lets it start."""
        self._state.start_failure = why

    def plan_room(self, room_left: Callable[[], int | None]) -> None:
        """Ask at each RunTask how many tasks find room at most; None leaves it to the instances."""
        self._state.room_left = room_left

    def blip_agent(self, ec2_instance_id: str) -> None:
        """Disconnect that host's agent for a while."""
        instance = self.registry.by_ec2_id(ec2_instance_id)
        if instance is not None:
            self.registry.blip(instance)

    def live_tasks(self) -> list[Task]:
        """Every task not STOPPED, as it truly is: for checks, never for code under test."""
        return [t for t in self._state.tasks_by_id.values() if t.last_status != "STOPPED"]

    def created_at(self, task_id: str) -> float:
        """When RunTask placed a task: for checks, never for code under test."""
        return self._state.tasks_by_id[task_id].created_at

    # Operations.

    @operation
    def create_cluster(self, **request: Any) -> Response:
        name = request.get("clusterName", "default")
        arn = self._state.arn(f"cluster/{name}")
        cluster = self._state.clusters.setdefault(name, Cluster(name, arn, tags=request.get("tags", [])))
        return {"cluster": cluster.view()}

    @operation
    def describe_clusters(self, **request: Any) -> Response:
        found, failures = [], []
        for reference in request.get("clusters", ["default"]):
            name = reference.rsplit("/", 1)[-1]
            if name in self._state.clusters:
                found.append(self._state.clusters[name].view())
            else:
                failures.append({"arn": self._state.arn(f"cluster/{name}"), "reason": "MISSING"})
        return {"clusters": found, "failures": failures}

    def definition(self, name: str) -> TaskDefinition:
        """The task definition that a family or an ARN means: for checks, never for code under test."""
        found = self._state.definition(name)
        if found is None:
            raise KeyError(name)
        return found

    @operation
    def register_task_definition(self, **request: Any) -> Response:
        family = request["family"]
        if not request.get("containerDefinitions"):
            raise AwsFault("ClientException", "Container list cannot be empty.")
        revisions = self._state.definitions.setdefault(family, [])
        revision = len(revisions) + 1
        arn = self._state.arn(f"task-definition/{family}:{revision}")
        definition = TaskDefinition(arn, family, revision, copy.deepcopy(request), self.context.now())
        revisions.append(definition)
        return {"taskDefinition": definition.view(), "tags": request.get("tags", [])}

    @operation
    def describe_task_definition(self, **request: Any) -> Response:
        definition = self._state.definition(request["taskDefinition"])
        if definition is None:
            raise AwsFault("ClientException", "Unable to describe task definition.")
        tags = definition.request.get("tags", []) if "TAGS" in request.get("include", []) else []
        return {"taskDefinition": definition.view(), "tags": tags}

    @operation
    def run_task(self, **request: Any) -> Response:
        return self._run_task(json.loads(json.dumps(request)))  # its own, as if it had come over the wire

    @operation
    def stop_task(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        task = self._task(cluster, request["task"])
        if task is None:
            raise AwsFault("InvalidParameterException", "The referenced task was not found.")
        self._lifecycle.stop(task, request.get("reason", "Task stopped by user"), "UserInitiated")
        return {"task": task.view()}

    @operation
    def tag_resource(self, **request: Any) -> Response:
        """Tags of tasks alone are of use here [ECS-TAGS]."""
        kind, _, rest = request["resourceArn"].rpartition(":")[2].partition("/")
        cluster_name, _, task_id = rest.partition("/")
        task = self._state.tasks_by_id.get(task_id)
        if kind != "task" or task is None or task.cluster.name != cluster_name:
            raise AwsFault("InvalidParameterException", "The specified task is not found.")
        given = {tag["key"]: tag["value"] for tag in request["tags"]}
        for key, value in given.items():
            if len(key) > 128 or len(value) > 256 or not _TAG.fullmatch(key + value):
                raise AwsFault("InvalidParameterException", "Tag key or value is not valid.")
        kept = [tag for tag in task.tags if tag["key"] not in given]
        task.tags = [*kept, *({"key": key, "value": value} for key, value in given.items())]
        return {}

    @operation
    def describe_tasks(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        references = _bounded(request["tasks"], 100, "Tasks")
        found, failures = [], []
        for reference in references:
            task = self._task(cluster, reference)
            view = None if task is None else task.history.read()
            if view is None:
                arn = (
                    reference
                    if reference.startswith("arn:")
                    else self._state.arn(f"task/{cluster.name}/{reference}")
                )
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(_without_tags(view, request))
        return {"tasks": found, "failures": failures}

    @operation
    def list_tasks(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        filters = {"containerInstance", "family", "serviceName", "desiredStatus", "launchType"} & set(request)
        if request.get("startedBy") is not None and filters:
            # The documented rule is that it stands alone [ECS-LISTTASKS-STARTEDBY].
            raise AwsFault(
                "InvalidParameterException", f"startedBy must be the only filter, not with {sorted(filters)}"
            )
        # Without a desired status only tasks meant to run are listed [ECS-LISTTASKS-STARTEDBY].
        instance = self._instance(cluster, request.get("containerInstance", ""))
        views = _shown(cluster, instance, request.get("desiredStatus", "RUNNING"))
        matches = _task_filter(request)
        arns = [view["taskArn"] for view in views if matches(view)]
        return page("taskArns", arns, request, "maxResults", "nextToken")

    @operation
    def list_container_instances(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        status = request.get("status")
        matches = compile_query(request["filter"]) if request.get("filter") else None
        arns = []
        for instance in cluster.instances.values():
            view = instance.history.read()
            shown = view is not None and (status is None or view["status"] == status)
            if shown and (matches is None or matches(instance)):
                arns.append(instance.arn)
        return page("containerInstanceArns", arns, request, "maxResults", "nextToken")

    @operation
    def describe_container_instances(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        found, failures = [], []
        for reference in _bounded(request["containerInstances"], 100, "Container instances"):
            instance = self._instance(cluster, reference)
            view = None if instance is None else instance.history.read()
            if view is None:
                failures.append({"arn": self._instance_arn(cluster, reference), "reason": "MISSING"})
            else:
                found.append(_without_tags(view, request))
        return {"containerInstances": found, "failures": failures}

    @operation
    def update_container_instances_state(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        status = request["status"]
        if status not in {"ACTIVE", "DRAINING"}:
            raise AwsFault("InvalidParameterException", "status must be ACTIVE or DRAINING")
        changed, failures = [], []
        for reference in _bounded(request["containerInstances"], 10, "Container instances"):
            instance = self._instance(cluster, reference)
            if instance is None:
                failures.append({"arn": self._instance_arn(cluster, reference), "reason": "MISSING"})
            else:
                self.registry.set_status(instance, status)
                changed.append(instance.view())
        return {"containerInstances": changed, "failures": failures}

    @operation
    def deregister_container_instance(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        instance = self._instance(cluster, request["containerInstance"])
        if instance is None:
            raise AwsFault("InvalidParameterException", "The referenced container instance was not found.")
        if instance.tasks and not request.get("force", False):
            raise AwsFault("InvalidParameterException", "Found running tasks on the instance; use force.")
        self.registry.deregister(instance)
        return {"containerInstance": instance.view()}

    def _task(self, cluster: Cluster, reference: str) -> Task | None:
        return cluster.tasks.get(self._state.arn(f"task/{cluster.name}/{reference.rsplit('/', 1)[-1]}"))

    def _instance_arn(self, cluster: Cluster, reference: str) -> str:
        return self._state.arn(f"container-instance/{cluster.name}/{reference.rsplit('/', 1)[-1]}")

    def _instance(self, cluster: Cluster, reference: str) -> ContainerInstance | None:
        return cluster.instances.get(self._instance_arn(cluster, reference))


def _bounded(references: Sequence[str], limit: int, what: str) -> Sequence[str]:
    if not references:
        raise AwsFault("InvalidParameterException", f"{what} cannot be empty.")
    if len(references) > limit:
        raise AwsFault(
            "InvalidParameterException", f"{what} can have at most {limit} items, got {len(references)}."
        )
    return references


def _without_tags(view: dict[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    if not view["tags"] or "TAGS" in request.get("include", []):
        return view  # shared: a published view is never changed
    return {**view, "tags": []}


def _shown(
    cluster: Cluster, instance: ContainerInstance | None, desired_status: str
) -> Iterator[dict[str, Any]]:
    """What readers see now of the tasks with a desired status, those of one instance at least."""
    is_running = desired_status == "RUNNING"
    running = cluster.shown_running if instance is None else instance.shown_running
    for task in list((running if is_running else cluster.tasks).values()):
        view = task.history.read()
        if view is None:
            continue
        if view["desiredStatus"] == desired_status:
            yield view
        elif is_running:
            cluster.seen_stopped(task)


def _task_filter(request: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """Say of a task's view whether a listing asks for it."""
    instance, family, started_by = (request.get(k) for k in ("containerInstance", "family", "startedBy"))
    if instance is not None:
        instance = _last_part(instance)

    def matches(view: Mapping[str, Any]) -> bool:
        return (
            (instance is None or _last_part(view["containerInstanceArn"]) == instance)
            and (family is None or _last_part(view["taskDefinitionArn"]).split(":")[0] == family)
            and (started_by is None or view.get("startedBy") == started_by)
        )

    return matches


def _last_part(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
