"""The three roles of a pool, as policy documents: what a job holds, what ECS holds for it, what its host holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from local.infrastructure.places import (
    Places,
    execution_role,
    instance_role,
    log_group,
    partition_of,
)
from slipway.domain.configuration import Configuration, Pool, Profile

Document = dict[str, Any]

CLAIM_ROUTES = ("v1/claim", "v1/release")
_ECR = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<name>[^@:]+)[@:].*"
)
# What the agent calls, on its cluster and on itself [ECS-AGENT-CALLS].
_AGENT_CALLS = (
    "ecs:DeregisterContainerInstance",
    "ecs:RegisterContainerInstance",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
)
_AGENT_OWN_CALLS = ("ecs:Poll", "ecs:StartTelemetrySession")


def pool_roles(configuration: Configuration, pool: Pool, places: Places) -> dict[str, Document]:
    """Return a pool's roles (``task``, ``execution``, ``instance``): name, trust policy, policy, attached policies."""
    profiles = [profile for profile in configuration.profiles.values() if profile.pool == pool.name]
    return {
        "task": {
            "name": pool.task_role,
            "trust_policy": _trusted_tasks(pool, places),
            "policy": _policy(_task_statements(profiles, places)),
            "attached_policies": [pool.task_policy] if pool.task_policy else [],
        },
        "execution": {
            "name": execution_role(pool),
            "trust_policy": _trusted_tasks(pool, places),
            "policy": _policy(_execution_statements(pool, profiles, places)),
            "attached_policies": [],
        },
        "instance": {
            "name": instance_role(pool),
            "trust_policy": _trust("ec2", {}),
            "policy": _policy(_instance_statements(pool, profiles, places)),
            "attached_policies": [],
        },
    }


def _task_statements(profiles: Iterable[Profile], places: Places) -> list[Document]:
    """Two routes of the claim API and nothing else: every job of the pool holds this role."""
    api = places.arn("execute-api", places.claim_api_id)
    statements = [
        {
            "Sid": "ClaimAndRelease",
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": [f"{api}/*/POST/{route}" for route in CLAIM_ROUTES],
        }
    ]
    prefixes = sorted({profile.worker_logs for profile in profiles if profile.worker_logs})
    if prefixes:  # then the pool serves one organization
        arns = [f"arn:{places.partition}:s3:::{prefix.removeprefix('s3://')}/*" for prefix in prefixes]
        statements.append(
            {"Sid": "WorkerLogs", "Effect": "Allow", "Action": "s3:PutObject", "Resource": arns}
        )
    return statements


def _execution_statements(pool: Pool, profiles: Iterable[Profile], places: Places) -> list[Document]:
    group = places.arn("logs", f"log-group:{log_group(pool)}", pool.region)
    return [
        {
            "Sid": "WriteLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{group}:log-stream:*",
        },
        *_pull_statements(pool, profiles),
    ]


def _pull_statements(pool: Pool, profiles: Iterable[Profile]) -> list[Document]:
    """Allow pulling the profiles' images from ECR; others need no permission of AWS."""
    found = [_ECR.fullmatch(profile.image) for profile in profiles]
    repositories = sorted(
        f"arn:{partition_of(pool.region)}:ecr:{image['region']}:{image['account']}:repository/{image['name']}"
        for image in found
        if image
    )
    if not repositories:
        return []
    return [
        {"Sid": "LogIn", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {
            "Sid": "Pull",
            "Effect": "Allow",
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": list(dict.fromkeys(repositories)),
        },
    ]


def _instance_statements(pool: Pool, profiles: Iterable[Profile], places: Places) -> list[Document]:
    """Let a host be a container instance of its own cluster, and pull images before its first task.

    On an exclusive host a job may be root, and then holds this role: so there it cannot undo its own draining.
    """
    cluster = places.arn("ecs", f"cluster/{pool.cluster}", pool.region)
    instances = places.arn("ecs", f"container-instance/{pool.cluster}/*", pool.region)
    own_calls = list(_AGENT_OWN_CALLS)
    if not pool.exclusive:
        own_calls.append("ecs:UpdateContainerInstancesState")  # the agent drains itself when Spot warns
    return [
        {"Sid": "Register", "Effect": "Allow", "Action": list(_AGENT_CALLS), "Resource": cluster},
        {
            "Sid": "Own",
            "Effect": "Allow",
            "Action": own_calls,
            "Resource": instances,
            "Condition": {"ArnEquals": {"ecs:cluster": cluster}},
        },
        {"Sid": "Discover", "Effect": "Allow", "Action": "ecs:DiscoverPollEndpoint", "Resource": "*"},
        *_pull_statements(pool, profiles),
    ]


def _trusted_tasks(pool: Pool, places: Places) -> Document:
    """Let ECS assume a role for tasks of this account and region only [ECS-ROLE-TRUST]."""
    source = places.arn("ecs", "*", pool.region)
    condition = {
        "StringEquals": {"aws:SourceAccount": places.account_id},
        "ArnLike": {"aws:SourceArn": source},
    }
    return _trust("ecs-tasks", {"Condition": condition})


def _trust(service: str, more: Document) -> Document:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
        **more,
    }
    return _policy([statement])


def _policy(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
