"""What the doctor sees of an account: quotas, roles, secrets, images."""

from __future__ import annotations

import json
import time

import pytest

from local.catalogue.file import catalogue_text, shipped
from local.doctor.checks.quotas import vcpu_quota
from slipway.domain.configuration import Market
from tests.integration.doctor.stage import INDEX, Stage
from tests.support.catalogues import an_entry

SPOT, ON_DEMAND = "L-34B43A08", "L-1216C47A"


def test_a_quota_below_one_instance_fails_and_one_below_the_maximum_is_a_warning(stage: Stage) -> None:
    stage.fixed.quotas[SPOT] = 15.0
    said = "15 vCPU, and max_instances of the largest type come to 320: not even one instance may run"
    assert stage.troubles() == [("quotas", "failed", said)]
    stage.fixed.quotas[SPOT] = 16.0
    said = "16 vCPU, and max_instances of the largest type come to 320: pools stop growing there"
    assert stage.troubles() == [("quotas", "warning", said)]
    stage.fixed.quotas[SPOT] = 320.0
    assert stage.troubles() == []


def test_on_demand_that_spot_only_falls_back_on_is_a_warning(stage: Stage) -> None:
    stage.fixed.quotas[ON_DEMAND] = 5.0
    ((check, status, message),) = stage.troubles()
    assert (check, status) == ("quotas", "warning")
    assert message.endswith("the pools have no On-Demand to fall back on when Spot has none")


def test_on_demand_that_the_stopped_tier_needs_fails(stage: Stage) -> None:
    stage.fixed.quotas[ON_DEMAND] = 5.0
    stage.pool["stopped_instances"] = 2
    ((check, status, message),) = stage.troubles()
    assert (check, status) == ("quotas", "failed")
    assert message.endswith("not even one instance may run")


def test_an_on_demand_pool_asks_for_no_spot(stage: Stage) -> None:
    stage.pool["market"] = "on-demand"
    stage.fixed.quotas = {ON_DEMAND: 320.0}
    stage.iam.delete_role(RoleName="AWSServiceRoleForEC2Spot")
    assert stage.troubles() == []


def test_pools_of_one_region_share_its_quota(stage: Stage) -> None:
    stage.yaml["pools"]["second"] = dict(stage.pool)
    stage.fixed.quotas[SPOT] = 400.0
    ((_, status, message),) = stage.troubles()
    assert (status, message) == (
        "warning",
        "400 vCPU, and max_instances of the largest type come to 640: pools stop growing there",
    )


def test_awss_default_counts_where_the_account_has_no_quota_of_its_own(stage: Stage) -> None:
    stage.fixed.quotas.pop(SPOT)
    stage.fixed.default_quotas[SPOT] = 5.0
    ((_, status, message),) = stage.troubles()
    assert (status, message[:6]) == ("failed", "5 vCPU")


def test_a_new_accounts_ten_functions_at_once_are_told_with_both_things_to_do(stage: Stage) -> None:
    stage.fixed.concurrency = (10, 10)
    _, findings = stage.findings()
    (found,) = [one for one in findings if one["status"] != "ok"]
    assert found["message"].startswith("10 functions at once, 10 of them unreserved: too few to reserve 2")
    assert found["mend"].startswith("deploy without reserved concurrency, and ask for 1,000")


def test_what_others_have_reserved_counts(stage: Stage) -> None:
    stage.fixed.concurrency = (1_000, 100)
    ((_, status, message),) = stage.troubles()
    assert (status, message) == (
        "warning",
        "1000 functions at once, 100 of them unreserved: too few to reserve 2 for reaper and redelivery",
    )


def code_of(name: str, market: Market = Market.SPOT) -> str | None:
    quota = vcpu_quota(name, market)
    return quota.code if quota else None


def test_every_type_that_ships_has_a_quota() -> None:
    codes = {entry.name.partition(".")[0]: code_of(entry.name) for entry in shipped().entries()}
    assert {name for name, code in codes.items() if code == "L-3819A6DF"} == {"g4dn", "g5"}
    assert set(codes.values()) == {"L-3819A6DF", "L-34B43A08"}


