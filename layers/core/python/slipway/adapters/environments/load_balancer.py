"""The shared load balancer: a target group and a rule of its listener for each environment."""

from __future__ import annotations

from typing import Any

from slipway.adapters.aws_errors import aws_errors
from slipway.adapters.environments.refusals import settled
from slipway.domain.environments.found import ForeignRule, FoundRule, FoundTargetGroup
from slipway.domain.environments.names import is_resource_name
from slipway.domain.environments.settings import Environments
from slipway.domain.environments.spec import Spec

Tags = dict[str, str]
TOO_MANY_RULES = "TooManyRules"


class LoadBalancer:
    """Rules and target groups of one listener [ELB-RULES]."""

    def __init__(self, client: Any, settings: Environments) -> None:
        self._client = client
        self._settings = settings

    def target_groups(self) -> dict[str, FoundTargetGroup]:
        """Return ours, by name."""
        found: dict[str, FoundTargetGroup] = {}
        with aws_errors("listing target groups"):
            for page in self._client.get_paginator("describe_target_groups").paginate():
                for group in page["TargetGroups"]:
                    name = group["TargetGroupName"]
                    if is_resource_name(self._settings.deployment, name):
                        path = group.get("HealthCheckPath", "")
                        found[name] = FoundTargetGroup(group["TargetGroupArn"], path)
        return found

    def rules(self) -> tuple[dict[str, tuple[FoundRule, ...]], tuple[ForeignRule, ...]]:
        """Return our rules by the name of the target group that they forward to, and all others but the default one."""
        ours: dict[str, tuple[FoundRule, ...]] = {}
        foreign: list[ForeignRule] = []
        with aws_errors("listing rules"):
            pages = self._client.get_paginator("describe_rules").paginate(ListenerArn=self._settings.listener)
            for rule in (rule for page in pages for rule in page["Rules"] if not rule["IsDefault"]):
                hosts, priority = _hosts(rule), int(rule["Priority"])
                name = _target_group_name(rule)
                if is_resource_name(self._settings.deployment, name):
                    found = FoundRule(rule["RuleArn"], hosts[0] if len(hosts) == 1 else "", priority)
                    ours[name] = (*ours.get(name, ()), found)
                else:
                    foreign.append(ForeignRule(hosts, priority))
        return ours, tuple(foreign)

    def ensure_target_group(self, spec: Spec, found: FoundTargetGroup | None, tags: Tags) -> str:
        """Return the ARN of an environment's target group; the same one made twice is one [ELB-TARGET-GROUP-TWICE]."""
        if found is None:
            with aws_errors(f"creating target group {spec.name}"):
                made = self._client.create_target_group(
                    Name=spec.name,
                    Protocol="HTTP",
                    Port=spec.port,
                    VpcId=self._settings.vpc,
                    TargetType="ip",
                    HealthCheckPath=spec.health_path,
                    Matcher={"HttpCode": "200-399"},
                    Tags=_tags(tags),
                )
            return str(made["TargetGroups"][0]["TargetGroupArn"])
        if found.health_path != spec.health_path:
            with aws_errors(f"changing target group {spec.name}"):
                self._client.modify_target_group(TargetGroupArn=found.arn, HealthCheckPath=spec.health_path)
        return found.arn

    def create_rule(self, host: str, priority: int, target_group: str, tags: Tags) -> None:
        """Let the listener send a host name to a target group."""
        with aws_errors(f"creating the rule of {host}"):
            self._client.create_rule(
                ListenerArn=self._settings.listener,
                Priority=priority,
                Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}],
                Actions=[{"Type": "forward", "TargetGroupArn": target_group}],
                Tags=_tags(tags),
            )

    def delete_rule(self, rule: FoundRule) -> None:
        """Delete a rule, there or not."""
        with settled(f"deleting the rule of {rule.host}", "RuleNotFound"):
            self._client.delete_rule(RuleArn=rule.arn)

    def delete_target_group(self, arn: str) -> None:
        """Delete a target group, there or not; a rule must not name it any more [ELB-TARGET-GROUP-IN-USE]."""
        with settled("deleting a target group", "TargetGroupNotFound"):
            self._client.delete_target_group(TargetGroupArn=arn)


def _hosts(rule: Any) -> tuple[str, ...]:
    """Return a rule's host patterns: those of its host conditions, all of them where it has none."""
    conditions = [one for one in rule.get("Conditions", []) if one.get("Field") == "host-header"]
    hosts = [
        host.lower()
        for one in conditions
        for host in one.get("HostHeaderConfig", {}).get("Values") or one.get("Values", [])
    ]
    return tuple(hosts) if conditions else ()


def _target_group_name(rule: Any) -> str:
    """Return the name of the only target group that a rule forwards to, as its ARN has it; else nothing."""
    arns = [action.get("TargetGroupArn", "") for action in rule.get("Actions", [])]
    parts = arns[0].rpartition(":targetgroup/")[2].split("/") if len(arns) == 1 else [""]
    return parts[0]


def _tags(tags: Tags) -> Any:
    return [{"Key": name, "Value": value} for name, value in tags.items()]
