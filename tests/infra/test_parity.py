"""Terraform and SAM deploy the same system: what each would make, side by side, as Terraform plans and SAM transforms it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.infra_check.parity import of_sam, of_terraform
from local.infra_check.parity.facts import Difference, Facts, differences
from local.infra_check.sam.parameters import Place
from local.infra_check.sam.translated import translated
from local.infrastructure.cloudformation.sam_files import FOLDER
from local.infrastructure.cloudformation.template_text import read_template
from tests.support.deployments import assemble
from tests.support.terraform_tree import WEBHOOK_PATH, TerraformTree

HOME = "eu-west-1"  # where the stub of Terraform's provider is
CLAIM_API = "claims0000"  # what another region's stack is told; the name of that API stands for it
PRIVATE = {
    "ClaimApi": "private",
    "ClaimVpcEndpointIds": "vpce-0a1b2c3d4e5f60001",
}
IN_VPC = {
    "FunctionSubnetIds": "subnet-0a1b2c3d4e5f60001,subnet-0a1b2c3d4e5f60002",
    "FunctionSecurityGroupIds": "sg-0a1b2c3d4e5f60009",
}
KEY = f"arn:aws:kms:{HOME}:111122223333:key/1b2c3d4e-5f60-4711-8822-0a1b2c3d4e5f"
PEOPLE = "arn:aws:iam::111122223333:role/platform-engineers"
BOUNDARY = "arn:aws:iam::111122223333:policy/boundary"


@dataclass(frozen=True, slots=True)
class Options:
    """The same wish, as variables of the root module and as parameters of the template."""

    terraform: dict[str, Any] = field(default_factory=dict)
    sam: dict[str, str] = field(default_factory=dict)


OPTIONS = {
    "as it is": Options(),
    "private claims": Options(
        {"api": "private", "vpc_endpoint_ids": [PRIVATE["ClaimVpcEndpointIds"]]}, PRIVATE
    ),
    "functions in a VPC": Options(
        {
            "function_subnets": IN_VPC["FunctionSubnetIds"].split(","),
            "function_security_groups": [IN_VPC["FunctionSecurityGroupIds"]],
        },
        IN_VPC,
    ),
    "a key of one's own": Options({"kms_key_arn": KEY}, {"KmsKeyArn": KEY}),
    "people who redrive": Options({"redrive_role_arns": [PEOPLE]}, {"RedriveRoleArns": PEOPLE}),
    "bounded, small and quiet": Options(
        {
            "permissions_boundary": BOUNDARY,
            "reserve_concurrency": False,
            "alarms": False,
            "dashboard": False,
            "deletion_protection": False,
            "log_retention_days": 7,
            "root_volume_gib": 60,
            "data_volume_gib": 90,
            "container_insights": "enabled",
            "create_spot_role": True,
        },
        {
            "PermissionsBoundaryArn": BOUNDARY,
            "ReserveConcurrency": "false",
            "Alarms": "false",
            "Dashboard": "false",
            "DeletionProtection": "false",
            "LogRetentionDays": "7",
            "RootVolumeGib": "60",
            "DataVolumeGib": "90",
            "ContainerInsights": "enabled",
            "CreateSpotRole": "true",
        },
    ),
}
OF_REGIONS = (
    "PermissionsBoundaryArn",
    "LogRetentionDays",
    "RootVolumeGib",
    "DataVolumeGib",
    "ContainerInsights",
)


def of_sam_tree(configuration: Path, folder: Path, options: Options) -> Facts:
    """Return what the templates of the home region and of the others would deploy."""
    template = assemble(configuration, folder, HOME)
    stacks = {HOME: translated(template, {"WebhookPath": WEBHOOK_PATH, **options.sam}, Place(HOME))}
    claims = f"https://{CLAIM_API}.execute-api.{HOME}.amazonaws.com"
    if "ClaimApi" in options.sam:
        claims = (
            f"https://{CLAIM_API}-{options.sam['ClaimVpcEndpointIds']}.execute-api.{HOME}.amazonaws.com/live"
        )
    told = {"HomeRegion": HOME, "ClaimUrl": claims, "ClaimApiId": CLAIM_API}
    told |= {name: options.sam[name] for name in OF_REGIONS if name in options.sam}
    for file in sorted(folder.glob("region-*.yaml")):
        region = file.stem.removeprefix("region-")
        asked = read_template(file.read_text("utf-8"))["Parameters"]  # not of what its pools have not
        stacks[region] = translated(
            file, {name: value for name, value in told.items() if name in asked}, Place(region)
        )
    return of_sam.facts_of(stacks, {CLAIM_API: "slipway-claims"})


@pytest.mark.parametrize("example", ["minimal", "complete", "environments"])
@pytest.mark.parametrize("wish", OPTIONS)
def test_both_trees_deploy_the_same(
    example: str, wish: str, terraform_tree: TerraformTree, tmp_path: Path
) -> None:
    options = OPTIONS[wish]
    terraform = of_terraform.facts_of(terraform_tree.plan(example, **options.terraform))
    sam = of_sam_tree(terraform_tree.configuration(example), tmp_path, options)
    assert [str(found) for found in differences(terraform, sam)] == []
    assert {"function", "queue", "route", "rule", "schedule", "table", "role", "task definition"} <= set(sam)


def test_without_their_section_neither_tree_has_anything_of_environments(
    terraform_tree: TerraformTree, tmp_path: Path
) -> None:
    planned = terraform_tree.plan("complete")
    assert not [found.address for found in planned.resources if "environments" in found.address]
    for facts in (
        of_terraform.facts_of(planned),
        of_sam_tree(terraform_tree.configuration("complete"), tmp_path, Options()),
    ):
        assert not re.search(r"environments|pull request", repr(facts), re.IGNORECASE)


@pytest.mark.parametrize("wish", ["as it is", "private claims", "functions in a VPC"])
def test_every_resource_is_compared_or_left_out_for_a_reason(
    wish: str, terraform_tree: TerraformTree, tmp_path: Path
) -> None:
    options = OPTIONS[wish]
    planned = {resource.type for resource in terraform_tree.plan("complete", **options.terraform).resources}
    assert planned <= of_terraform.COMPARED | of_terraform.NOT_COMPARED.keys()
    template = assemble(terraform_tree.configuration("complete"), tmp_path, HOME)
    given = {"WebhookPath": WEBHOOK_PATH, **options.sam}
    templated = {resource.type for resource in translated(template, given, Place(HOME))}
    assert templated <= of_sam.COMPARED | of_sam.NOT_COMPARED.keys()


def test_both_networks_have_the_same_way_to_a_private_claim_api(terraform_tree: TerraformTree) -> None:
    network = terraform_tree.plan_example("network", interface_endpoints=["execute-api"])
    of_terraform_tree = [
        (
            endpoint.values["service_name"].rpartition(".")[2],
            endpoint.values["private_dns_enabled"],
            sorted(
                (rule.values["from_port"], rule.values["to_port"], rule.values["ip_protocol"])
                for rule in network.of_type("aws_vpc_security_group_ingress_rule")
            ),
        )
        for endpoint in network.of_type("aws_vpc_endpoint")
        if endpoint.values["vpc_endpoint_type"] == "Interface"
    ]
    template = translated(FOLDER / "network.yaml", {"ClaimEndpoint": "true"})
    of_sam_tree = [
        (
            endpoint.properties["ServiceName"].rpartition(".")[2],
            endpoint.properties["PrivateDnsEnabled"],
            sorted(
                (rule["FromPort"], rule["ToPort"], rule["IpProtocol"])
                for group in template
                for rule in group.properties.get("SecurityGroupIngress", [])
            ),
        )
        for endpoint in template
        if endpoint.properties.get("VpcEndpointType") == "Interface"
    ]
    assert of_terraform_tree == of_sam_tree == [("execute-api", False, [(443, 443, "tcp")] * 2)]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A slip in one file of Terraform's tree, and the fact by which it is seen."""

    file: str
    before: str
    after: str
    kind: str
    key: str
    wish: str = "as it is"


