"""Which permissions the calls of environments need, from the same reference as those in ``needs`` [IAM-REFERENCE]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from local.permissions.account import Account, Facts, Need, Parameters, Rule, as_facts

_ELB = "elasticloadbalancing"


def _regional(action: str) -> Rule:
    """AWS knows no resource for it: the region that is asked is all that tells one call from another."""

    def rule(_given: Parameters, account: Account) -> Iterator[Need]:
        yield Need(action, "*", as_facts({"aws:RequestedRegion": account.aws.context.region}))

    return rule


def _list_services(given: Parameters, account: Account) -> Iterator[Need]:
    yield Need("ecs:ListServices", "*", _cluster(given, account))


def _on_services(action: str, name: str) -> Rule:
    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        services = given[name] if isinstance(given[name], list) else [given[name]]
        for service in services:
            arn = account.of_cluster("service", given["cluster"], service)
            yield Need(f"ecs:{action}", arn, _cluster(given, account))
            if "tags" in given:
                yield Need("ecs:TagResource", arn, as_facts({"ecs:CreateAction": action}))

    return rule


def _register(given: Parameters, account: Account) -> Iterator[Need]:
    """Whoever registers a task definition hands its roles on; the revision is not known before."""
    arn = account.arn("ecs", f"task-definition/{given['family']}:*")
    yield Need("ecs:RegisterTaskDefinition", arn)
    if "tags" in given:
        yield Need("ecs:TagResource", arn, as_facts({"ecs:CreateAction": "RegisterTaskDefinition"}))
    for role in ("taskRoleArn", "executionRoleArn"):
        if role in given:
            to_tasks = as_facts({"iam:PassedToService": "ecs-tasks.amazonaws.com"})
            yield Need("iam:PassRole", given[role], to_tasks)


def _create_target_group(given: Parameters, account: Account) -> Iterator[Need]:
    arn = account.arn(_ELB, f"targetgroup/{given['Name']}/*")
    yield Need(f"{_ELB}:CreateTargetGroup", arn)
    yield _tags_of(arn, "CreateTargetGroup")


def _on_target_group(action: str) -> Rule:
    def rule(given: Parameters, _: Account) -> Iterator[Need]:
        yield Need(f"{_ELB}:{action}", given["TargetGroupArn"])

    return rule


def _create_rule(given: Parameters, account: Account) -> Iterator[Need]:
    listener: str = given["ListenerArn"]
    account.tags_of_rules[listener, int(given["Priority"])] = {
        tag["Key"]: tag["Value"] for tag in given["Tags"]
    }
    yield Need(f"{_ELB}:CreateRule", listener)
    yield _tags_of(f"{listener.replace(':listener/', ':listener-rule/')}/*", "CreateRule")


def _delete_rule(given: Parameters, account: Account) -> Iterator[Need]:
    """The tags are those that the rule was made with; a rule that is not there is refused as such."""
    for listener in account.aws.elbv2.listeners.values():
        rule = listener.rules.get(given["RuleArn"])
        if rule is not None:
            tags = account.tags_of_rules.get((listener.arn, rule.priority), {})
            yield Need(f"{_ELB}:DeleteRule", rule.arn, _tagged(tags))


def _tags_of(arn: str, creating: str) -> Need:
    """Tags that come with what is made need a permission of their own [ELB-TAG-CREATE]."""
    return Need(f"{_ELB}:AddTags", arn, as_facts({f"{_ELB}:CreateAction": creating}))


def _describe_images(given: Parameters, account: Account) -> Iterator[Need]:
    region, registry = account.aws.context.region, given["registryId"]
    yield Need("ecr:DescribeImages", f"arn:aws:ecr:{region}:{registry}:repository/{given['repositoryName']}")


def _on_log_group(action: str) -> Rule:
    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        arn = account.arn("logs", f"log-group:{given['logGroupName']}")
        yield Need(f"logs:{action}", arn)
        if "tags" in given:
            yield Need("logs:TagResource", arn)

    return rule


def _cluster(given: Parameters, account: Account) -> Facts:
    return as_facts({"ecs:cluster": account.cluster(given["cluster"])})


def _tagged(tags: Mapping[str, Any]) -> Facts:
    return as_facts({f"aws:ResourceTag/{name}": value for name, value in tags.items()})


OF_ENVIRONMENTS: Final[Mapping[tuple[str, str], Rule]] = {
    ("ecs", "ListServices"): _list_services,
    ("ecs", "DescribeServices"): _on_services("DescribeServices", "services"),
    ("ecs", "CreateService"): _on_services("CreateService", "serviceName"),
    ("ecs", "UpdateService"): _on_services("UpdateService", "service"),
    ("ecs", "DeleteService"): _on_services("DeleteService", "service"),
    ("ecs", "ListTaskDefinitionFamilies"): _regional("ecs:ListTaskDefinitionFamilies"),
    ("ecs", "ListTaskDefinitions"): _regional("ecs:ListTaskDefinitions"),
    ("ecs", "DeregisterTaskDefinition"): _regional("ecs:DeregisterTaskDefinition"),
    ("ecs", "RegisterTaskDefinition"): _register,
    ("elbv2", "DescribeRules"): _regional(f"{_ELB}:DescribeRules"),
    ("elbv2", "DescribeTargetGroups"): _regional(f"{_ELB}:DescribeTargetGroups"),
    ("elbv2", "CreateTargetGroup"): _create_target_group,
    ("elbv2", "ModifyTargetGroup"): _on_target_group("ModifyTargetGroup"),
    ("elbv2", "DeleteTargetGroup"): _on_target_group("DeleteTargetGroup"),
    ("elbv2", "CreateRule"): _create_rule,
    ("elbv2", "DeleteRule"): _delete_rule,
    ("ecr", "DescribeImages"): _describe_images,
    ("logs", "DescribeLogGroups"): _regional("logs:DescribeLogGroups"),
    ("logs", "CreateLogGroup"): _on_log_group("CreateLogGroup"),
    ("logs", "PutRetentionPolicy"): _on_log_group("PutRetentionPolicy"),
    ("logs", "DeleteLogGroup"): _on_log_group("DeleteLogGroup"),
}
