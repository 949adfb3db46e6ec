"""What each function may do in AWS: one policy a function, with exactly the calls that its adapters make. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from local.slipway_cli.infrastructure.places import (
    Places,
    execution_role,
    instance_role,
    named,
)
from slipway.domain.configuration import Configuration, Pool, Registration
from slipway.domain.runners import task_family

Document = dict[str, Any]
Statements = list[Document]

READ_SECRET = "secretsmanager:GetSecretValue"  # noqa: S105 - an action


def function_policies(configuration: Configuration, places: Places) -> dict[str, Document]:
    """Return the policy of each function that is deployed; the redelivery function only where there is an App."""
    made = _Policies(configuration, places)
    policies = {
        "webhook": made.webhook(),
        "scaler": made.scaler(),
        "registrar": made.registrar(),
        "reaper": made.reaper(),
    }
    if configuration.github.app_secret:
        policies["redelivery"] = made.redelivery()
    return {
        name: {"Version": "2012-10-17", "Statement": [*statements, made.logs(name)]}
        for name, statements in policies.items()
    }


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

    def __init__(self, configuration: Configuration, places: Places) -> None:
        self._configuration = configuration
        self._places = places
        self._pools = [pool for _, pool in sorted(configuration.pools.items())]

    def webhook(self) -> Statements:
        secrets = [secret.secret_id for secret in self._configuration.github.webhook_secrets]
        return [self._send("jobs"), self._read_secrets("ReadWebhookSecrets", secrets)]

    def scaler(self) -> Statements:
        consume = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        return [
            _allow("Consume", consume, self._queues("jobs", "events")),
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
            _allow("StartTasks", ["ecs:RunTask"], self._families(), self._in_our_clusters()),
            self._list_tasks(),
            _allow("ReadTasks", ["ecs:DescribeTasks"], self._of_clusters("task")),
            _allow(
                "DrainInstances",
                ["ecs:UpdateContainerInstancesState"],
                self._of_clusters("container-instance"),
                self._in_our_clusters(),
            ),
            self._pass_roles("PassTaskRoles", "ecs-tasks", [self._task_roles(pool) for pool in self._pools]),
            self._pass_roles(
                "PassInstanceRoles",
                "ec2",
                [[self._places.role_arn(instance_role(pool))] for pool in self._pools],
            ),
            *self._launch(),
            self._terminate(),
        ]

    def registrar(self) -> Statements:
        github = self._configuration.github
        statements = [
            self._ledger("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            self._send("events"),
            _allow("ReadTasks", ["ecs:DescribeTasks"], self._of_clusters("task")),
        ]
        if any(pool.exclusive for pool in self._pools):
            statements += self._read_hosts([pool for pool in self._pools if pool.exclusive])
        if github.registration is Registration.ENTERPRISE:
            return [*statements, self._read_secrets("ReadRunnerTokens", github.runner_token_secrets)]
        return [*statements, *self._use_app()]

    def reaper(self) -> Statements:
        github = self._configuration.github
        statements = [
            self._ledger("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            self._send("events"),
            _allow("ReadTasks", ["ecs:DescribeTasks"], self._of_clusters("task")),
            _allow("StopTasks", ["ecs:StopTask"], self._of_clusters("task")),
            *self._read_hosts(self._pools),
            _allow(
                "DrainInstances",
                ["ecs:UpdateContainerInstancesState"],
                self._of_clusters("container-instance"),
                self._in_our_clusters(),
            ),
            self._describe("ReadInstances", "DescribeInstances", "DescribeLaunchTemplates"),
            self._terminate(),
            self._describe("ReadHostImages", "DescribeImages", "DescribeLaunchTemplateVersions"),
            _allow("RenewHostImages", ["ec2:CreateLaunchTemplateVersion"], self._launch_templates()),
            _allow("ReadRecommendedImages", ["ssm:GetParameter"], self._image_parameters()),
        ]
        if github.registration is Registration.ENTERPRISE:
            statements.append(self._read_secrets("ReadRunnerTokens", github.runner_token_secrets))
        return [*statements, *(self._use_app() if github.app_secret else [])]

    def redelivery(self) -> Statements:
        ledger = self._ledger("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
        return [ledger, self._send("jobs"), *self._use_app()]

    def logs(self, function: str) -> Document:
        group = f"log-group:/aws/lambda/{named(self._configuration.deployment, function)}"
        return _allow(
            "WriteLogs",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [self._places.arn("logs", f"{group}:*")],
        )

    def _queues(self, *queues: str) -> list[str]:
        deployment = self._configuration.deployment
        return [self._places.arn("sqs", named(deployment, queue)) for queue in queues]

    def _send(self, *queues: str) -> Document:
        return _allow("Send", ["sqs:SendMessage"], self._queues(*queues))

    def _ledger(self, *calls: str) -> Document:
        table = self._places.arn("dynamodb", f"table/{self._configuration.deployment}")
        return _allow("Ledger", [f"dynamodb:{call}" for call in calls], [table])

    def _read_secrets(self, sid: str, secrets: Iterable[str]) -> Document:
        arns = [self._places.secret_arn(secret) for secret in secrets]
        return _allow(sid, [READ_SECRET], arns)

    def _use_app(self) -> Statements:
        """The App's key, and its tokens, which the functions share."""
        tokens = self._places.arn("ssm", f"parameter/{self._configuration.deployment}/installation-tokens/*")
        return [
            self._read_secrets("ReadAppKey", [self._configuration.github.app_secret or ""]),
            _allow("ShareAppTokens", ["ssm:GetParameter", "ssm:PutParameter"], [tokens]),
        ]

    def _clusters(self, pools: Iterable[Pool]) -> list[str]:
        return [self._places.arn("ecs", f"cluster/{pool.cluster}", pool.region) for pool in pools]

    def _of_clusters(self, kind: str, pools: Iterable[Pool] | None = None) -> list[str]:
        pools = self._pools if pools is None else pools
        return [self._places.arn("ecs", f"{kind}/{pool.cluster}/*", pool.region) for pool in pools]

    def _in_our_clusters(self) -> Document:
        return {"ArnEquals": {"ecs:cluster": self._clusters(self._pools)}}

    def _families(self) -> list[str]:
        regions = {
            profile.name: self._configuration.pools[profile.pool].region
            for profile in self._configuration.profiles.values()
        }
        deployment = self._configuration.deployment
        return [
            self._places.arn("ecs", f"task-definition/{task_family(deployment, name)}:*", region)
            for name, region in sorted(regions.items())
        ]

    def _list_tasks(self) -> Document:
        """ListTasks names no resource without an instance: its cluster is a condition [IAM-ECS-LIST]."""
        return _allow("ListTasks", ["ecs:ListTasks"], ["*"], self._in_our_clusters())

    def _read_hosts(self, pools: Iterable[Pool]) -> Statements:
        pools = list(pools)
        return [
            self._list_tasks(),
            _allow("ListHosts", ["ecs:ListContainerInstances"], self._clusters(pools)),
            _allow(
                "ReadHosts",
                ["ecs:DescribeContainerInstances"],
                self._of_clusters("container-instance", pools),
            ),
        ]

    def _task_roles(self, pool: Pool) -> list[str]:
        return [self._places.role_arn(role) for role in (pool.task_role, execution_role(pool))]

    def _pass_roles(self, sid: str, service: str, roles: Iterable[list[str]]) -> Document:
        arns = sorted({arn for some in roles for arn in some})
        return _allow(
            sid, ["iam:PassRole"], arns, {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
        )

    def _launch_templates(self) -> list[str]:
        return [self._places.arn("ec2", "launch-template/*", region) for region in self._regions()]

    def _launch(self) -> Statements:
        """CreateFleet, and what EC2 checks with it in the caller's name [IAM-CREATE-FLEET]."""
        ours = {"StringEquals": {"aws:RequestTag/slipway:deployment": self._configuration.deployment}}
        made = [
            self._places.arn("ec2", f"{kind}/*", region)
            for region in self._regions()
            for kind in ("instance",)
        ]
        return [
            _allow("Launch", ["ec2:CreateFleet", "ec2:RunInstances"], ["*"]),
            _allow("TagLaunched", ["ec2:CreateTags"], made, ours),
            self._describe("ReadInstances", "DescribeInstances", "DescribeLaunchTemplates"),
        ]

    def _terminate(self) -> Document:
        ours = {"StringEquals": {"aws:ResourceTag/slipway:deployment": self._configuration.deployment}}
        instances = [self._places.arn("ec2", "instance/*", region) for region in self._regions()]
        return _allow("EndInstances", ["ec2:TerminateInstances"], instances, ours)

    def _describe(self, sid: str, *calls: str) -> Document:
        """EC2's Describe calls know no resources [IAM-EC2-DESCRIBE]."""
        return _allow(sid, [f"ec2:{call}" for call in calls], ["*"])

    def _image_parameters(self) -> list[str]:
        return [
            f"arn:{self._places.partition}:ssm:{pool.region}::parameter/aws/service/*" for pool in self._pools
        ]

    def _regions(self) -> list[str]:
        return sorted({pool.region for pool in self._pools})


def _allow(sid: str, actions: list[str], resources: list[str], condition: Document | None = None) -> Document:
    statement: Document = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement
