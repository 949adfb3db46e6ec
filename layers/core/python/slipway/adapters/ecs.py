"""A pool's ECS cluster over botocore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.configuration import Configuration, Docker, Pool
from slipway.domain.cost_tags import task_arn
from slipway.domain.errors import RefusedError, UnavailableError
from slipway.domain.events import read_instance, read_task
from slipway.domain.instances import Instance
from slipway.domain.intents import Intent, RunTasks
from slipway.domain.runners import task_family
from slipway.ports.clock import Clock
from slipway.ports.cluster import Refusal, RunResult, Task

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

_DESCRIBE_LIMIT = 100  # [ECS-DESCRIBE-LIMIT]
_MAX_AVOIDED = 80  # ids that an expression of 2,000 characters holds [ECS-LIMITS-RUNTASK]
_EMPTY_CLUSTER = "No Container Instances were found in your cluster"


class EcsCluster:
    """Implements ``ports.cluster.Cluster``."""

    def __init__(self, client: ECSClient, pool: Pool, configuration: Configuration, clock: Clock) -> None:
        self._client = client
        self._pool = pool
        self._configuration = configuration
        self._clock = clock

    def run(self, intent: Intent) -> RunResult:
        """Start the tasks of a ``RunTasks`` intent; the same intent again starts nothing new."""
        request = intent.request
        if not isinstance(request, RunTasks):
            raise TypeError(f"not a RunTasks intent: {intent}")
        try:
            with aws_errors(f"starting {request.count} tasks of {request.shape} in {self._pool.cluster}"):
                reply = self._client.run_task(**self._run_parameters(intent, request))
        except RefusedError as fault:
            # An empty cluster throws where a full one answers failures[]; the code alone does not tell this
            # from a wrong parameter, so this is the one place that reads a message [ECS-EMPTY-CLUSTER].
            if fault.code == "InvalidParameterException" and _EMPTY_CLUSTER in str(fault):
                return RunResult((), (Refusal("EMPTY_CLUSTER"),))
            raise
        refusals = tuple(
            Refusal(failure.get("reason", ""), failure.get("arn")) for failure in reply.get("failures", [])
        )
        return RunResult(tuple(self._ours(reply["tasks"])), refusals)

    def stop(self, task_id: str, why: str) -> None:
        """Stop a task; a task that is already gone is no error."""
        try:
            with aws_errors(f"stopping task {task_id}"):
                self._client.stop_task(cluster=self._pool.cluster, task=task_id, reason=why[:255])
        except RefusedError as fault:
            if fault.code != "InvalidParameterException":
                raise

    def tag(self, task_id: str, instance_arn: str, tags: Mapping[str, str]) -> None:
        """Tag a task on an instance, for the bill; a task that is already gone is no error."""
        given = [{"key": key, "value": value} for key, value in tags.items()]
        try:
            with aws_errors(f"tagging task {task_id}"):
                self._client.tag_resource(
                    resourceArn=task_arn(instance_arn, self._pool.cluster, task_id), tags=cast(Any, given)
                )
        except RefusedError as fault:
            if fault.code not in ("InvalidParameterException", "ResourceNotFoundException"):
                raise

    def find_task(self, task_id: str) -> Task | None:
        """Return a task of ours by id, also for some time after it stopped."""
        return next(iter(self._describe([task_id])), None)

    def tasks(self) -> list[Task]:
        """List the tasks of ours that are not stopped."""
        return [task for task in self._describe(self._list()) if not task.is_stopped]

    def task_ids_on(self, instance_arn: str) -> list[str]:
        """List every task that is not stopping on an instance, whoever started it."""
        try:
            return [arn.rpartition("/")[2] for arn in self._list(containerInstance=instance_arn)]
        except RefusedError as fault:
            if fault.code == "InvalidParameterException":
                return []  # the instance is no longer registered, so it holds no task
            raise

    def drain(self, instance_arn: str) -> None:
        """Let an instance take no new task; an instance that is already gone is no error."""
        with aws_errors(f"draining {instance_arn}"):
            reply = self._client.update_container_instances_state(
                cluster=self._pool.cluster, containerInstances=[instance_arn], status="DRAINING"
            )
        refused = [failure.get("reason", "") for failure in reply.get("failures", [])]
        if set(refused) - {"MISSING"}:
            raise UnavailableError(f"draining {instance_arn}: {', '.join(refused)}")

    def instances(self, *, arn: str | None = None, instance_id: str | None = None) -> list[Instance]:
        """List the registered container instances, or only the one of an ARN or EC2 id: without reading all others."""
        where = {"filter": f"ec2InstanceId == {instance_id}"} if instance_id else {}  # [ECS-QUERY-LANGUAGE]
        found = []
        with aws_errors(f"listing instances of {self._pool.cluster}"):
            arns = self._list_instances(**where) if arn is None else [arn]
            for chunk in _chunks(arns):
                reply = self._client.describe_container_instances(
                    cluster=self._pool.cluster, containerInstances=chunk
                )
                found += reply["containerInstances"]
        now = self._clock.now()
        return [read_instance(item, self._pool, now) for item in found if item["status"] != "INACTIVE"]

    def _list_instances(self, **where: str) -> list[str]:
        pages = self._client.get_paginator("list_container_instances").paginate(
            cluster=self._pool.cluster, **cast(Any, where)
        )
        return [arn for page in pages for arn in page["containerInstanceArns"]]

    def _list(self, **where: str) -> list[str]:
        with aws_errors(f"listing tasks of {self._pool.cluster}"):
            pages = self._client.get_paginator("list_tasks").paginate(
                cluster=self._pool.cluster, **cast(Any, where)
            )
            return [arn for page in pages for arn in page["taskArns"]]

    def _run_parameters(self, intent: Intent, request: RunTasks) -> dict[str, Any]:
        profile = self._configuration.profiles.get(request.shape.profile)
        parameters: dict[str, Any] = {
            "cluster": self._pool.cluster,
            "taskDefinition": task_family(self._configuration.deployment, request.shape.profile),
            "count": request.count,
            "launchType": "EC2",
            "clientToken": intent.token,
            "startedBy": f"slipway/{self._pool.name}/{intent.token}",
            "placementStrategy": [{"type": "binpack", "field": "memory"}],
        }
        if profile is not None and profile.docker is Docker.PRIVILEGED:
            parameters["networkConfiguration"] = self._own_interface()
        size = request.shape.size
        if profile is None or size != profile.size:
            parameters["overrides"] = {"cpu": str(size.cpu_units), "memory": str(size.memory_mib)}
        constraints: list[dict[str, str]] = [{"type": "distinctInstance"}] if request.exclusive else []
        if request.avoid:
            held = ", ".join(f"'{instance_id}'" for instance_id in request.avoid[:_MAX_AVOIDED])
            expression = f"ec2InstanceId not_in [{held}]"  # [ECS-QUERY-LANGUAGE]
            constraints.append({"type": "memberOf", "expression": expression})
        if constraints:
            parameters["placementConstraints"] = constraints
        return parameters

    def _own_interface(self) -> dict[str, Any]:
        """Return where a privileged task, whose network mode is awsvpc, gets its interface [ECS-AWSVPC]."""
        pool = self._pool
        return {
            "awsvpcConfiguration": {
                "subnets": list(pool.subnets),
                "securityGroups": list(pool.security_groups),
            }
        }

    def _describe(self, arns: Sequence[str]) -> Iterator[Task]:
        for chunk in _chunks(arns):
            with aws_errors(f"describing tasks of {self._pool.cluster}"):
                reply = self._client.describe_tasks(cluster=self._pool.cluster, tasks=chunk)
            yield from self._ours(reply["tasks"])

    def _ours(self, tasks: Sequence[Mapping[str, Any]]) -> Iterator[Task]:
        for task in tasks:
            read = read_task(task, self._pool, self._configuration)
            if read:
                shape, intent = read
                yield Task(
                    task_id=task["taskArn"].rpartition("/")[2],
                    shape=shape,
                    intent=intent,
                    status=task["lastStatus"],
                    instance_arn=task.get("containerInstanceArn"),
                    created_at=task["createdAt"].timestamp(),
                )


def _chunks(arns: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(arns), _DESCRIBE_LIMIT):
        yield list(arns[start : start + _DESCRIBE_LIMIT])
