"""ECS services and their task definitions: one service an environment, in a cluster of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from slipway.adapters.aws_errors import aws_errors
from slipway.adapters.environments.refusals import settled
from slipway.domain.environments.found import FoundService
from slipway.domain.environments.names import EnvironmentKey, is_resource_name, name_of_family
from slipway.domain.environments.settings import Environments
from slipway.domain.environments.spec import Spec

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

REPOSITORY_TAG, NUMBER_TAG = "slipway:repository", "slipway:pull-request"
_DESCRIBED_AT_ONCE = 10  # [ECS-DESCRIBE-SERVICES]
_GRACE_SECONDS = 60
_ARCHITECTURES = {"x64": "X86_64", "arm64": "ARM64"}
CONTAINER = "app"
Tags = dict[str, str]


class Services:
    """The services of one cluster."""

    def __init__(self, client: ECSClient, settings: Environments) -> None:
        self._client = client
        self._settings = settings

    def found(self) -> dict[str, tuple[FoundService, EnvironmentKey | None]]:
        """Return our services by name, each with whose it is; one that was deleted until it is gone."""
        cluster = self._settings.cluster
        with aws_errors("listing services"):
            pages = self._client.get_paginator("list_services").paginate(cluster=cluster)
            arns = [arn for page in pages for arn in page["serviceArns"]]
        found = {}
        for start in range(0, len(arns), _DESCRIBED_AT_ONCE):
            with aws_errors("describing services"):
                reply = self._client.describe_services(
                    cluster=cluster, services=arns[start : start + _DESCRIBED_AT_ONCE], include=["TAGS"]
                )
            for service in reply["services"]:
                name = service["serviceName"]
                if service["status"] != "INACTIVE" and is_resource_name(self._settings.deployment, name):
                    found[name] = (_service(service), _key(service))
        return found

    def families(self) -> dict[str, frozenset[str]]:
        """Return the families that have an active task definition, by environment's name."""
        families: dict[str, frozenset[str]] = {}
        with aws_errors("listing families of task definitions"):
            pages = self._client.get_paginator("list_task_definition_families").paginate(
                familyPrefix=f"{self._settings.deployment}-pr", status="ACTIVE"
            )
            for family in (family for page in pages for family in page["families"]):
                name = name_of_family(self._settings.deployment, family)
                if name is not None:
                    families[name] = families.get(name, frozenset()) | {family}
        return families

    def deploy(
        self, spec: Spec, found: FoundService | None, families: frozenset[str], target_group: str, tags: Tags
    ) -> None:
        """Start an environment's service, or let it run another task definition."""
        if spec.family not in families:
            with aws_errors(f"registering {spec.family}"):
                self._client.register_task_definition(**self._definition(spec, tags))
        network = self._network(spec)
        balancers: Any = [
            {"targetGroupArn": target_group, "containerName": CONTAINER, "containerPort": spec.port}
        ]
        if found is not None:
            with aws_errors(f"updating service {spec.name}"):
                self._client.update_service(
                    cluster=self._settings.cluster,
                    service=spec.name,
                    taskDefinition=spec.family,
                    networkConfiguration=network,
                    loadBalancers=balancers,  # the newer definition may have another port [ECS-SERVICE-PORT]
                )
            return
        with aws_errors(f"creating service {spec.name}"):
            self._client.create_service(
                cluster=self._settings.cluster,
                serviceName=spec.name,
                taskDefinition=spec.family,
                desiredCount=1,
                launchType="FARGATE",
                networkConfiguration=network,
                loadBalancers=balancers,
                healthCheckGracePeriodSeconds=_GRACE_SECONDS,
                enableECSManagedTags=False,
                propagateTags="SERVICE",
                tags=_tags(tags),
            )

    def delete(self, name: str) -> None:
        """Delete a service with its tasks; it drains for a while [ECS-SERVICE-DELETE]."""
        with settled(f"deleting service {name}", "ServiceNotFoundException", "ServiceNotActiveException"):
            self._client.delete_service(cluster=self._settings.cluster, service=name, force=True)

    def deregister(self, families: Iterable[str]) -> None:
        """Deregister the task definitions of families; what runs by them goes on [ECS-DEREGISTER]."""
        for family in families:
            with aws_errors(f"deregistering {family}"):
                pages = self._client.get_paginator("list_task_definitions").paginate(
                    familyPrefix=family, status="ACTIVE"
                )
                for arn in [arn for page in pages for arn in page["taskDefinitionArns"]]:
                    self._client.deregister_task_definition(taskDefinition=arn)

    def _network(self, spec: Spec) -> Any:
        return {
            "awsvpcConfiguration": {
                "subnets": list(spec.subnets),
                "securityGroups": list(spec.security_groups),
                "assignPublicIp": "ENABLED" if spec.public_ip else "DISABLED",
            }
        }

    def _definition(self, spec: Spec, tags: Tags) -> Any:
        """Return a RegisterTaskDefinition request; what runs has no privilege and no role that is not named."""
        container: dict[str, Any] = {
            "name": CONTAINER,
            "image": spec.image,
            "essential": True,
            "portMappings": [{"containerPort": spec.port, "protocol": "tcp"}],
            "environment": [{"name": name, "value": text} for name, text in sorted(spec.environment.items())],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": spec.log_group,
                    "awslogs-region": self._settings.region,
                    "awslogs-stream-prefix": CONTAINER,
                },
            },
        }
        if spec.command:
            container["command"] = list(spec.command)
        return {
            "family": spec.family,
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": str(spec.cpu_units),
            "memory": str(spec.memory_mib),
            "runtimePlatform": {
                "cpuArchitecture": _ARCHITECTURES[spec.architecture],
                "operatingSystemFamily": "LINUX",
            },
            "executionRoleArn": spec.execution_role,
            **({"taskRoleArn": spec.task_role} if spec.task_role else {}),
            "containerDefinitions": [container],
            "tags": _tags(tags),
        }


def _service(service: Any) -> FoundService:
    newest: dict[str, Any] = next(
        (one for one in service.get("deployments", []) if one["status"] == "PRIMARY"), {}
    )
    return FoundService(
        family=service["taskDefinition"].rpartition("/")[2].partition(":")[0],
        running=service["runningCount"],
        is_draining=service["status"] == "DRAINING",
        is_steady=newest.get("rolloutState") == "COMPLETED" and newest.get("runningCount", 0) > 0,
        has_failures=newest.get("failedTasks", 0) > 0,
    )


def _key(service: Any) -> EnvironmentKey | None:
    tags = {tag["key"]: tag["value"] for tag in service.get("tags", [])}
    repository, number = tags.get(REPOSITORY_TAG, ""), tags.get(NUMBER_TAG, "")
    is_readable = repository and number.isascii() and number.isdigit()
    return EnvironmentKey(repository, int(number)) if is_readable else None


def _tags(tags: Tags) -> Any:
    return [{"key": name, "value": value} for name, value in tags.items()]
