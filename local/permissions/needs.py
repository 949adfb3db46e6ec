"""Which permissions a call needs: the actions, the resources, and what conditions are asked about.

One table, a function an operation, from the Service Authorization Reference of each service [IAM-REFERENCE]. An
operation that is not in it raises: nobody knows then what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.twin.aws.account import AwsTwin
from local.twin.aws.service import Call

Facts = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One permission: ``facts`` are the condition keys that AWS fills in for it, with their values."""

    action: str
    resource: str
    facts: Facts = ()


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a twin: what its calls' resources are called, and how they are tagged.

    The twin's queues have short names, since functions are given addresses: ``deployment`` is put in front of them
    here, as in an account.
    """

    aws: AwsTwin
    deployment: str

    def arn(self, service: str, resource: str) -> str:
        context = self.aws.context
        return f"arn:aws:{service}:{context.region}:{context.account_id}:{resource}"

    def cluster(self, given: str) -> str:
        return given if given.startswith("arn:") else self.arn("ecs", f"cluster/{given}")

    def of_cluster(self, kind: str, cluster: str, given: str) -> str:
        return given if given.startswith("arn:") else self.arn("ecs", f"{kind}/{cluster}/{given}")

    def queue(self, url: str) -> str:
        return self.arn("sqs", f"{self.deployment}-{url.rpartition('/')[2]}")

    def region(self) -> Facts:
        return _facts({"ec2:Region": self.aws.context.region})

    def instance(self, instance_id: str) -> tuple[str, Facts] | None:
        """Return an instance's ARN and tags; None for one that EC2 does not know and refuses as such."""
        instance = self.aws.ec2.lifecycle.instances.get(instance_id)
        if instance is None:
            return None
        return self.arn("ec2", f"instance/{instance_id}"), self._tags(instance.tags)

    def template(self, specification: Mapping[str, Any]) -> tuple[str, Facts, Mapping[str, Any]]:
        """Return a launch template's ARN, its tags, and the data of the version that is meant."""
        template, number = self.aws.ec2.template(specification)
        tags = {tag["Key"]: tag["Value"] for tag in template.tags}
        arn = self.arn("ec2", f"launch-template/{template.template_id}")
        return arn, self._tags(tags), template.versions[number - 1]

    def parameter(self, name: str) -> str:
        """AWS's own parameters belong to no account [SSM-PUBLIC]."""
        arn = self.arn("ssm", f"parameter/{name.lstrip('/')}")
        own = f":{self.aws.context.account_id}:"
        return arn.replace(own, "::") if name.startswith("/aws/service/") else arn

    def _tags(self, tags: Mapping[str, str]) -> Facts:
        return _facts({f"aws:ResourceTag/{name}": value for name, value in tags.items()})


def needs_of(call: Call, account: Account) -> Iterator[Need]:
    """Return what a call needs, as it arrives: before it takes effect.

    Raises:
        KeyError: the operation is not in the table.
    """
    yield from NEEDS[call.service, call.operation](call.parameters, account)


Parameters = Mapping[str, Any]
Rule = Callable[[Parameters, Account], Iterator[Need]]


def _facts(values: Mapping[str, str | tuple[str, ...]]) -> Facts:
    return tuple(
        sorted((key, (value,) if isinstance(value, str) else value) for key, value in values.items())
    )


def _on_table(action: str) -> Rule:
    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        yield Need(f"dynamodb:{action}", account.arn("dynamodb", f"table/{given['TableName']}"))

    return rule


def _transaction(given: Parameters, account: Account) -> Iterator[Need]:
    """A transaction needs the permission of each of its parts, none of its own [IAM-DDB-TRANSACT]."""
    actions = {
        "Put": "PutItem",
        "Update": "UpdateItem",
        "Delete": "DeleteItem",
        "ConditionCheck": "ConditionCheckItem",
    }
    for item in given["TransactItems"]:
        for kind, part in item.items():
            yield Need(f"dynamodb:{actions[kind]}", account.arn("dynamodb", f"table/{part['TableName']}"))


def _batch(given: Parameters, account: Account) -> Iterator[Need]:
    for table in given["RequestItems"]:
        yield Need("dynamodb:BatchWriteItem", account.arn("dynamodb", f"table/{table}"))


