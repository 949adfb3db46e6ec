"""AWS's errors in our words: one table, whichever service, in process and from the wire."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectTimeoutError

from local.twin.http.aws import AwsServer
from slipway.adapters import aws_clients
from slipway.adapters.aws_errors import aws_errors
from slipway.domain.errors import (
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)
from tests.contract.aws_faces import REGION, Face, aws_face

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
PARAMETERS: dict[str, dict[str, Any]] = {"dynamodb": {"TableName": "ledger"}, "ecs": {"tasks": ["0" * 32]}}


def call(aws: Face, service: str) -> Any:
    return getattr(aws.client(service), OPERATIONS[service][1])(**PARAMETERS.get(service, {}))


def a_fault(code: str, status: int) -> ClientError:
    """Return what boto3 raises for an answer with that code and status."""
    error = {"Code": code, "Message": "because of this"}
    answer: Any = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "CreateFleet")


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


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (400, RefusedError),
        (403, RefusedError),
        (429, ThrottledError),
        (500, UnknownOutcomeError),
        (504, UnknownOutcomeError),
    ],
)
def test_a_code_that_nobody_foresaw_goes_by_its_status(status: int, wanted: type[SlipwayError]) -> None:
    """A 4xx is a definite no, or an intent that AWS refuses so would be repeated for ever."""
    with (
        pytest.raises(SlipwayError, match=r"^launching: because of this$") as caught,
        aws_errors("launching"),
    ):
        raise a_fault("SomethingNew", status)
    assert type(caught.value) is wanted
    if isinstance(caught.value, RefusedError):
        assert caught.value.code == "SomethingNew"


def test_a_refusal_that_no_table_holds_is_definite_on_every_face(aws: Face) -> None:
    with aws.lock:
        aws.account.faults.next_error("ec2", "DescribeInstances", "InvalidSubnetID.NotFound")
    with pytest.raises(RefusedError) as caught, aws_errors("launching"):
        call(aws, "ec2")
    assert caught.value.code == "InvalidSubnetID.NotFound"


@pytest.mark.parametrize(
    "code",
    [
        "ConditionalCheckFailedException",
        "InvalidInstanceID.NotFound",
        "TransactionCanceledException",
        "TransactionConflictException",
        "TransactionInProgressException",
    ],
)
def test_what_an_adapter_answers_itself_passes_untouched(code: str) -> None:
    with pytest.raises(ClientError) as caught, aws_errors("doing something"):
        raise a_fault(code, 400)
    assert caught.value.response["Error"]["Code"] == code


def test_an_answer_without_a_status_passes_untouched() -> None:
    with pytest.raises(ClientError), aws_errors("doing something"):
        raise ClientError({"Error": {"Code": "SomethingNew"}}, "CreateFleet")


@pytest.fixture
def deployed(aws_server: AwsServer, monkeypatch: pytest.MonkeyPatch) -> AwsServer:
    """Return the server that a function's own clients call."""
    for name, value in {
        "ENDPOINT_URL": aws_server.url,
        "ACCESS_KEY_ID": "x",
        "SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return aws_server


MAKE = {"ecs": aws_clients.ecs.__wrapped__, "ec2": aws_clients.ec2.__wrapped__}
STARTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "run_task": ("ecs", "RunTask", {"taskDefinition": "runner"}),
    "start_instances": ("ec2", "StartInstances", {"InstanceIds": ["i-0123456789abcdef0"]}),
    "create_fleet": (
        "ec2",
        "CreateFleet",
        {
            "LaunchTemplateConfigs": [
                {"LaunchTemplateSpecification": {"LaunchTemplateName": "hosts", "Version": "1"}}
            ],
            "TargetCapacitySpecification": {"TotalTargetCapacity": 1},
        },
    ),
}


@pytest.mark.parametrize("method", sorted(aws_clients.STARTING))
def test_what_starts_machines_is_called_once_so_that_a_throttle_is_about_the_only_call(
    method: str, deployed: AwsServer
) -> None:
    service, operation, parameters = STARTS[method]
    with aws_face("boto3", lambda: deployed) as aws:
        with aws.lock:
            aws.account.faults.next_error(service, operation, "LostReply")
            aws.account.faults.next_error(service, operation, "RequestLimitExceeded", times=9)
        with pytest.raises(UnknownOutcomeError), aws_errors("launching"):
            getattr(MAKE[service](REGION), method)(**parameters)


@pytest.mark.parametrize(
    ("service", "operation", "paginator"),
    [
        ("ecs", "ListTaskDefinitionFamilies", "list_task_definition_families"),
        ("ec2", "DescribeInstances", "describe_instances"),
    ],
)
def test_what_only_reads_is_repeated_where_its_reply_was_lost(
    service: str, operation: str, paginator: str, deployed: AwsServer
) -> None:
    with aws_face("boto3", lambda: deployed) as aws:
        with aws.lock:
            aws.account.faults.next_error(service, operation, "LostReply")
        pages = MAKE[service](REGION).get_paginator(paginator).paginate()
        assert len(list(pages)) == 1
        assert aws.account.calls[f"{service}.{operation}"] == 2


def test_a_client_s_two_halves_are_made_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def make(_service: str, _region: str, endurance: aws_clients.Endurance) -> object:
        made.append(endurance)
        return endurance

    monkeypatch.setattr(aws_clients, "_client", make)
    client: Any = aws_clients.ecs.__wrapped__(REGION)
    assert made == []
    with pytest.raises(AttributeError):
        client.run_task()
    assert made == [aws_clients.ONCE]
    assert [client.read_seconds for _ in range(2)] == [aws_clients.CONTROL.read_seconds] * 2
    assert made == [aws_clients.ONCE, aws_clients.CONTROL]


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
