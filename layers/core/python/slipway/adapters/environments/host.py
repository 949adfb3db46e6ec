"""Everything that an environment is in AWS, made in the order in which each part needs the one before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from slipway.adapters.aws_errors import aws_errors
from slipway.adapters.environments.load_balancer import TOO_MANY_RULES, LoadBalancer
from slipway.adapters.environments.refusals import settled
from slipway.adapters.environments.services import NUMBER_TAG, REPOSITORY_TAG, Services
from slipway.domain.environments.found import Found, Survey
from slipway.domain.environments.names import (
    EnvironmentKey,
    key_of_log_group,
    log_group_prefix,
    resource_name,
)
from slipway.domain.environments.plan import Make
from slipway.domain.environments.settings import Environments
from slipway.domain.environments.spec import Spec
from slipway.domain.errors import RefusedError

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

T = TypeVar("T")
Together = Callable[[Sequence[Callable[[], Any]]], Sequence[Any]]


class AwsEnvironments:
    """Implements ``ports.environments.EnvironmentHost``.

    Log group, target group, rule, service: a target group that no rule names takes no service [ECS-SERVICE-TARGETS],
    and a log group that is not there stops the task. Removed in the opposite order, the log group last, whose name
    says whose it was.
    """

    def __init__(
        self,
        ecs: ECSClient,
        elbv2: Any,
        logs: Any,
        settings: Environments,
        together: Together,
    ) -> None:
        self._services = Services(ecs, settings)
        self._balancer = LoadBalancer(elbv2, settings)
        self._logs = logs
        self._settings = settings
        self._together = together

    def survey(self) -> Survey:
        """Return everything of ours that is there."""
        services, families, groups, (rules, foreign), logs = self._together(
            [
                self._services.found,
                self._services.families,
                self._balancer.target_groups,
                self._balancer.rules,
                self._log_groups,
            ]
        )
        names = {*services, *families, *groups, *rules, *logs}
        found = {}
        for name in sorted(names):
            service, of_service = services.get(name, (None, None))
            of_logs, log_group, has_retention = logs.get(name, (None, None, True))
            found[name] = Found(
                name=name,
                key=of_service or of_logs,
                service=service,
                rules=rules.get(name, ()),
                target_group=groups.get(name),
                log_group=log_group,
                has_retention=has_retention,
                families=families.get(name, frozenset()),
            )
        return Survey(found, foreign)

    def make(self, make: Make) -> None:
        """Make an environment what it should be, from the parts that it has."""
        spec, found = make.spec, make.found
        tags = self._tags(spec)
        if found.log_group is None or not found.has_retention:
            self._create_log_group(spec, tags)
        target_group = self._balancer.ensure_target_group(spec, found.target_group, tags)
        self._ensure_rule(make, target_group, tags)
        if make.deploys:
            self._services.deploy(spec, found.service, found.families, target_group, tags)
        self._services.deregister(make.stale_families)

    def remove(self, found: Found) -> None:
        """Remove every part that is there."""
        if found.is_served:
            self._services.delete(found.name)
        for rule in found.rules:
            self._balancer.delete_rule(rule)
        if found.target_group is not None:
            self._balancer.delete_target_group(found.target_group.arn)
        self._services.deregister(sorted(found.families))
        if found.log_group is not None:
            self._delete_log_group(found.log_group)

    def _ensure_rule(self, make: Make, target_group: str, tags: Mapping[str, str]) -> None:
        """Have one rule for the host name, and none that is left of another."""
        right = [rule for rule in make.found.rules if rule.host == make.spec.host]
        for rule in [rule for rule in make.found.rules if rule not in right[:1]]:
            self._balancer.delete_rule(rule)
        if make.priority is None:
            return
        try:
            self._balancer.create_rule(make.spec.host, make.priority, target_group, dict(tags))
        except RefusedError as fault:
            if fault.code == TOO_MANY_RULES and make.found.service is None:
                self._balancer.delete_target_group(target_group)
                self._delete_log_group(make.spec.log_group)
            raise

    def _log_groups(self) -> dict[str, tuple[EnvironmentKey, str, bool]]:
        """Return our log groups by environment's name: whose, called how, whether they keep lines as they should."""
        found = {}
        with aws_errors("listing log groups"):
            pages = self._logs.get_paginator("describe_log_groups").paginate(
                logGroupNamePrefix=log_group_prefix(self._settings.deployment)
            )
            for group in (group for page in pages for group in page["logGroups"]):
                key = key_of_log_group(self._settings.deployment, group["logGroupName"])
                if key is not None:
                    is_right = group.get("retentionInDays") == self._settings.log_retention_days
                    name = resource_name(self._settings.deployment, key)
                    found[name] = (key, group["logGroupName"], is_right)
        return found

    def _create_log_group(self, spec: Spec, tags: Mapping[str, str]) -> None:
        with settled(f"creating log group {spec.log_group}", "ResourceAlreadyExistsException"):
            self._logs.create_log_group(logGroupName=spec.log_group, tags=dict(tags))
        with aws_errors(f"setting how long log group {spec.log_group} keeps its lines"):
            self._logs.put_retention_policy(
                logGroupName=spec.log_group, retentionInDays=self._settings.log_retention_days
            )

    def _delete_log_group(self, name: str) -> None:
        with settled(f"deleting log group {name}", "ResourceNotFoundException"):
            self._logs.delete_log_group(logGroupName=name)

    def _tags(self, spec: Spec) -> dict[str, str]:
        return {
            "slipway:deployment": self._settings.deployment,
            REPOSITORY_TAG: spec.key.repository,
            NUMBER_TAG: str(spec.key.number),
        }
