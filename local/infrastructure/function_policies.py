"""What each function may do in AWS: one policy a function, with exactly the calls that its adapters make. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from local.infrastructure.environment_policy import environment_statements
from local.infrastructure.places import (
    ENVIRONMENTS,
    DescriptionError,
    Places,
    execution_role,
    instance_role,
    named,
)
from local.infrastructure.statements import DEPLOYMENT_TAG, Document, Statements, allow, passed_to, via
from slipway.domain.configuration import Configuration, Pool, Registration
from slipway.domain.environments.settings import Environments
from slipway.domain.host_images import KindOfImage, kind_of_image
from slipway.domain.runners import task_family

MOST_CHARACTERS = 10_240  # of all inline policies of a role, white space apart [IAM-POLICY-SIZE]
ROOM_FOR_KEY = 250  # for the policy `key`, which both trees add where the deployment has a key of its own
DISK_KEY_USES = ("Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")
READ_SECRET = "secretsmanager:GetSecretValue"  # noqa: S105 - an action


# Every statement whose resource is a whole kind, or all there is, and that no condition narrows, with the reason.
WIDE = {
    "LaunchWithImagesAndDisks": (
        "an image's id changes with each release, and no key tells ours; interfaces and volumes do not exist before, "
        "and are not tagged. What is launched with them is narrowed by LaunchFromOurTemplates, LaunchTaggedInstances "
        "and LaunchIntoOurNetworks, all of which the same call needs"
    ),
    "MakeFleets": "a fleet does not exist before, and one of type instant is nothing but the record of its launch",
}

# What Lambda itself asks in a function's name: no call of ours shows that it is needed.
OF_LAMBDA = {
    "sqs:GetQueueAttributes": "Lambda looks at a queue before it polls it [LAMBDA-SQS-ROLE]",
    "logs:CreateLogStream": "Lambda writes what a function prints [LAMBDA-LOGS-ROLE]",
    "logs:PutLogEvents": "Lambda writes what a function prints [LAMBDA-LOGS-ROLE]",
}


class PolicyTooLongError(DescriptionError):
    """IAM would refuse a function's policy."""


def function_policies(
    configuration: Configuration, places: Places, environments: Environments | None = None
) -> dict[str, Document]:
    """Return the policy of each function that is deployed; the optional ones where they are.

    Raises:
        PolicyTooLongError: there are more pools than a role's policy has room for.
    """
    made = _Policies(configuration, places, environments)
    policies = {
        "webhook": made.webhook(),
        "scaler": made.scaler(),
        "registrar": made.registrar(),
        "reaper": made.reaper(),
    }
    if configuration.github.app_secret:
        policies["redelivery"] = made.redelivery()
    if environments:
        policies[ENVIRONMENTS] = made.environments(environments)
    documents = {
        name: {"Version": "2012-10-17", "Statement": [*statements, made.logs(name)]}
        for name, statements in policies.items()
    }
    for name, document in documents.items():
        _check_size(name, document)
    return documents


def _in_clusters(clusters: list[str]) -> Document:
    return {"ArnLike": {"ecs:cluster": clusters}}


def _check_size(function: str, policy: Document) -> None:
    size, most = len(json.dumps(policy, separators=(",", ":"))), MOST_CHARACTERS - ROOM_FOR_KEY
    if size > most:
        raise PolicyTooLongError(
            f"the policy of {function} has {size:,} characters, and IAM takes {most:,} of a role besides its key's: "
            "share subnets and security groups between pools, or make two deployments of them"
        )


def readers_of(secret: str, policies: Mapping[str, Document], places: Places) -> list[str]:
    """Return the functions whose policies let them read a secret, by its ARN or name."""
    arn = places.secret_arn(secret)
    return sorted(
        name
        for name, policy in policies.items()
        if any(
            READ_SECRET in statement["Action"] and arn in statement["Resource"]
            for statement in policy["Statement"]
        )
    )