def test_types_of_other_families_count_for_their_own_quota_or_for_none_that_is_known() -> None:
    """[EC2-VCPU-QUOTAS]"""
    assert {code_of(f"{name}.48xlarge", Market.ON_DEMAND) for name in ("p4d", "p5en", "p6-b200")} == {
        "L-417A185B"
    }
    spot = [code_of(f"{name}.48xlarge") for name in ("p3dn", "p4d", "p5en", "p6-b200")]
    assert spot == ["L-7212CCBC", "L-7212CCBC", "L-C4BD4855", None]
    assert code_of("inf2.xlarge") == "L-B5D1601B"
    assert (code_of("i7ie.large"), code_of("im4gn.large"), code_of("x8g.large")) == (
        "L-34B43A08",
        "L-34B43A08",
        "L-E3A00192",
    )
    assert (code_of("hpc7g.16xlarge"), code_of("u-6tb1.56xlarge")) == (None, None)


def test_a_type_whose_quota_is_not_known_is_told(stage: Stage) -> None:
    row = an_entry("trn1.2xlarge", region=stage.pool["region"], vcpu=8, memory_mib=65_536)
    (stage.folder / "prices.csv").write_text(catalogue_text([row]), "utf-8")
    stage.yaml["catalogue"] = "prices.csv"
    stage.pool["instance_types"] = ["trn1.2xlarge"]
    said = "which quota trn1.2xlarge counts for is not known here"
    assert ("quotas", "warning", said) in stage.troubles()


def test_more_interfaces_than_allowed_is_a_warning(stage: Stage) -> None:
    stage.fixed.default_quotas["L-DF5E4CA3"] = 30.0
    stage.be_alone("privileged")
    assert stage.troubles() == [("quotas", "warning", "30, and max_instances take 40")]


@pytest.mark.parametrize("role", ["AWSServiceRoleForEC2Spot", "AWSServiceRoleForECS"])
def test_a_missing_service_linked_role_fails_with_the_command_that_makes_it(stage: Stage, role: str) -> None:
    stage.iam.delete_role(RoleName=role)
    _, findings = stage.findings()
    (found,) = [one for one in findings if one["status"] != "ok"]
    assert (found["check"], found["looked_at"], found["status"]) == ("service-roles", role, "failed")
    assert found["mend"].startswith("aws iam create-service-linked-role --aws-service-name ")


def test_a_key_of_the_accounts_own_for_disks_fails_until_slipway_is_told(stage: Stage) -> None:
    """[EC2-DISK-KEY]"""
    stage.fixed.disk_key = "arn:aws:kms:eu-west-1:123456789012:key/5d6e7f80-0a1b-4c2d-8e3f-0a1b2c3d4e5f"
    _, findings = stage.findings()
    (found,) = [one for one in findings if one["status"] != "ok"]
    assert (found["check"], found["looked_at"], found["status"]) == ("disk-keys", "eu-west-1", "failed")
    assert stage.fixed.disk_key in found["message"]
    assert "pools.general.disk_key" in found["mend"]
    stage.pool["disk_key"] = stage.fixed.disk_key
    assert stage.troubles() == []


def test_a_secret_that_its_arn_names_and_nobody_made_fails(stage: Stage) -> None:
    stage.yaml["github"]["secrets"]["app"] = (
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:no/app-AbCdEf"
    )
    assert stage.troubles() == [("secrets", "failed", "does not exist in eu-west-1")]


def test_a_secret_that_the_deployment_makes_is_missing_only_once_it_is_deployed(stage: Stage) -> None:
    stage.yaml["github"]["secrets"]["webhook"] = ["slipway/none"]
    assert stage.troubles() == [("secrets", "warning", "does not exist yet: the deployment makes it, empty")]
    stage.fixed.functions["slipway-webhook"] = lambda _event: None
    said = [message for check, _, message in stage.troubles() if check == "secrets"]
    assert said == ["does not exist in eu-west-1, though Slipway is deployed"]


def test_a_secret_without_a_value_fails_with_the_command_that_fills_it(stage: Stage) -> None:
    stage.secrets.create_secret(Name="slipway/token")
    be_of_an_enterprise(stage, sweep_calls_per_hour=600)
    _, findings = stage.findings()
    (found,) = [one for one in findings if one["status"] != "ok"]
    assert (found["looked_at"], found["message"]) == (
        "github.secrets.runner_tokens: slipway/token",
        "has no value yet",
    )
    assert "put-secret-value --region eu-west-1 --secret-id slipway/token" in found["mend"]


def be_of_an_enterprise(stage: Stage, **github: object) -> None:
    stage.yaml["github"] |= {"registration": "enterprise", "enterprise": "acme", **github}
    stage.yaml["github"]["secrets"]["runner_tokens"] = ["slipway/token"]


