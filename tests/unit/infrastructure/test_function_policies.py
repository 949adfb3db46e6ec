"""Functions' policies as documents: what each may do, in which regions, and what no function may."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.configuration.check import check
from local.infrastructure.cloudformation.sam_files import FOLDER
from local.infrastructure.cloudformation.template_text import read_template
from local.infrastructure.function_policies import (
    OF_LAMBDA,
    ROOM_FOR_KEY,
    WIDE,
    PolicyTooLongError,
    function_policies,
)
from local.infrastructure.places import Places
from local.infrastructure.roles import pool_roles
from local.permissions.account import Need
from local.permissions.policies import allows
from local.permissions.record import granted, wide
from slipway.domain.configuration import Configuration, Pool, Registration, WebhookSecret
from slipway.domain.environments.settings import Environments
from tests.builders import a_configuration, a_github, a_pool, a_profile
from tests.support.environments import a_template, settings

ROOT = Path(__file__).parents[3]
PLACES = Places("111122223333", "https://claims.example", "eu-west-1", "a1b2c3d4e5", "f6g7h8i9j0")
WEBHOOK, APP, TOKEN = "slipway/webhook", "slipway/app", "slipway/runner-token"
ALL = ("webhook", "scaler", "registrar", "reaper", "redelivery")


def configured(
    registration: Registration = Registration.ENTERPRISE, pools: Any = None, **github: Any
) -> Configuration:
    target = a_github(
        registration=registration,
        webhook_secrets=(WebhookSecret(WEBHOOK),),
        app_secret=APP,
        runner_token_secrets=(TOKEN,),
    )
    pools = pools or [
        a_pool(stopped_instances=1),
        a_pool(name="alone", cluster="slipway-alone", exclusive=True),
    ]
    profiles = [a_profile(name=f"of-{pool.name}", pool=pool.name) for pool in pools]
    return a_configuration(profiles, pools, replace(target, **github))


def policies(
    configuration: Configuration | None = None,
    places: Places = PLACES,
    environments: Environments | None = None,
) -> dict[str, Any]:
    return function_policies(configuration or configured(), places, environments)


def statements(policy: dict[str, Any], action: str) -> list[dict[str, Any]]:
    return [statement for statement in policy["Statement"] if action in statement["Action"]]


def resources(policy: dict[str, Any], action: str) -> list[str]:
    return [resource for statement in statements(policy, action) for resource in statement["Resource"]]


def readers(secret: str, registration: Registration) -> set[str]:
    arn = f"arn:aws:secretsmanager:eu-west-1:111122223333:secret:{secret}-??????"
    made = policies(configured(registration))
    return {name for name in made if arn in resources(made[name], "secretsmanager:GetSecretValue")}


@pytest.mark.parametrize("registration", Registration)
def test_only_registrar_and_reaper_read_pat(registration: Registration) -> None:
    is_enterprise = registration is Registration.ENTERPRISE
    assert readers(TOKEN, registration) == ({"registrar", "reaper"} if is_enterprise else set())


@pytest.mark.parametrize("registration", Registration)
def test_the_webhook_reads_its_own_secrets_alone_and_the_scaler_none(registration: Registration) -> None:
    assert readers(WEBHOOK, registration) == {"webhook"}
    assert readers(APP, registration) <= {"registrar", "reaper", "redelivery"}
    made = policies(configured(registration))
    assert len(resources(made["webhook"], "secretsmanager:GetSecretValue")) == 1
    assert statements(made["scaler"], "secretsmanager:GetSecretValue") == []


def test_no_function_reads_a_secret_by_a_pattern_that_takes_in_another() -> None:
    for policy in policies().values():
        for resource in resources(policy, "secretsmanager:GetSecretValue"):
            assert resource.endswith(tuple(f"secret:{name}-??????" for name in (WEBHOOK, APP, TOKEN)))


def test_canary_secrets_are_absent_from_function_environments_and_no_function_can_look_into_another() -> None:
    """What a function holds stands in its own memory alone: none may read another's settings, code or credentials."""
    made = policies()
    actions = {action for _, _, action in granted(made)}
    assert {action.partition(":")[0] for action in actions} == {
        "dynamodb", "ec2", "ecs", "iam", "logs", "secretsmanager", "sqs", "ssm"
    }  # fmt: skip
    assert {action for action in actions if action.startswith("iam:")} == {"iam:PassRole"}
    assert not any("*" in action for action in actions)
    assert not {"ecs:ExecuteCommand", "ecs:RegisterTaskDefinition", "logs:GetLogEvents"} & actions
    assert "SecretString" not in repr(made)


