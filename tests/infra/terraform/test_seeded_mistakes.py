"""A mistake of each kind, put into the tree on purpose, is found. Without an account, and before anybody plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.infra_check.terraform.run import TerraformError
from tests.support.terraform_tree import TerraformTree

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]

# What is found by `terraform validate`: a file, what stands there, what stands there then, and what is said of it.
MISTAKES = {
    "a misspelt argument": (
        "queues.tf",
        "message_retention_seconds = local.longest_retention_seconds",
        "message_retention_secs = local.longest_retention_seconds",
        'Unsupported argument: An argument named "message_retention_secs" is not expected here.',
    ),
    "a misspelt argument of a block in a block": (
        "modules/pool/main.tf",
        "volume_size           = block_device_mappings.value.gib",
        "volume_gib            = block_device_mappings.value.gib",
        'Unsupported argument: An argument named "volume_gib" is not expected here.',
    ),
    "a misspelt block": (
        "functions.tf",
        "scaling_config {",
        "scaling {",
        'Unsupported block type: Blocks of type "scaling" are not expected here.',
    ),
    "an argument of a module that it does not have": (
        "functions.tf",
        "memory_mib           = local",
        "memory_mb            = local",
        'Unsupported argument: An argument named "memory_mb" is not expected here.',
    ),
    "a wrong type": (
        "functions.tf",
        "batch_size                         = 10",
        'batch_size                         = "ten"',
        'Incorrect attribute value type: Inappropriate value for attribute "batch_size": a number is required.',
    ),
    "a list where there is one": (
        "schedules.tf",
        "role_arn = aws_iam_role.schedules.arn\n    input    = jsonencode({ slipway",
        "role_arn = [aws_iam_role.schedules.arn]\n    input    = jsonencode({ slipway",
        'Inappropriate value for attribute "role_arn": string required',
    ),
    "an unknown type of resource": (
        "queues.tf",
        'resource "aws_sqs_queue_redrive_allow_policy"',
        'resource "aws_sqs_queue_redrive_allowance"',
        'Invalid resource type: The provider hashicorp/aws does not support resource type "aws_sqs_queue_redrive_al',
    ),
    "an unknown data source": (
        "main.tf",
        'data "aws_partition" "this"',
        'data "aws_partitions" "this"',
        'Invalid data source: The provider hashicorp/aws does not support data source "aws_partitions".',
    ),
    "a reference to an attribute that is not there": (
        "functions.tf",
        "SLIPWAY_JOBS_QUEUE_URL = aws_sqs_queue.jobs.url",
        "SLIPWAY_JOBS_QUEUE_URL = aws_sqs_queue.jobs.uri",
        'Unsupported attribute: This object has no argument, nested block, or exported attribute named "uri".',
    ),
    "a reference to a resource that is not there": (
        "functions.tf",
        "SLIPWAY_TABLE            = aws_dynamodb_table.this.name",
        "SLIPWAY_TABLE            = aws_dynamodb_table.ledger.name",
        "Reference to undeclared resource",
    ),
    "an output of a module that is not there": (
        "webhook.tf",
        'module.functions["webhook"].arn',
        'module.functions["webhook"].uri',
        'Unsupported attribute: This object does not have an attribute named "uri".',
    ),
    "a required argument that is missing": (
        "modules/function/main.tf",
        "  function_name = var.name\n",
        "",
        'Missing required argument: The argument "function_name" is required, but no definition was found.',
    ),
    "a required argument of a block that is missing": (
        "schedules.tf",
        'mode = "OFF"',
        "maximum_window_in_minutes = 1",
        'Missing required argument: The argument "mode" is required, but no definition was found.',
    ),
    "a required block that is missing": (
        "schedules.tf",
        '  flexible_time_window {\n    mode = "OFF"\n  }\n',
        "",
        'Insufficient flexible_time_window blocks: At least 1 "flexible_time_window" blocks are required.',
    ),
    "two blocks where there may be one": (
        "table.tf",
        '  ttl {\n    attribute_name = "expires_at"\n    enabled        = true\n  }\n',
        '  ttl {\n    attribute_name = "expires_at"\n  }\n  ttl {\n    attribute_name = "ttl"\n  }\n',
        'Too many ttl blocks: No more than 1 "ttl" blocks are allowed',
    ),
    "a value that only AWS decides": (
        "table.tf",
        'billing_mode = "PAY_PER_REQUEST"',
        'billing_mode = "PAY_PER_REQUEST"\n  arn          = "arn:aws:dynamodb:eu-west-1:111122223333:table/x"',
        "Value for a read-only attribute: aws_dynamodb_table: arn is decided by AWS and cannot be set.",
    ),
    "a variable that is not declared": (
        "table.tf",
        "deletion_protection_enabled = var.deletion_protection",
        "deletion_protection_enabled = var.protect",
        "Reference to undeclared input variable",
    ),
}

# What validates, and is found by `terraform test`.
FOUND_BY_TESTS = {
    "a claim route without authorizer": (
        "claims.tf",
        'authorization_type = "AWS_IAM"',
        'authorization_type = "NONE"',
        "deployment",
        "a claim route without authorizer",
    ),
    "a claim method without authorizer": (
        "claims.tf",
        'authorization = "AWS_IAM"',
        'authorization = "NONE"',
        "private_api",
        "a claim method without authorizer",
    ),
    "a visibility timeout that is too short": (
        "queues.tf",
        "6 * local.functions.scaler.timeout_seconds",
        "5 * local.functions.scaler.timeout_seconds",
        "deployment",
        "not six times 60 s",
    ),
    "a variable that refuses nothing": (
        "variables.tf",
        'can(regex("^[A-Za-z0-9_-]{16,128}$", var.webhook_path))',
        'can(regex("", var.webhook_path))',
        "variables",
        "Missing expected failure",
    ),
    "a security group that lets more in": (
        "modules/network/main.tf",
        "to_port                      = 443",
        "to_port                      = 65535",
        "network",
        "more than hosts reach the endpoint, or another port",
    ),
}


def seeded(tree: TerraformTree, folder: Path, file: str, old: str, new: str) -> TerraformTree:
    copy = tree.copy(folder / "seeded")
    path = copy.folder / file
    text = path.read_text("utf-8")
    assert old in text, f"{file} has changed: {old!r} is not in it"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return copy


@pytest.mark.parametrize("mistake", MISTAKES)
def test_validate_finds(mistake: str, terraform_tree: TerraformTree, tmp_path: Path) -> None:
    file, old, new, words = MISTAKES[mistake]
    copy = seeded(terraform_tree, tmp_path, file, old, new)
    place = copy.folder / Path(file).parent
    faults = copy.terraform.faults(place)
    assert any(words in fault for fault in faults), faults


@pytest.mark.parametrize("mistake", FOUND_BY_TESTS)
def test_its_tests_find(mistake: str, terraform_tree: TerraformTree, tmp_path: Path) -> None:
    file, old, new, test, words = FOUND_BY_TESTS[mistake]
    copy = seeded(terraform_tree, tmp_path, file, old, new)
    with pytest.raises(TerraformError) as refused:
        copy.run_tests(test)
    assert words in str(refused.value)