def test_an_enterprise_whose_lost_webhooks_nobody_makes_good_is_warned(stage: Stage) -> None:
    stage.put_secret("slipway/token", "a token")
    be_of_an_enterprise(stage, sweep_calls_per_hour=600)
    assert stage.troubles() == []
    be_of_an_enterprise(stage, sweep_calls_per_hour=0)
    [(check, status, message)] = stage.troubles()
    assert (check, status, message.partition(":")[0]) == ("deliveries", "warning", "there is no sweep")
    del stage.yaml["github"]["secrets"]["app"]
    [(check, status, message)] = stage.troubles()
    assert (check, status, message.partition(":")[0]) == ("deliveries", "warning", "there is no GitHub App")


def test_a_secret_that_is_marked_for_deletion_fails(stage: Stage) -> None:
    stage.secrets.delete_secret(SecretId="slipway/webhook")
    assert stage.troubles() == [("secrets", "failed", "is marked for deletion")]


def test_a_secret_is_looked_for_in_the_region_of_its_arn_and_a_name_in_the_home_region(stage: Stage) -> None:
    troubles = stage.troubles("--region", "us-east-1")
    assert [(check, message) for check, _, message in troubles] == [
        ("secrets", "does not exist yet: the deployment makes it, empty")
    ]


def test_a_key_of_its_own_is_told(stage: Stage) -> None:
    stage.secrets.create_secret(Name="slipway/keyed", SecretString="x", KmsKeyId="alias/mine")
    stage.yaml["github"]["secrets"]["webhook"] = ["slipway/keyed"]
    assert stage.troubles() == [("secrets", "warning", "is encrypted with a key of its own, alias/mine")]


def test_no_secrets_value_is_ever_asked_for_or_told(stage: Stage) -> None:
    status, printed = stage.run()
    assert status == 0
    assert "an app key" not in printed
    assert "a hook's secret" not in printed


def test_an_image_that_is_not_there_fails_by_digest_and_by_repository(stage: Stage) -> None:
    profile = stage.yaml["profiles"]["medium"]
    profile["image"] = stage.image_name("sha256:" + "0" * 64)
    assert stage.troubles() == [("images", "failed", "the repository has no image of this digest")]
    profile["image"] = profile["image"].replace("slipway/runner", "slipway/none")
    assert stage.troubles() == [("images", "failed", "there is no repository slipway/none in eu-west-1")]


def test_an_image_for_another_architecture_fails(stage: Stage) -> None:
    of_one = INDEX | {"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]}
    stage.yaml["profiles"]["medium"]["image"] = stage.image_name(stage.push(of_one))
    assert stage.troubles() == [("images", "failed", "is for arm64, and its pool is x64")]


@pytest.mark.parametrize(
    ("config", "status", "message"),
    [
        (b'{"architecture": "amd64", "os": "linux"}', "ok", "is there, for amd64"),
        (b'{"architecture": "arm64", "os": "linux"}', "failed", "is for arm64, and its pool is x64"),
        (
            b"<html>",
            "unknown",
            "is there, but its configuration, which tells its architecture, could not be read",
        ),
        (
            b"{}",
            "unknown",
            "is there, but its configuration, which tells its architecture, could not be read",
        ),
    ],
)
def test_an_image_of_one_platform_is_asked_for_its_configuration(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, config: bytes, status: str, message: str
) -> None:
    manifest = {"schemaVersion": 2, "config": {"digest": "sha256:" + "c" * 64}}
    stage.fixed.registry = {
        "BatchGetImage": {"images": [{"imageManifest": json.dumps(manifest)}], "failures": []},
        "DescribeImages": {"imageDetails": [{"imagePushedAt": time.time()}]},
        "GetDownloadUrlForLayer": {"downloadUrl": f"{stage.fixed.url}/config?signed=yes"},
    }
    stage.fixed.documents["/config"] = config
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", stage.fixed.url)
    _, findings = stage.findings()
    (found,) = [one for one in findings if one["check"] == "images"]
    assert (found["status"], found["message"]) == (status, message)


def test_an_image_of_another_registry_is_not_looked_at(stage: Stage) -> None:
    stage.yaml["profiles"]["medium"]["image"] = "ghcr.io/acme/runner@sha256:" + "a" * 64
    _, findings = stage.findings()
    (found,) = [one for one in findings if one["check"] == "images"]
    assert (found["status"], found["message"]) == ("ok", "is not in ECR: not looked at")
