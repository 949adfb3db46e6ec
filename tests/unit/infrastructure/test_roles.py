"""Roles as policy documents: what a job, ECS and a host may do, and nothing besides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.infrastructure.places import Places
from local.infrastructure.roles import pool_roles
from slipway.domain.configuration import Configuration
from tests.builders import a_configuration, a_pool, a_profile

PLACES = Places("111122223333", "https://claims.example", "eu-west-1", "a1b2c3d4e5")
IMAGE = "444455556666.dkr.ecr.us-east-1.amazonaws.com/slipway/runner@sha256:" + "a" * 64
WRITES_TO_A_REGISTRY = ("Put", "Upload", "Initiate", "Complete", "Create")


def roles(configuration: Configuration | None = None) -> dict[str, dict[str, Any]]:
    made = configuration or a_configuration()
    return pool_roles(made, next(iter(made.pools.values())), PLACES)


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = role["policy"]["Statement"]
    return found


def actions(role: dict[str, Any]) -> set[str]:
    found = [statement["Action"] for statement in statements(role)]
    return {action for entry in found for action in ([entry] if isinstance(entry, str) else entry)}


def test_a_job_holds_two_routes_of_the_claim_api_and_nothing_else() -> None:
    task = roles()["task"]
    assert statements(task) == [
        {
            "Sid": "ClaimAndRelease",
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": [
                "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3d4e5/*/POST/v1/claim",
                "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3d4e5/*/POST/v1/release",
            ],
        }
    ]
    assert (task["name"], task["attached_policies"]) == ("slipway-general-task", [])


def test_the_operator_s_policy_and_worker_logs_are_added_where_they_are_asked_for() -> None:
    profile = a_profile(worker_logs="s3://acme-logs/workers")
    policy = "arn:aws:iam::111122223333:policy/deploy"
    task = roles(a_configuration([profile], [a_pool(task_policy=policy)]))["task"]
    assert task["attached_policies"] == [policy]
    assert statements(task)[1]["Action"] == "s3:PutObject"
    assert statements(task)[1]["Resource"] == ["arn:aws:s3:::acme-logs/workers/*"]


@pytest.mark.parametrize("name", ["task", "execution"])
def test_only_ecs_in_this_account_and_region_can_take_a_task_s_roles(name: str) -> None:
    """[ECS-ROLE-TRUST]"""
    (statement,) = roles()[name]["trust_policy"]["Statement"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "111122223333"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ecs:eu-west-1:111122223333:*"},
    }


def test_ecs_pulls_the_pool_s_images_and_writes_its_log_group_only() -> None:
    execution = roles(a_configuration([a_profile(image=IMAGE)]))["execution"]
    by_name = {statement["Sid"]: statement for statement in statements(execution)}
    assert by_name["Pull"]["Resource"] == ["arn:aws:ecr:us-east-1:444455556666:repository/slipway/runner"]
    group = "arn:aws:logs:eu-west-1:111122223333:log-group:/ecs/slipway-general:log-stream:*"
    assert by_name["WriteLogs"]["Resource"] == group
    assert set(by_name) == {"WriteLogs", "LogIn", "Pull"}


def test_an_image_of_another_registry_needs_no_permission_of_aws() -> None:
    assert "ecr:BatchGetImage" not in actions(roles()["execution"])


def test_task_role_cannot_write_mirror_or_cache() -> None:
    made = roles(
        a_configuration([a_profile(image=IMAGE)], [a_pool(registry_mirror="https://mirror.example")])
    )
    for role in made.values():
        written = {a for a in actions(role) if a.startswith(("ecr:", "s3:"))}
        assert not {a for a in written if a.partition(":")[2].startswith(WRITES_TO_A_REGISTRY)}
    assert actions(made["task"]) == {"execute-api:Invoke"}


def test_exclusive_instance_role_cannot_undrain_or_leave_its_cluster() -> None:
    """[ECS-AGENT-CALLS]"""
    exclusive = roles(a_configuration(pools=[a_pool(exclusive=True)]))["instance"]
    assert "ecs:UpdateContainerInstancesState" not in actions(exclusive)
    for statement in statements(exclusive):
        resources = statement["Resource"]
        if statement["Sid"] not in ("Discover", "LogIn"):
            assert "slipway-general" in str(resources), statement
            assert resources != "*"
    assert "ecs:UpdateContainerInstancesState" in actions(roles()["instance"])


def test_no_role_of_a_pool_can_start_or_stop_a_task_or_read_a_secret() -> None:
    for role in roles(a_configuration([a_profile(image=IMAGE)])).values():
        assert not {
            a for a in actions(role) if a.startswith(("iam:", "sts:", "secretsmanager:", "ec2:", "ssm:"))
        }
        assert not {"ecs:RunTask", "ecs:StartTask", "ecs:StopTask", "ecs:ExecuteCommand"} & actions(role)


def test_other_partitions_have_arns_of_their_own() -> None:
    pool = a_pool(region="cn-north-1")
    trust = pool_roles(a_configuration(pools=[pool]), pool, replace(PLACES, partition="aws-cn"))["task"][
        "trust_policy"
    ]
    condition = trust["Statement"][0]["Condition"]
    assert condition["ArnLike"] == {"aws:SourceArn": "arn:aws-cn:ecs:cn-north-1:111122223333:*"}