class _Policies:
    """The statements of each function; a statement's Sid says what it is for."""

    def __init__(
        self, configuration: Configuration, places: Places, environments: Environments | None
    ) -> None:
        self._configuration = configuration
        self._woken = [ENVIRONMENTS] if environments else []
        self._places = places
        self._pools = [pool for _, pool in sorted(configuration.pools.items())]

    def webhook(self) -> Statements:
        secrets = [secret.secret_id for secret in self._configuration.github.webhook_secrets]
        return [self._send("jobs", *self._woken), self._read_secrets("ReadWebhookSecrets", secrets)]

    def scaler(self) -> Statements:
        return [
            self._consume("jobs", "events"),
            self._send("dead-letters", "events"),
            self._ledger(
                "BatchWriteItem",
                "ConditionCheckItem",
                "DeleteItem",
                "GetItem",
                "PutItem",
                "Query",
                "UpdateItem",
            ),
            allow("StartTasks", ["ecs:RunTask"], self._families(), _in_clusters(self._of_pools("cluster"))),
            allow("Tasks", ["ecs:DescribeTasks"], self._of_pools("task", "/*")),
            *self._tags(),
            *self._hosts(None, "DescribeContainerInstances", "UpdateContainerInstancesState"),
            self._pass_roles("PassTaskRoles", "ecs-tasks", [self._task_roles(pool) for pool in self._pools]),
            self._pass_roles(
                "PassInstanceRoles",
                "ec2",
                [[self._places.role_arn(instance_role(pool))] for pool in self._pools],
            ),
            *self._launch(),
            *self._start(),
            *self._use_disk_keys(),
            self._terminate(),
        ]

    def registrar(self) -> Statements:
        github = self._configuration.github
        statements = [
            self._ledger("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"),
            self._send("events"),
            self._tasks("DescribeTasks"),
        ]
        if exclusive := [pool for pool in self._pools if pool.exclusive]:
            statements += self._hosts(exclusive, "DescribeContainerInstances")
        if github.registration is Registration.ENTERPRISE:
            return [*statements, self._read_secrets("ReadRunnerTokens", github.runner_token_secrets)]
        return [*statements, *self._use_app()]

    def reaper(self) -> Statements:
        github = self._configuration.github
        statements = [
            self._ledger("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            self._send("events"),
            self._tasks("DescribeTasks", "StopTask"),
            *self._hosts(None, "DescribeContainerInstances", "UpdateContainerInstancesState"),
            self._read_ec2("ReadInstances", "DescribeInstances", "DescribeLaunchTemplates"),
            self._terminate(),
            self._read_ec2("ReadHostImages", "DescribeImages", "DescribeLaunchTemplateVersions"),
            allow(
                "RenewHostImages",
                ["ec2:CreateLaunchTemplateVersion"],
                self._all("launch-template"),
                self._ours(),
            ),
            allow("ReadRecommendedImages", ["ssm:GetParameter"], self._image_parameters()),
        ]
        if github.registration is Registration.ENTERPRISE:
            statements.append(self._read_secrets("ReadRunnerTokens", github.runner_token_secrets))
        return [*statements, *(self._use_app() if github.app_secret else [])]

    def redelivery(self) -> Statements:
        ledger = self._ledger("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
        return [ledger, self._send("jobs"), *self._use_app()]

    def environments(self, settings: Environments) -> Statements:
        return [
            self._consume(ENVIRONMENTS),
            self._send("dead-letters", ENVIRONMENTS),
            self._ledger("BatchWriteItem", "DeleteItem", "GetItem", "Query", "UpdateItem"),
            *environment_statements(settings, self._places),
            *self._use_app(),
        ]

    def logs(self, function: str) -> Document:
        group = f"log-group:/aws/lambda/{named(self._configuration.deployment, function)}"
        return allow(
            "WriteLogs",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [self._places.arn("logs", f"{group}:log-stream:*")],
        )

    def _queues(self, *queues: str) -> list[str]:
        deployment = self._configuration.deployment
        return [self._places.arn("sqs", named(deployment, queue)) for queue in queues]

    def _consume(self, *queues: str) -> Document:
        """What Lambda asks in a function's name [LAMBDA-SQS-ROLE]."""
        actions = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        return allow("Consume", actions, self._queues(*queues))

    def _send(self, *queues: str) -> Document:
        return allow("Send", ["sqs:SendMessage"], self._queues(*queues))

    def _ledger(self, *calls: str) -> Document:
        table = self._places.arn("dynamodb", f"table/{self._configuration.deployment}")
        return allow("Ledger", [f"dynamodb:{call}" for call in calls], [table])

    def _read_secrets(self, sid: str, secrets: Iterable[str]) -> Document:
        arns = [self._places.secret_arn(secret) for secret in secrets]
        return allow(sid, [READ_SECRET], arns)

    def _use_app(self) -> Statements:
        """The App's key, and its tokens, which the functions share."""
        tokens = self._places.arn("ssm", f"parameter/{self._configuration.deployment}/installation-tokens/*")
        return [
            self._read_secrets("ReadAppKey", [self._configuration.github.app_secret or ""]),
            allow("ShareAppTokens", ["ssm:GetParameter", "ssm:PutParameter"], [tokens]),
        ]

    def _of_clusters(self, kind: str, pools: Iterable[Pool], within: str = "/*") -> list[str]:
        return [self._places.arn("ecs", f"{kind}/{pool.cluster}{within}", pool.region) for pool in pools]

    def _of_pools(self, kind: str, within: str = "") -> list[str]:
        """Return the same of every pool by how their clusters' names begin, since a list would have no room.

        No other deployment's begin so: its name has no hyphen. The cluster of environments does, and has no hosts.
        """
        begins = f"{kind}/{self._configuration.deployment}-*{within}"
        return [self._places.arn("ecs", begins, region) for region in self._regions()]

    def _families(self) -> list[str]:
        """RunTask names a family, and ECS takes its newest revision."""
        regions = {
            profile.name: self._configuration.pools[profile.pool].region
            for profile in self._configuration.profiles.values()
        }
        deployment = self._configuration.deployment
        return [
            self._places.arn("ecs", f"task-definition/{task_family(deployment, name)}:*", region)
            for name, region in sorted(regions.items())
        ]

    def _tasks(self, *calls: str) -> Document:
        return allow("Tasks", [f"ecs:{call}" for call in calls], self._of_clusters("task", self._pools))

    def _tags(self) -> Statements:
        if not self._configuration.tags_tasks:
            return []
        return [allow("TagTasks", ["ecs:TagResource"], self._of_clusters("task", self._pools))]

    def _hosts(self, pools: list[Pool] | None, *calls: str) -> Statements:
        """ListTasks names no resource without an instance: its cluster is a condition [IAM-ECS-LIST].

        Hosts of all pools are listed; who looks at some of them alone knows their ARNs.
        """
        listing: Statements = []
        if pools is None:  # all of them
            clusters, hosts = self._of_pools("cluster"), self._of_pools("container-instance", "/*")
            listing = [allow("ListHosts", ["ecs:ListContainerInstances"], clusters)]
        else:
            clusters = self._of_clusters("cluster", pools, "")
            hosts = self._of_clusters("container-instance", pools)
        return [
            allow("ListTasks", ["ecs:ListTasks"], ["*"], _in_clusters(clusters)),
            *listing,
            allow("Hosts", [f"ecs:{call}" for call in calls], hosts),
        ]

    def _task_roles(self, pool: Pool) -> list[str]:
        return [self._places.role_arn(role) for role in (pool.task_role, execution_role(pool))]

    def _pass_roles(self, sid: str, service: str, roles: Iterable[list[str]]) -> Document:
        arns = sorted({arn for some in roles for arn in some})
        return allow(sid, ["iam:PassRole"], arns, passed_to(service, self._places))

    def _launch(self) -> Statements:
        """CreateFleet, and what EC2 checks with it in the caller's name [IAM-CREATE-FLEET].

        Only from templates that bear our tag, only instances that get it, only into the pools' networks, whose ids are
        their own in every account: a subnet that another account shares is that account's [IAM-SHARED-SUBNET]. Nothing
        else is tagged: a launch template that tags volumes or interfaces would need more.
        """
        launch = ["ec2:CreateFleet", "ec2:RunInstances"]
        networks = {
            f"arn:{self._places.partition}:ec2:{pool.region}:*:{kind}/{name}"
            for pool in self._pools
            for kind, names in (("subnet", pool.subnets), ("security-group", pool.security_groups))
            for name in names
        }
        images = [
            f"arn:{self._places.partition}:ec2:{region}::image/*" for region in self._regions()
        ]  # an image may belong to another account
        made = [*images, *self._all("network-interface"), *self._all("volume")]
        return [
            allow("LaunchFromOurTemplates", launch, self._all("launch-template"), self._ours()),
            allow("LaunchTaggedInstances", launch, self._all("instance"), self._tagged_ours()),
            allow("LaunchIntoOurNetworks", launch, sorted(networks)),
            allow("LaunchWithImagesAndDisks", launch, made),
            allow("MakeFleets", ["ec2:CreateFleet"], self._all("fleet")),
            allow(
                "TagLaunched",
                ["ec2:CreateTags"],
                self._all("instance"),
                {
                    "StringEquals": {
                        **self._tagged_ours()["StringEquals"],
                        "ec2:CreateAction": ["CreateFleet", "RunInstances"],
                    }
                },
            ),
            self._read_ec2("ReadInstances", "DescribeInstances"),
        ]

    def _start(self) -> Statements:
        """Of the stopped tier, where a pool has one."""
        if not any(pool.stopped_instances for pool in self._pools):
            return []
        return [
            allow("StartInstances", ["ec2:StartInstances"], self._all("instance"), self._ours()),
        ]

    def _use_disk_keys(self) -> Statements:
        """Whoever launches or starts an instance lets EC2 use the key of its disks [EC2-DISK-KEY]."""
        keys = {pool.disk_key: pool.region for pool in self._pools if pool.disk_key}
        if not keys:
            return []
        through_ec2 = via([f"ec2.{region}" for region in sorted({*keys.values()})], self._places)
        granting = {**through_ec2, "Bool": {"kms:GrantIsForAWSResource": "true"}}
        return [
            allow("EncryptDisks", [f"kms:{use}" for use in DISK_KEY_USES], sorted(keys), through_ec2),
            allow("LendDiskKeys", ["kms:CreateGrant"], sorted(keys), granting),
        ]

    def _terminate(self) -> Document:
        return allow("EndInstances", ["ec2:TerminateInstances"], self._all("instance"), self._ours())

    def _ours(self) -> Document:
        """Ids are not known before they are made: a tag tells what is ours."""
        return {"StringEquals": {f"aws:ResourceTag/{DEPLOYMENT_TAG}": self._configuration.deployment}}

    def _tagged_ours(self) -> Document:
        return {"StringEquals": {f"aws:RequestTag/{DEPLOYMENT_TAG}": self._configuration.deployment}}

    def _all(self, kind: str) -> list[str]:
        """Every resource of a kind of EC2's in the pools' regions."""
        return [self._places.arn("ec2", f"{kind}/*", region) for region in self._regions()]

    def _read_ec2(self, sid: str, *calls: str) -> Document:
        """EC2's Describe calls know no resources, only regions [IAM-EC2-DESCRIBE]."""
        regions = {"StringEquals": {"ec2:Region": self._regions()}}
        return allow(sid, [f"ec2:{call}" for call in calls], ["*"], regions)

    def _image_parameters(self) -> list[str]:
        """AWS's own parameters are no account's; those alone that name the pools' images."""
        arns = {
            f"arn:{self._places.partition}:ssm:{pool.region}::parameter{self._kind(pool).parameter}"
            for pool in self._pools
        }
        return sorted(arns)

    def _kind(self, pool: Pool) -> KindOfImage:
        profiles = self._configuration.profiles.values()
        has_gpus = any(profile.size.gpus for profile in profiles if profile.pool == pool.name)
        return kind_of_image(pool, has_gpus=has_gpus)

    def _regions(self) -> list[str]:
        return sorted({pool.region for pool in self._pools})