def test_every_wide_statement_has_its_reason_and_no_reason_is_without_its_statement() -> None:
    assert {sid for _, sid in wide(policies())} == set(WIDE)
    assert all(len(reason) > 40 for reason in WIDE.values())
    assert {action for _, _, action in granted(policies())} >= set(OF_LAMBDA)


def test_what_is_launched_started_and_ended_is_ours_by_its_tag() -> None:
    made = policies()
    for action in ("ec2:TerminateInstances", "ec2:StartInstances"):
        for name in ("scaler", "reaper"):
            for statement in statements(made[name], action):
                assert statement["Condition"] == {
                    "StringEquals": {"aws:ResourceTag/slipway:deployment": "slipway"}
                }
    assert statements(made["reaper"], "ec2:StartInstances") == []
    for statement in statements(made["scaler"], "ec2:RunInstances"):
        kinds = {resource.split(":", 5)[5].partition("/")[0] for resource in statement["Resource"]}
        assert kinds <= {"subnet", "security-group", "image", "network-interface", "volume"} or (
            "slipway:deployment" in str(statement["Condition"])
        )
    (tagging,) = statements(made["scaler"], "ec2:CreateTags")
    assert tagging["Condition"]["StringEquals"]["ec2:CreateAction"] == ["CreateFleet", "RunInstances"]


def test_hosts_may_be_launched_into_a_subnet_that_another_account_shares_and_into_no_other() -> None:
    """[IAM-SHARED-SUBNET]"""
    (networks,) = [one for one in policies()["scaler"]["Statement"] if one["Sid"] == "LaunchIntoOurNetworks"]
    shared = Need("ec2:RunInstances", "arn:aws:ec2:eu-west-1:999988887777:subnet/subnet-1")
    assert allows(networks, shared)
    assert not allows(networks, replace(shared, resource=shared.resource.replace("subnet-1", "subnet-9")))


def test_the_scaler_alone_may_use_the_keys_of_disks_and_through_ec2_alone() -> None:
    """[EC2-DISK-KEY]"""
    keys = [f"arn:aws:kms:{region}:111122223333:key/{'a' * 36}" for region in ("eu-west-1", "us-east-1")]
    pools = [
        a_pool(disk_key=keys[0]),
        a_pool(name="far", cluster="slipway-far", region="us-east-1", disk_key=keys[1]),
    ]
    made = policies(configured(pools=pools))
    assert "kms:" not in repr({name: policy for name, policy in made.items() if name != "scaler"})
    (granting,) = statements(made["scaler"], "kms:CreateGrant")
    (using,) = statements(made["scaler"], "kms:GenerateDataKeyWithoutPlaintext")
    through = {"kms:ViaService": ["ec2.eu-west-1.amazonaws.com", "ec2.us-east-1.amazonaws.com"]}
    assert granting["Condition"] == {
        "StringEquals": through,
        "Bool": {"kms:GrantIsForAWSResource": "true"},
    }
    assert using["Condition"] == {"StringEquals": through}
    assert granting["Resource"] == using["Resource"] == keys
    assert "kms:" not in repr(policies())


def test_only_instances_of_a_stopped_tier_are_started() -> None:
    without = policies(configured(pools=[a_pool()]))
    assert statements(without["scaler"], "ec2:StartInstances") == []


