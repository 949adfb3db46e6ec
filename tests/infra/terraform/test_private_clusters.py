"""The example of private clusters, planned: who may do what in each cluster, and what tells what a pool reaches."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from local.infra_check.terraform.planned import Plan, planned
from tests.support.terraform_tree import TerraformTree

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]
EXAMPLE = "private-clusters"
REGIONS = {"tokyo": "ap-northeast-1", "virginia": "us-east-1"}


@pytest.fixture(scope="module")
def plan(terraform_tree: TerraformTree) -> Plan:
    return terraform_tree.plan_example(EXAMPLE)


def of_kind(plan: Plan, kind: str) -> dict[str, Any]:
    """The example's own resources of a type by address, without the module's."""
    return {
        resource.address: resource.values
        for resource in plan.resources
        if resource.address.startswith(f"{kind}.")
    }


def test_every_role_has_an_entry_in_every_cluster_in_its_region(plan: Plan) -> None:
    entries = of_kind(plan, "aws_eks_access_entry").values()
    found = {(e["region"], e["cluster_name"], e["principal_arn"].rpartition("/")[2]) for e in entries}
    assert found == {
        (region, f"apps-{pool}", f"slipway-clusters-{role}")
        for pool, region in REGIONS.items()
        for role in ("diff", "apply")
    }


def test_a_diff_reads_and_an_apply_edits_named_namespaces_alone(plan: Plan) -> None:
    associations = of_kind(plan, "aws_eks_access_policy_association").values()
    assert len(associations) == 4
    for one in associations:
        policy, (scope,) = one["policy_arn"].rpartition("/")[2], one["access_scope"]
        if one["principal_arn"].endswith("-diff"):
            assert (policy, scope["type"]) == ("AmazonEKSViewPolicy", "cluster")
        else:
            assert (policy, scope["type"], scope["namespaces"]) == (
                "AmazonEKSEditPolicy",
                "namespace",
                ["apps"],
            )


def test_no_runners_own_role_is_known_to_a_cluster(plan: Plan) -> None:
    principals = {e["principal_arn"] for e in of_kind(plan, "aws_eks_access_entry").values()}
    tasks = [
        resource.values["name"]
        for resource in plan.resources
        if ".aws_iam_role." in resource.address and "task" in resource.address
    ]
    assert len(tasks) == 2
    assert not any(name in principal for name in tasks for principal in principals)


def test_only_hosts_of_the_pools_reach_the_kubernetes_api(plan: Plan, terraform_tree: TerraformTree) -> None:
    pools = yaml.safe_load(terraform_tree.configuration(EXAMPLE).read_text("utf-8"))["pools"]
    rules = of_kind(plan, "aws_vpc_security_group_ingress_rule").values()
    found = {
        (r["region"], r["security_group_id"], r["referenced_security_group_id"], r["from_port"])
        for r in rules
    }
    assert found == {
        (pool["region"], f"sg-of-apps-{name}", pool["security_groups"][0], 443)
        for name, pool in pools.items()
    }


def test_what_tells_what_a_pool_reaches_is_where_its_hosts_are(
    plan: Plan, terraform_tree: TerraformTree
) -> None:
    pools = yaml.safe_load(terraform_tree.configuration(EXAMPLE).read_text("utf-8"))["pools"]
    functions = of_kind(plan, "aws_lambda_function")
    assert len(functions) == len(pools)
    for name, pool in pools.items():
        function = functions[f'aws_lambda_function.reach["{name}"]']
        (place,) = function["vpc_config"]
        assert function["region"] == pool["region"]
        assert sorted(place["subnet_ids"]) == sorted(pool["subnets"])
        assert place["security_group_ids"] == pool["security_groups"]
        assert function["handler"] == "functions.reach.handler.lambda_handler"
        assert (
            f"--target apps-{name}.gr7.{pool['region']}.eks.amazonaws.com:443"
            in plan.outputs["preflight"][name]
        )


def test_it_can_be_taken_away_again(terraform_tree: TerraformTree) -> None:
    folder = terraform_tree.folder / "examples" / EXAMPLE
    variables = {
        "build": terraform_tree.build(EXAMPLE),
        "webhook_path": "f00d2b1c4d5e6f70",
        "deploy_reach": False,
    }
    plan = planned(terraform_tree.terraform, folder, variables)
    assert of_kind(plan, "aws_lambda_function") == {}
    assert "reach" not in json.dumps([resource.address for resource in plan.resources])


def test_its_network_lets_nothing_in_and_says_by_which_addresses_it_leaves(
    terraform_tree: TerraformTree,
) -> None:
    plan = planned(terraform_tree.terraform, terraform_tree.folder / "examples" / EXAMPLE / "network", {})
    kinds = {resource.address.partition(".")[0] for resource in plan.resources}
    assert kinds == {"aws_security_group", "aws_vpc_security_group_egress_rule"}
    assert set(plan.outputs["egress_addresses"]) == set(REGIONS)
    assert all(len(addresses) == 1 for addresses in plan.outputs["egress_addresses"].values())
