"""What the environments function may do to environments: their own parts by name, tag and cluster alone. Pure."""

from __future__ import annotations

from local.infrastructure.places import Places
from local.infrastructure.statements import (
    DEPLOYMENT_TAG,
    Document,
    Statements,
    allow,
    passed_to,
)
from slipway.domain.environments.images import ecr_image
from slipway.domain.environments.names import log_group_prefix
from slipway.domain.environments.settings import Environments

_ELB = "elasticloadbalancing"


def environment_statements(settings: Environments, places: Places) -> Statements:
    """Return the statements that the function has besides those of its queue, the ledger and the App."""
    made = _Statements(settings, places)
    return [*made.services(), *made.load_balancer(), made.images(), *made.logs()]


class _Statements:
    def __init__(self, settings: Environments, places: Places) -> None:
        self._settings = settings
        self._places = places
        self._name = (
            f"{settings.deployment}-pr?????????"  # nine digits: no name of a profile's is so by chance
        )

    def services(self) -> Statements:
        services = self._arn("ecs", f"service/{self._settings.cluster}/{self._name}")
        definitions = self._arn("ecs", f"task-definition/{self._name}-*:*")
        cluster = self._arn("ecs", f"cluster/{self._settings.cluster}")
        changes = ["CreateService", "DeleteService", "DescribeServices", "UpdateService"]
        creating = {"ecs:CreateAction": ["CreateService", "RegisterTaskDefinition"]}
        listing = ["DeregisterTaskDefinition", "ListTaskDefinitionFamilies", "ListTaskDefinitions"]
        return [
            allow("ListServices", ["ecs:ListServices"], ["*"], {"ArnEquals": {"ecs:cluster": [cluster]}}),
            allow("Services", [f"ecs:{call}" for call in changes], [services]),
            allow("RegisterDefinitions", ["ecs:RegisterTaskDefinition"], [definitions]),
            allow("Definitions", [f"ecs:{call}" for call in listing], ["*"], self._in_region()),
            allow("TagServices", ["ecs:TagResource"], [services, definitions], {"StringEquals": creating}),
            allow("PassRoles", ["iam:PassRole"], self._roles(), passed_to("ecs-tasks", self._places)),
        ]

    def load_balancer(self) -> Statements:
        listener = self._settings.listener
        rules = f"{listener.replace(':listener/', ':listener-rule/')}/*"
        groups = self._arn(_ELB, f"targetgroup/{self._name}/*")
        reads, changes = ["DescribeRules", "DescribeTargetGroups"], ["Create", "Delete", "Modify"]
        ours = {f"aws:ResourceTag/{DEPLOYMENT_TAG}": self._settings.deployment}
        creating = {f"{_ELB}:CreateAction": ["CreateRule", "CreateTargetGroup"]}
        return [
            allow("ReadBalancer", [f"{_ELB}:{call}" for call in reads], ["*"], self._in_region()),
            allow("TargetGroups", [f"{_ELB}:{change}TargetGroup" for change in changes], [groups]),
            allow("MakeRules", [f"{_ELB}:CreateRule"], [listener]),
            allow("EndRules", [f"{_ELB}:DeleteRule"], [rules], {"StringEquals": ours}),
            allow("TagBalancer", [f"{_ELB}:AddTags"], [groups, rules], {"StringEquals": creating}),
        ]

    def images(self) -> Document:
        return allow("ReadImages", ["ecr:DescribeImages"], sorted(self._repositories()))

    def logs(self) -> Statements:
        groups = self._arn("logs", f"log-group:{log_group_prefix(self._settings.deployment)}*")
        calls = ["CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", "TagResource"]
        return [
            allow("ListLogGroups", ["logs:DescribeLogGroups"], ["*"], self._in_region()),
            allow("LogGroups", [f"logs:{call}" for call in calls], [groups]),
        ]

    def _arn(self, service: str, resource: str) -> str:
        return self._places.arn(service, resource, self._settings.region)

    def _in_region(self) -> Document:
        """For calls of which AWS knows no resource."""
        return {"StringEquals": {"aws:RequestedRegion": self._settings.region}}

    def _roles(self) -> list[str]:
        templates = self._settings.repositories.values()
        roles = {role for one in templates for role in (one.execution_role, one.task_role) if role}
        return sorted(roles)

    def _repositories(self) -> set[str]:
        """Return the repositories of the templates' images, which may be another account's."""
        images = (ecr_image(template.image) for template in self._settings.repositories.values())
        return {
            f"arn:{self._places.partition}:ecr:{image.region}:{image.registry}:repository/{image.repository}"
            for image in images
            if image is not None
        }