def _on_queue(action: str) -> Rule:
    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        yield Need(f"sqs:{action}", account.queue(given["QueueUrl"]))

    return rule


def _secret(given: Parameters, account: Account) -> Iterator[Need]:
    yield Need("secretsmanager:GetSecretValue", account.aws.secretsmanager.arn_of(given["SecretId"]))


def _on_parameter(action: str) -> Rule:
    """With the account's default key a SecureString needs nothing of KMS [IAM-SSM-DEFAULT-KEY]."""

    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        yield Need(f"ssm:{action}", account.parameter(given["Name"]))

    return rule


def _run_task(given: Parameters, account: Account) -> Iterator[Need]:
    """Whoever starts a task hands it its roles [IAM-RUN-TASK]."""
    definition = account.aws.ecs.definition(given["taskDefinition"])
    cluster = _facts({"ecs:cluster": account.cluster(given["cluster"])})
    yield Need("ecs:RunTask", definition.arn, cluster)
    to_tasks = _facts({"iam:PassedToService": "ecs-tasks.amazonaws.com"})
    for role in ("taskRoleArn", "executionRoleArn"):
        if role in definition.request:
            yield Need("iam:PassRole", definition.request[role], to_tasks)


def _on_tasks(action: str, name: str) -> Rule:
    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        cluster = _facts({"ecs:cluster": account.cluster(given["cluster"])})
        tasks = given[name] if isinstance(given[name], list) else [given[name]]
        for task in tasks:
            yield Need(f"ecs:{action}", account.of_cluster("task", given["cluster"], task), cluster)

    return rule


def _tag_task(given: Parameters, _: Account) -> Iterator[Need]:
    """The resource alone: a tag's keys could be a condition, and the service's list has no cluster [IAM-ECS-TAG]."""
    yield Need("ecs:TagResource", given["resourceArn"])


def _on_hosts(action: str) -> Rule:
    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        cluster = _facts({"ecs:cluster": account.cluster(given["cluster"])})
        for host in given["containerInstances"]:
            arn = account.of_cluster("container-instance", given["cluster"], host)
            yield Need(f"ecs:{action}", arn, cluster)

    return rule


def _list_tasks(given: Parameters, account: Account) -> Iterator[Need]:
    """Without an instance there is no resource, and only `*` allows it [IAM-ECS-LIST]."""
    cluster = _facts({"ecs:cluster": account.cluster(given["cluster"])})
    host = given.get("containerInstance")
    arn = account.of_cluster("container-instance", given["cluster"], host) if host else "*"
    yield Need("ecs:ListTasks", arn, cluster)


def _list_hosts(given: Parameters, account: Account) -> Iterator[Need]:
    yield Need("ecs:ListContainerInstances", account.cluster(given["cluster"]))


def _describe(operation: str) -> Rule:
    def rule(_given: Parameters, account: Account) -> Iterator[Need]:
        yield Need(f"ec2:{operation}", "*", account.region())

    return rule


def _on_instances(action: str) -> Rule:
    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        for instance_id in given["InstanceIds"]:
            known = account.instance(instance_id)
            if known is not None:
                yield Need(f"ec2:{action}", *known)

    return rule


def _new_version(given: Parameters, account: Account) -> Iterator[Need]:
    arn, tags, _ = account.template(given)
    yield Need("ec2:CreateLaunchTemplateVersion", arn, tags)


