"""AWS's errors in our words: one table, whichever service, in process and from the wire."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectTimeoutError

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.errors import (
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)
from tests.contract.aws_faces import REGION, Face

CODES: dict[str, tuple[str, str, type[SlipwayError]]] = {
    "ecs throttle": ("ecs", "ThrottlingException", ThrottledError),
    "ec2 throttle": ("ec2", "RequestLimitExceeded", ThrottledError),
    "dynamodb throttle": ("dynamodb", "ProvisionedThroughputExceededException", ThrottledError),
    "ecs server": ("ecs", "ServerException", UnknownOutcomeError),
    "ec2 server": ("ec2", "InternalError", UnknownOutcomeError),
    "dynamodb server": ("dynamodb", "InternalServerError", UnknownOutcomeError),
    "ec2 down": ("ec2", "Unavailable", UnavailableError),
    "ec2 lost": ("ec2", "LostReply", UnknownOutcomeError),
    "ecs lost": ("ecs", "LostReply", UnknownOutcomeError),
    "ecs refusal": ("ecs", "InvalidParameterException", RefusedError),
    "ecs permission": ("ecs", "AccessDeniedException", RefusedError),
    "ec2 permission": ("ec2", "UnauthorizedOperation", RefusedError),
}
OPERATIONS = {
    "ecs": ("DescribeTasks", "describe_tasks"),
    "ec2": ("DescribeInstances", "describe_instances"),
    "dynamodb": ("DescribeTable", "describe_table"),
}


def call(aws: Face, service: str) -> Any:
    parameters: dict[str, Any] = {"dynamodb": {"TableName": "ledger"}, "ecs": {"tasks": ["0" * 32]}}
    return getattr(aws.client(service), OPERATIONS[service][1])(**parameters.get(service, {}))


@pytest.mark.parametrize("kind", CODES)
def test_a_code_becomes_the_error_that_says_what_to_do(aws: Face, kind: str) -> None:
    service, code, wanted = CODES[kind]
    with aws.lock:
        aws.account.faults.next_error(service, OPERATIONS[service][0], code, message="because of this")
    with pytest.raises(SlipwayError) as caught, aws_errors("doing something"):
        call(aws, service)
    assert type(caught.value) is wanted
    assert str(caught.value).startswith("doing something: ")
    assert caught.value.__cause__ is not None
    if isinstance(caught.value, RefusedError):
        assert caught.value.code == code


def test_a_code_that_nobody_foresaw_passes_untouched(aws: Face) -> None:
    with aws.lock:
        aws.account.faults.next_error("ec2", "DescribeInstances", "SomethingNew")
    with pytest.raises(ClientError) as caught, aws_errors("doing something"):
        call(aws, "ec2")
    assert caught.value.response["Error"]["Code"] == "SomethingNew"


def test_where_nobody_listens_nothing_happened() -> None:
    client = boto3.client(
        "sqs", endpoint_url="http://127.0.0.1:9", region_name=REGION, aws_access_key_id="x",
        aws_secret_access_key="x", config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    with pytest.raises(UnavailableError, match="no connection"), aws_errors("asking"):
        client.list_queues()


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (ConnectTimeoutError(endpoint_url="https://x"), UnavailableError),
        (ConnectionClosedError(endpoint_url="https://x"), UnknownOutcomeError),
    ],
)
def test_a_connection_that_broke_is_told_from_one_that_never_was(
    fault: Exception, wanted: type[SlipwayError]
) -> None:
    with pytest.raises(wanted), aws_errors("asking"):
        raise fault


def test_errors_of_ours_pass_through() -> None:
    with pytest.raises(RefusedError, match=r"^as it is$"), aws_errors("asking"):
        raise RefusedError("as it is")
