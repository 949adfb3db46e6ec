"""The example of image builds, planned: who may push, sign and record, and what nobody may."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from local.infra_check.terraform.planned import Plan, planned
from tests.support.repository import ROOT
from tests.support.terraform_tree import TerraformTree

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]
EXAMPLE = "image-build"
BUILDER = "arn:aws:iam::111122223333:role/images-build-task-ap-northeast-1"
PUSH = {"ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"}


@pytest.fixture(scope="module")
def runners(terraform_tree: TerraformTree) -> Plan:
    return terraform_tree.plan_example(EXAMPLE)


@pytest.fixture(scope="module")
def registry(terraform_tree: TerraformTree) -> Plan:
    return planned(terraform_tree.terraform, terraform_tree.folder / "examples" / EXAMPLE / "registry", {})


def of_kind(plan: Plan, kind: str) -> list[dict[str, Any]]:
    return [dict(resource.values) for resource in plan.resources if resource.address.startswith(f"{kind}.")]


def statements(policy: str) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in json.loads(policy)["Statement"]}


def test_the_builder_is_the_task_role_of_the_pool_and_holds_the_policy_of_the_registry(
    runners: Plan, registry: Plan
) -> None:
    roles = [r.values["name"] for r in runners.resources if r.address.endswith('.aws_iam_role.this["task"]')]
    assert roles == [BUILDER.rpartition("/")[2]]
    assert registry.outputs["builder"] == BUILDER
    holders = [
        resource.values["role"]
        for resource in runners.resources
        if resource.values.get("policy_arn") == registry.outputs["task_policy"]
    ]
    assert holders == roles


def test_nobody_else_pushes_whatever_the_account_allows_and_no_tag_is_changed(registry: Plan) -> None:
    images = [r for r in of_kind(registry, "aws_ecr_repository") if r["name"].startswith("images/")]
    assert len(images) == len(of_kind(registry, "aws_ecr_repository_policy")) == 2
    for repository in of_kind(registry, "aws_ecr_repository"):
        assert repository["image_tag_mutability"] == "IMMUTABLE"
        assert repository["image_scanning_configuration"] == [{"scan_on_push": True}]
    for policy in of_kind(registry, "aws_ecr_repository_policy"):
        denied = statements(policy["policy"])["NobodyButTheBuilderPushes"]
        assert (denied["Effect"], denied["Principal"]["AWS"]) == ("Deny", "*")
        assert set(denied["Action"]) == PUSH
        assert denied["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": BUILDER}}


def test_nobody_else_signs_and_the_private_key_stays_in_kms(registry: Plan) -> None:
    (key,) = of_kind(registry, "aws_kms_key")
    assert (key["key_usage"], key["customer_master_key_spec"]) == ("SIGN_VERIFY", "ECC_NIST_P256")
    denied = statements(key["policy"])["NobodyButTheBuilderSigns"]
    assert denied["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": BUILDER}}
    assert "kms:Sign" in denied["Action"]


def test_a_record_is_written_once_and_removed_by_nobody(registry: Plan) -> None:
    (bucket,) = of_kind(registry, "aws_s3_bucket")
    assert bucket["object_lock_enabled"] is True
    (lock,) = of_kind(registry, "aws_s3_bucket_object_lock_configuration")
    assert lock["rule"][0]["default_retention"][0]["mode"] == "COMPLIANCE"
    (policy,) = of_kind(registry, "aws_s3_bucket_policy")
    found = statements(policy["policy"])
    assert found["NobodyButTheBuilderWrites"]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": BUILDER}}
    assert found["NoRecordIsWrittenOver"]["Condition"] == {"Null": {"s3:if-none-match": "true"}}


def test_the_builder_may_push_sign_and_record_and_read_no_record(registry: Plan) -> None:
    (policy,) = of_kind(registry, "aws_iam_policy")
    allowed = statements(policy["policy"])
    assert set(allowed) == {"LogIn", "PushAndPull", "PullTheScanner", "Sign", "Record"}
    assert allowed["LogIn"]["Action"] == "ecr:GetAuthorizationToken"
    assert all("*" not in allowed[sid]["Resource"] for sid in ("PushAndPull", "PullTheScanner", "Sign"))
    assert allowed["Record"]["Action"] == "s3:PutObject"
    assert not PUSH & set(allowed["PullTheScanner"]["Action"])


def test_there_is_no_user_and_no_access_key(runners: Plan, registry: Plan) -> None:
    for plan in (runners, registry):
        kinds = {resource.address.rpartition(".")[0].rpartition(".")[2] for resource in plan.resources}
        assert not kinds & {"aws_iam_user", "aws_iam_access_key"}
    assert any(resource.address.endswith('.aws_iam_role.this["task"]') for resource in runners.resources)


def test_the_build_workflow_names_what_the_registry_puts_out(registry: Plan) -> None:
    workflow = yaml.safe_load((ROOT / "docs" / "recipes" / EXAMPLE / "build-image.yml").read_text("utf-8"))
    assert workflow["env"].items() >= registry.outputs["workflow"].items()
    scanner = workflow["env"]["SCANNER"].partition("@")[0]
    mirrors = {f"{workflow['env']['REGISTRY']}/{r['name']}" for r in of_kind(registry, "aws_ecr_repository")}
    assert scanner in mirrors


def test_the_example_names_the_policy_that_the_registry_puts_out(
    registry: Plan, terraform_tree: TerraformTree
) -> None:
    pools = yaml.safe_load(terraform_tree.configuration(EXAMPLE).read_text("utf-8"))["pools"]
    assert {pool["task_policy"] for pool in pools.values()} == {registry.outputs["task_policy"]}
