"""The example of private clusters: its slipway.yaml is valid, and its Terraform names the pools that are in it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from local.slipway_cli.main import main

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "infra" / "terraform" / "examples" / "private-clusters"


def terraform(name: str) -> str:
    return (EXAMPLE / name).read_text("utf-8")


def test_its_configuration_is_valid() -> None:
    assert main(["config", "check", str(EXAMPLE / "slipway.yaml")]) == 0


def test_each_pool_has_a_region_of_its_own_and_a_cluster() -> None:
    pools = yaml.safe_load(terraform("slipway.yaml"))["pools"]
    regions = [pool["region"] for pool in pools.values()]
    assert len(set(regions)) == len(regions) == 2
    clusters = re.search(
        r'variable "clusters" \{.*?default = \{(.*?)\}', terraform("variables.tf"), re.DOTALL
    )
    networks = re.findall(r"^    (\w+) = \{$", terraform("network/variables.tf"), re.MULTILINE)
    assert clusters
    assert re.findall(r"(\w+) += ", clusters[1]) == list(pools) == networks


def test_its_subnets_are_those_of_its_network() -> None:
    for pool in yaml.safe_load(terraform("slipway.yaml"))["pools"].values():
        for subnet in pool["subnets"]:
            assert subnet in terraform("network/variables.tf")


def test_no_pool_holds_a_policy_and_neither_role_trusts_more_than_one_kind_of_job() -> None:
    pools = yaml.safe_load(terraform("slipway.yaml"))["pools"]
    assert not any("task_policy" in pool for pool in pools.values())
    subjects = re.findall(r'subject = "([^"]+)"', terraform("roles.tf"))
    assert subjects == [
        "repo:${var.repository}:pull_request",
        "repo:${var.repository}:environment:${var.environment}",
    ]
    assert not any("*" in subject for subject in subjects)
    assert "StringLike" not in terraform("roles.tf")