def _create_fleet(given: Parameters, account: Account) -> Iterator[Need]:
    """What a fleet of type instant launches is launched in its caller's name [IAM-CREATE-FLEET].

    Of what is made by the call there is no id yet: AWS asks for the kind's `*`.
    """
    yield Need("ec2:CreateFleet", account.arn("ec2", "fleet/*"))
    tags = _launched_tags(given)
    for config in given["LaunchTemplateConfigs"]:
        template, of_template, data = account.template(config["LaunchTemplateSpecification"])
        subnets = {override["SubnetId"] for override in config["Overrides"]}
        resources: list[tuple[str, Facts]] = [
            (template, of_template),
            (f"arn:aws:ec2:{account.aws.context.region}::image/{data['ImageId']}", ()),
            (account.arn("ec2", "instance/*"), _request_tags(tags)),
            (account.arn("ec2", "network-interface/*"), ()),
            (account.arn("ec2", "volume/*"), ()),
            *((account.arn("ec2", f"subnet/{name}"), ()) for name in sorted(subnets)),
            *((account.arn("ec2", f"security-group/{name}"), ()) for name in data["SecurityGroupIds"]),
        ]
        for action in ("CreateFleet", "RunInstances"):
            for resource, facts in resources:
                yield Need(f"ec2:{action}", resource, facts)
        role = data["IamInstanceProfile"]["Arn"].replace(":instance-profile/", ":role/")  # of the same name
        yield Need("iam:PassRole", role, _facts({"iam:PassedToService": "ec2.amazonaws.com"}))
    if tags:
        # Which of the two actions creates is not documented for fleets; either must do.
        for creating in ("CreateFleet", "RunInstances"):
            facts = (*_request_tags(tags), *_facts({"ec2:CreateAction": creating}))
            yield Need("ec2:CreateTags", account.arn("ec2", "instance/*"), tuple(sorted(facts)))


def _launched_tags(given: Parameters) -> dict[str, str]:
    kinds = {specification["ResourceType"] for specification in given.get("TagSpecifications", [])}
    if kinds - {"instance"}:
        raise KeyError(f"tags on {sorted(kinds)} need permissions that are not in the table")
    return {
        tag["Key"]: tag["Value"]
        for specification in given.get("TagSpecifications", [])
        for tag in specification["Tags"]
    }


def _request_tags(tags: Mapping[str, str]) -> Facts:
    return _facts({f"aws:RequestTag/{name}": value for name, value in tags.items()})


NEEDS: Final[Mapping[tuple[str, str], Rule]] = {
    ("dynamodb", "GetItem"): _on_table("GetItem"),
    ("dynamodb", "PutItem"): _on_table("PutItem"),
    ("dynamodb", "UpdateItem"): _on_table("UpdateItem"),
    ("dynamodb", "DeleteItem"): _on_table("DeleteItem"),
    ("dynamodb", "Query"): _on_table("Query"),
    ("dynamodb", "TransactWriteItems"): _transaction,
    ("dynamodb", "BatchWriteItem"): _batch,
    ("sqs", "SendMessage"): _on_queue("SendMessage"),
    ("sqs", "ReceiveMessage"): _on_queue("ReceiveMessage"),
    ("sqs", "DeleteMessage"): _on_queue("DeleteMessage"),
    ("sqs", "DeleteMessageBatch"): _on_queue("DeleteMessage"),  # [IAM-SQS-BATCH]
    ("secretsmanager", "GetSecretValue"): _secret,
    ("ssm", "GetParameter"): _on_parameter("GetParameter"),
    ("ssm", "PutParameter"): _on_parameter("PutParameter"),
    ("ecs", "RunTask"): _run_task,
    ("ecs", "StopTask"): _on_tasks("StopTask", "task"),
    ("ecs", "TagResource"): _tag_task,
    ("ecs", "DescribeTasks"): _on_tasks("DescribeTasks", "tasks"),
    ("ecs", "ListTasks"): _list_tasks,
    ("ecs", "ListContainerInstances"): _list_hosts,
    ("ecs", "DescribeContainerInstances"): _on_hosts("DescribeContainerInstances"),
    ("ecs", "UpdateContainerInstancesState"): _on_hosts("UpdateContainerInstancesState"),
    ("ec2", "CreateFleet"): _create_fleet,
    ("ec2", "StartInstances"): _on_instances("StartInstances"),
    ("ec2", "TerminateInstances"): _on_instances("TerminateInstances"),
    ("ec2", "CreateLaunchTemplateVersion"): _new_version,
    ("ec2", "DescribeInstances"): _describe("DescribeInstances"),
    ("ec2", "DescribeImages"): _describe("DescribeImages"),
    ("ec2", "DescribeLaunchTemplates"): _describe("DescribeLaunchTemplates"),
    ("ec2", "DescribeLaunchTemplateVersions"): _describe("DescribeLaunchTemplateVersions"),
}
