"""Which permissions a call needs: the actions, the resources, and what conditions are asked about.

One table, a function an operation, from the Service Authorization Reference of each service [IAM-REFERENCE]. An
operation that is not in it raises: nobody knows then what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from local.permissions.account import Account, Facts, Need, Parameters, Rule, as_facts
from local.permissions.needs_of_environments import OF_ENVIRONMENTS
from local.twin.aws.service import Call

# As the EC2 user guide lists them; its `ReEncrypt*` is these two [EC2-DISK-KEY].
_DISK_KEY_USES = ("Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")


def needs_of(call: Call, account: Account) -> Iterator[Need]:
    """Return what a call needs, as it arrives: before it takes effect.

    Raises:
        KeyError: the operation is not in the table.
    """
    yield from NEEDS[call.service, call.operation](call.parameters, account)


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
    cluster = as_facts({"ecs:cluster": account.cluster(given["cluster"])})
    yield Need("ecs:RunTask", definition.arn, cluster)
    to_tasks = as_facts({"iam:PassedToService": "ecs-tasks.amazonaws.com"})
    for role in ("taskRoleArn", "executionRoleArn"):
        if role in definition.request:
            yield Need("iam:PassRole", definition.request[role], to_tasks)


def _on_tasks(action: str, name: str) -> Rule:
    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        cluster = as_facts({"ecs:cluster": account.cluster(given["cluster"])})
        tasks = given[name] if isinstance(given[name], list) else [given[name]]
        for task in tasks:
            yield Need(f"ecs:{action}", account.of_cluster("task", given["cluster"], task), cluster)

    return rule


def _tag_task(given: Parameters, _: Account) -> Iterator[Need]:
    """The resource alone: a tag's keys could be a condition, and the service's list has no cluster [IAM-ECS-TAG]."""
    yield Need("ecs:TagResource", given["resourceArn"])


def _on_hosts(action: str) -> Rule:
    def rule(given: Parameters, account: Account) -> Iterator[Need]:
        cluster = as_facts({"ecs:cluster": account.cluster(given["cluster"])})
        for host in given["containerInstances"]:
            arn = account.of_cluster("container-instance", given["cluster"], host)
            yield Need(f"ecs:{action}", arn, cluster)

    return rule


def _list_tasks(given: Parameters, account: Account) -> Iterator[Need]:
    """Without an instance there is no resource, and only `*` allows it [IAM-ECS-LIST]."""
    cluster = as_facts({"ecs:cluster": account.cluster(given["cluster"])})
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
        yield from _disk_keys(data, account)
        role = data["IamInstanceProfile"]["Arn"].replace(":instance-profile/", ":role/")  # of the same name
        yield Need("iam:PassRole", role, as_facts({"iam:PassedToService": "ec2.amazonaws.com"}))
    if tags:
        # Which of the two actions creates is not documented for fleets; either must do.
        for creating in ("CreateFleet", "RunInstances"):
            facts = (*_request_tags(tags), *as_facts({"ec2:CreateAction": creating}))
            yield Need("ec2:CreateTags", account.arn("ec2", "instance/*"), tuple(sorted(facts)))


def _disk_keys(data: Parameters, account: Account) -> Iterator[Need]:
    """What EC2 does with the keys of disks that are made, in the name of who launches [EC2-DISK-KEY]."""
    for key in _keys_of(data):
        for use in _DISK_KEY_USES:
            yield Need(f"kms:{use}", key, _via_ec2(account))
        yield _grant(key, account)


def _start(given: Parameters, account: Account) -> Iterator[Need]:
    """A start lends EC2 the keys of the disks once more; which they are, the template of the instance tells."""
    yield from _on_instances("StartInstances")(given, account)
    for data in account.templates_of(given["InstanceIds"]):
        for key in _keys_of(data):
            yield _grant(key, account)


def _keys_of(data: Parameters) -> set[str]:
    mappings = data.get("BlockDeviceMappings", [])
    return {mapping["Ebs"]["KmsKeyId"] for mapping in mappings if "KmsKeyId" in mapping.get("Ebs", {})}


def _grant(key: str, account: Account) -> Need:
    facts = (("kms:GrantIsForAWSResource", ("true",)), *_via_ec2(account))
    return Need("kms:CreateGrant", key, facts)


def _via_ec2(account: Account) -> Facts:
    return as_facts({"kms:ViaService": f"ec2.{account.aws.context.region}.amazonaws.com"})


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
    return as_facts({f"aws:RequestTag/{name}": value for name, value in tags.items()})


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
    ("ec2", "StartInstances"): _start,
    ("ec2", "TerminateInstances"): _on_instances("TerminateInstances"),
    ("ec2", "CreateLaunchTemplateVersion"): _new_version,
    ("ec2", "DescribeInstances"): _describe("DescribeInstances"),
    ("ec2", "DescribeImages"): _describe("DescribeImages"),
    ("ec2", "DescribeLaunchTemplates"): _describe("DescribeLaunchTemplates"),
    ("ec2", "DescribeLaunchTemplateVersions"): _describe("DescribeLaunchTemplateVersions"),
    **OF_ENVIRONMENTS,
}