MISTAKES = {
    "an environment variable that only SAM sets": Mistake(
        "functions.tf",
        "SLIPWAY_DEAD_LETTERS_QUEUE_URL",
        "SLIPWAY_DEAD_LETTER_QUEUE_URL",
        "function",
        "environment",
    ),
    "a visibility timeout that is too short": Mistake(
        "queues.tf",
        "6 * local.functions.scaler.timeout_seconds",
        "1 * local.functions.scaler.timeout_seconds",
        "queue",
        "visibility_seconds",
    ),
    "a claim route without its authorizer": Mistake(
        "claims.tf", 'authorization_type = "AWS_IAM"', 'authorization_type = "NONE"', "route", "authorizer"
    ),
    "a dashboard of another name": Mistake(
        "dashboard.tf",
        "dashboard_name = local.deployment",
        'dashboard_name = "${local.deployment}-jobs"',
        "dashboard",
        "itself",
    ),
    "environments that anybody may wake": Mistake(
        "environments.tf", "local.senders.environments", "local.senders.jobs", "queue", "policy"
    ),
    "environments that nobody looks at": Mistake(
        "environments.tf", 'slipway = "sweep"', 'slipway = "tick"', "schedule", "input"
    ),
    "a cluster of environments in another region": Mistake(
        "environments.tf", "region = each.value.region", 'region = "us-west-2"', "cluster", "itself"
    ),
    "a webhook that does not wake environments": Mistake(
        "functions.tf",
        '"SLIPWAY_ENVIRONMENTS_QUEUE_URL"',
        '"SLIPWAY_PULLS_QUEUE_URL"',
        "function",
        "environment",
    ),
    "an alarms' topic without the key of one's own": Mistake(
        "alarms.tf",
        "kms_master_key_id = var.kms_key_arn",
        "kms_master_key_id = null",
        "topic",
        "key",
        "a key of one's own",
    ),
    "a table without the key of one's own": Mistake(
        "table.tf",
        "kms_key_arn = server_side_encryption.value",
        "kms_key_arn = null",
        "table",
        "key",
        "a key of one's own",
    ),
    "a batch that fails as a whole": Mistake(
        "functions.tf",
        'function_response_types            = ["ReportBatchItemFailures"]',
        "function_response_types            = []",
        "event source mapping",
        "responses",
    ),
}


def seen(tree: TerraformTree, to: Path, mistake: Mistake) -> list[Difference]:
    copy = tree.copy(to / "terraform")
    file = copy.folder / mistake.file
    text = file.read_text("utf-8")
    assert mistake.before in text
    file.write_text(text.replace(mistake.before, mistake.after), "utf-8")
    (to / "sam").mkdir()
    example = "environments" if "environments" in f"{mistake.file} {mistake.before}".lower() else "minimal"
    options = OPTIONS[mistake.wish]
    sam = of_sam_tree(tree.configuration(example), to / "sam", options)
    return differences(of_terraform.facts_of(copy.plan(example, **options.terraform)), sam)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_one_tree_is_seen(name: str, terraform_tree: TerraformTree, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    found = seen(terraform_tree, tmp_path, mistake)
    assert {(difference.kind, difference.key) for difference in found} == {(mistake.kind, mistake.key)}
