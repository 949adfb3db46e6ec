"""What ``planned`` reads of the real tree: values as Terraform computes them, references followed to their names."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from local.infra_check.terraform.planned import Plan, Planned
from local.infra_check.terraform.values import UNKNOWN
from tests.support.builds import make_build
from tests.support.terraform_tree import TerraformTree

SOURCE = Path(__file__).parents[3] / "infra" / "terraform"
pytestmark = [pytest.mark.slow, pytest.mark.toolchain]
HOME = "eu-west-1"  # of the stub, where the root module itself is planned


@pytest.fixture(scope="module")
def plan(terraform_tree: TerraformTree) -> Plan:
    return terraform_tree.plan("complete")


@pytest.fixture(scope="module")
def rendered(terraform_tree: TerraformTree) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        (terraform_tree.build("complete") / "deployment.json").read_text("utf-8")
    )
    return body


def one(plan: Plan, address: str) -> Planned:
    return next(resource for resource in plan.resources if resource.address == address)


def test_an_environment_variable_has_the_address_of_its_queue(plan: Plan) -> None:
    function = one(plan, 'module.functions["redelivery"].aws_lambda_function.this')
    assert (function.module, function.name, function.index) == (
        ('module.functions["redelivery"]',),
        "this",
        None,
    )
    assert function.values["environment"] == [
        {
            "variables": {
                "SLIPWAY_TABLE": "slipway",
                "SLIPWAY_JOBS_QUEUE_URL": f"https://sqs.{HOME}.amazonaws.com/111122223333/slipway-jobs",
            }
        }
    ]


def test_a_policy_that_names_roles_can_be_read(plan: Plan) -> None:
    policy = json.loads(one(plan, "aws_sqs_queue_policy.events").values["policy"])
    senders = policy["Statement"][1]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
    assert senders == [
        f"arn:aws:iam::111122223333:role/slipway-{name}-{HOME}"
        for name in ("scaler", "registrar", "reaper", "schedules")
    ]


def test_a_functions_policy_is_that_of_the_description(plan: Plan, rendered: dict[str, Any]) -> None:
    for name, function in rendered["functions"].items():
        planned = one(plan, f'module.functions["{name}"].aws_iam_role_policy.this').values["policy"]
        wanted = (
            json.dumps(function["policy"])
            .replace("${account_id}", "111122223333")
            .replace("${claim_region}", HOME)
        )
        assert json.loads(planned) == json.loads(wanted)


def test_a_pool_of_another_region_lies_there(plan: Plan, rendered: dict[str, Any]) -> None:
    template = one(plan, 'module.pools["oregon"].aws_launch_template.this')
    assert template.values["region"] == "us-west-2"
    assert template.values["user_data"] == rendered["pools"]["oregon"]["user_data"]
    cluster = one(plan, 'module.pools["oregon"].aws_ecs_cluster.this')
    assert cluster.values["arn"] == "arn:aws:ecs:us-west-2:111122223333:cluster/slipway-oregon"


def test_what_only_aws_decides_is_unknown(plan: Plan) -> None:
    assert one(plan, "aws_sqs_queue.jobs").values["name_prefix"] is UNKNOWN
    assert "policy" not in one(plan, 'module.pools["oregon"].aws_ecs_cluster.this').values


def test_resources_are_found_by_type_and_outputs_by_name(plan: Plan) -> None:
    assert [queue.values["name"] for queue in plan.of_type("aws_sqs_queue")] == [
        "slipway-dead-letters",
        "slipway-events",
        "slipway-jobs",
    ]
    assert plan.outputs["claim_url"] == f"https://slipway-claims.execute-api.{HOME}.amazonaws.com"


def test_every_role_of_a_pool_is_its_own(plan: Plan) -> None:
    """An exclusive pool, whose jobs may be root, shares neither cluster nor role with another."""
    names = [role.values["name"] for role in plan.of_type("aws_iam_role")]
    assert len(names) == len(set(names))
    for kind in ("aws_ecs_cluster", "aws_iam_instance_profile", "aws_launch_template"):
        assert len({resource.values["name"] for resource in plan.of_type(kind)}) == 3


def test_a_launch_template_bears_the_tag_by_which_policies_know_it_and_tags_nothing_itself(
    plan: Plan, rendered: dict[str, Any]
) -> None:
    """docs/permissions.md: without the tag nothing is launched, and other tags would need other permissions."""
    for template in plan.of_type("aws_launch_template"):
        pool = template.module[0].split('"')[1]
        wanted = {"slipway:deployment": "slipway", "slipway:pool": pool}
        assert wanted.items() <= template.values["tags"].items()
        assert rendered["pools"][pool]["tags"] == wanted
        assert not template.values.get("tag_specifications")


def test_a_disk_quota_brings_a_second_disk(plan: Plan) -> None:
    disks = {
        template.module[0]: [mapping["device_name"] for mapping in template.values["block_device_mappings"]]
        for template in plan.of_type("aws_launch_template")
    }
    assert disks == {
        'module.pools["alone"]': ["/dev/xvda"],
        'module.pools["general"]': ["/dev/xvda", "/dev/sdf"],
        'module.pools["oregon"]': ["/dev/xvda"],
    }


def test_bottlerocket_has_its_own_disk_and_a_second_one_for_containers(
    terraform_tree: TerraformTree, tmp_path: Path
) -> None:
    build = Path(shutil.copytree(terraform_tree.build("minimal"), tmp_path / "build"))
    description = json.loads((build / "deployment.json").read_text("utf-8"))
    description["pools"]["arm"]["image_parameter"] = (
        "/aws/service/bottlerocket/aws-ecs-2/arm64/latest/image_id"
    )
    (build / "deployment.json").write_text(json.dumps(description), "utf-8")
    [template] = terraform_tree.plan("minimal", build=build).of_type("aws_launch_template")
    disks = [(disk["device_name"], disk["ebs"][0]) for disk in template.values["block_device_mappings"]]
    assert [(name, ebs.get("volume_size"), ebs["encrypted"]) for name, ebs in disks] == [
        ("/dev/xvda", None, "true"),
        ("/dev/xvdb", 100, "true"),
    ]


def test_a_launch_template_bears_the_tag_by_which_the_functions_may_use_it(
    terraform_tree: TerraformTree,
) -> None:
    tags = {"slipway:deployment": "another", "team": "platform"}
    [template] = terraform_tree.plan("minimal", tags=tags).of_type("aws_launch_template")
    assert template.values["tags"] == {
        "slipway:deployment": "slipway",
        "slipway:pool": "arm",
        "team": "platform",
    }


def test_no_plan_deletes_a_role_of_the_account_s() -> None:
    text = (SOURCE / "main.tf").read_text("utf-8")
    (block,) = re.findall(r'^resource "aws_iam_service_linked_role" .*?^}$', text, re.MULTILINE | re.DOTALL)
    assert "prevent_destroy = true" in block


def test_functions_in_a_vpc_are_all_in_it(terraform_tree: TerraformTree) -> None:
    plan = terraform_tree.plan("minimal", function_subnets=["subnet-0a"], function_security_groups=["sg-0a"])
    functions = plan.of_type("aws_lambda_function")
    assert len(functions) == 5
    for function in functions:
        assert function.values["vpc_config"][0]["subnet_ids"] == ["subnet-0a"]
    attached = [
        attachment.values["policy_arn"] for attachment in plan.of_type("aws_iam_role_policy_attachment")
    ]
    assert attached == ["arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"] * 5


def test_reserved_concurrency_is_of_those_that_run_alone_and_can_be_left_out(
    terraform_tree: TerraformTree,
) -> None:
    def reserved(plan: Plan) -> dict[str, Any]:
        return {
            function.values["function_name"]: function.values["reserved_concurrent_executions"]
            for function in plan.of_type("aws_lambda_function")
            if function.values.get("reserved_concurrent_executions") is not None
        }

    assert reserved(terraform_tree.plan("minimal")) == {"slipway-reaper": 1, "slipway-redelivery": 1}
    assert reserved(terraform_tree.plan("minimal", reserve_concurrency=False)) == {}


def test_without_an_app_there_is_no_redelivery_function(
    terraform_tree: TerraformTree, tmp_path: Path
) -> None:
    text = terraform_tree.configuration("complete").read_text("utf-8")
    file = tmp_path / "slipway.yaml"
    lines = [line for line in text.splitlines() if "app: " not in line and "sweep_calls" not in line]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    build = make_build(file, tmp_path / "build")
    plan = terraform_tree.plan("complete", configuration=file, build=build)
    names = [function.values["function_name"] for function in plan.of_type("aws_lambda_function")]
    assert names == ["slipway-reaper", "slipway-registrar", "slipway-scaler", "slipway-webhook"]
    schedules = [schedule.values["name"] for schedule in plan.of_type("aws_scheduler_schedule")]
    assert schedules == ["slipway-reaper", "slipway-tick"]
    senders = json.loads(one(plan, "aws_sqs_queue_policy.jobs").values["policy"])["Statement"][1]
    assert senders["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [
        f"arn:aws:iam::111122223333:role/slipway-webhook-{HOME}"
    ]