def test_roles_are_passed_to_the_service_that_they_are_for_and_no_others_are() -> None:
    scaler = policies()["scaler"]
    passed = {
        service: set(statement["Resource"])
        for statement in statements(scaler, "iam:PassRole")
        for service in statement["Condition"]["StringEquals"]["iam:PassedToService"]
    }
    role = "arn:aws:iam::111122223333:role"
    assert passed["ec2.amazonaws.com"] == {
        f"{role}/slipway-general-host-eu-west-1", f"{role}/slipway-alone-host-eu-west-1"
    }  # fmt: skip
    assert not any("-host-" in arn for arn in passed["ecs-tasks.amazonaws.com"])
    made = policies()
    assert not any(statements(made[name], "iam:PassRole") for name in ALL if name != "scaler")


def test_in_china_roles_are_passed_to_the_services_under_both_of_their_names() -> None:
    pools = [a_pool(region="cn-north-1")]
    places = replace(PLACES, partition="aws-cn", claim_region="cn-north-1")
    made = policies(configured(pools=pools), places)
    for statement in statements(made["scaler"], "iam:PassRole"):
        assert len(statement["Condition"]["StringEquals"]["iam:PassedToService"]) == 2
    assert "arn:aws:" not in repr(made)


def test_a_pool_elsewhere_is_reached_in_its_own_region_and_queues_and_table_at_home() -> None:
    pools = [a_pool(), a_pool(name="far", cluster="slipway-far", region="us-east-1")]
    scaler = policies(configured(pools=pools))["scaler"]
    assert resources(scaler, "ec2:TerminateInstances") == [
        f"arn:aws:ec2:{region}:111122223333:instance/*" for region in ("eu-west-1", "us-east-1")
    ]
    assert "arn:aws:ecs:us-east-1:111122223333:task/slipway-*/*" in resources(scaler, "ecs:DescribeTasks")
    for action in ("sqs:SendMessage", "dynamodb:Query"):
        assert all(":eu-west-1:" in resource for resource in resources(scaler, action))
    (reading,) = statements(scaler, "ec2:DescribeInstances")
    assert reading["Condition"] == {"StringEquals": {"ec2:Region": ["eu-west-1", "us-east-1"]}}


def test_the_registrar_looks_at_hosts_of_exclusive_pools_alone() -> None:
    found = resources(policies()["registrar"], "ecs:DescribeContainerInstances")
    assert found == ["arn:aws:ecs:eu-west-1:111122223333:container-instance/slipway-alone/*"]
    shared = policies(configured(pools=[a_pool()]))["registrar"]
    assert statements(shared, "ecs:ListTasks") == []


def test_the_reaper_reads_only_the_image_parameters_of_the_pools() -> None:
    pools = [a_pool(), a_pool(name="graviton", cluster="slipway-graviton", architecture="arm64")]
    found = resources(policies(configured(pools=pools))["reaper"], "ssm:GetParameter")
    public = "arn:aws:ssm:eu-west-1::parameter/aws/service/ecs/optimized-ami/amazon-linux-2023"
    assert {arn for arn in found if "/aws/service/" in arn} == {
        f"{public}/recommended/image_id", f"{public}/arm64/recommended/image_id"
    }  # fmt: skip


def test_without_an_app_there_is_no_redelivery_and_nobody_reads_an_app_s_key() -> None:
    made = policies(configured(app_secret=None))
    assert set(made) == set(ALL) - {"redelivery"}
    assert all("installation-tokens" not in repr(policy) for policy in made.values())


def test_more_pools_than_a_policy_holds_are_said_before_anything_is_deployed() -> None:
    """[IAM-POLICY-SIZE]"""
    assert policies(configured(pools=like_real_ones(20)), Places())
    assert policies(configured(pools=like_real_ones(11, networks=11)), Places())
    with pytest.raises(
        PolicyTooLongError, match=r"policy of scaler has [0-9,]+ characters, .* two deployments"
    ):
        policies(configured(pools=like_real_ones(25)))


def like_real_ones(count: int, networks: int = 1) -> list[Pool]:
    """Pools with ids and names as long as they are in an account, and so many networks of three subnets."""
    return [
        a_pool(
            name=f"general{number:02}",
            cluster=f"slipway-general{number:02}",
            task_role=f"slipway-general{number:02}-task-eu-west-1",
            subnets=tuple(f"subnet-0a1b2c3d4e5f{number % networks:02}{zone:03}" for zone in range(3)),
            security_groups=(f"sg-0a1b2c3d4e5f000{number % networks:02}",),
            stopped_instances=1,
        )
        for number in range(count)
    ]


def test_how_many_pools_a_policy_holds_is_on_both_pages() -> None:
    for page in ("infra/sam/README.md", "docs/permissions.md"):
        text = " ".join((ROOT / page).read_text("utf-8").split())
        assert "some 20 pools, 11 where each has subnets of its own" in text, page


def test_the_policy_of_a_key_of_one_s_own_has_room_beside_each() -> None:
    template = read_template((FOLDER / "template.yaml").read_text("utf-8"))
    for function in ALL:
        [choice] = template["Resources"][f"{function.capitalize()}Role"]["Properties"]["Policies"]
        condition, key, _ = choice["Fn::If"]
        assert condition == "HasKmsKey"
        longest = f"arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-{'a' * 32}"
        text = json.dumps(key["PolicyDocument"], separators=(",", ":")).replace(
            '{"Ref":"KmsKeyArn"}', longest
        )
        assert len(text) <= ROOM_FOR_KEY


def test_the_scaler_s_clusters_are_this_deployment_s_alone() -> None:
    """All of whose names begin with its own name and a hyphen, which no deployment's name has in it."""
    hosts = [one for one in policies()["scaler"]["Statement"] if one["Sid"] == "Hosts"]
    place = "arn:aws:ecs:eu-west-1:111122223333:container-instance"
    need = Need("ecs:UpdateContainerInstancesState", f"{place}/slipway-alone/abc")
    assert allows(hosts[0], need)
    assert not allows(hosts[0], replace(need, resource=f"{place}/slipway2-alone/abc"))
    assert not allows(hosts[0], replace(need, resource=f"{place}/default/abc"))
    assert "deployment" in {fault.path for fault in check("deployment: a-b\n").faults}


def test_no_two_pools_share_a_role_and_an_exclusive_one_with_none() -> None:
    pools = [
        a_pool(),
        a_pool(name="alone", cluster="slipway-alone", task_role="slipway-alone-task", exclusive=True),
        a_pool(name="far", cluster="slipway-far", task_role="slipway-far-task", region="us-east-1"),
    ]
    configuration = configured(pools=pools)
    names = [role["name"] for pool in pools for role in pool_roles(configuration, pool, PLACES).values()]
    assert len(names) == len(set(names)) == 9


def test_environments_change_the_webhook_s_queues_and_nothing_else_of_the_others() -> None:
    without, with_them = policies(), policies(environments=settings())
    assert with_them.keys() - without.keys() == {"environments"}
    (send,) = statements(with_them["webhook"], "sqs:SendMessage")
    assert [arn.rpartition(":")[2] for arn in send["Resource"]] == ["slipway-jobs", "slipway-environments"]
    send["Resource"].pop()
    del with_them["environments"]
    assert with_them == without


def test_environments_touch_nothing_of_a_pool() -> None:
    made = policies(environments=settings())["environments"]
    assert not any(action.startswith("ec2:") for one in made["Statement"] for action in one["Action"])
    for statement in statements(made, "ecs:CreateService") + statements(made, "ecs:RegisterTaskDefinition"):
        assert all(
            "/slipway-pr?????????" in arn.replace("slipway-environments/", "")
            for arn in statement["Resource"]
        )
    assert resources(made, "iam:PassRole") == ["arn:aws:iam::123456789012:role/execution"]
    (listing,) = statements(made, "ecs:ListServices")
    cluster = "arn:aws:ecs:eu-west-1:111122223333:cluster/slipway-environments"
    assert listing["Condition"] == {"ArnEquals": {"ecs:cluster": [cluster]}}


def test_environments_read_images_where_they_lie() -> None:
    template = a_template(
        "acme/web", image="999988887777.dkr.ecr.us-east-1.amazonaws.com/team/web:{{COMMIT_REF}}"
    )
    made = policies(environments=settings(repositories={"acme/web": template}))
    assert resources(made["environments"], "ecr:DescribeImages") == [
        "arn:aws:ecr:us-east-1:999988887777:repository/team/web"
    ]
