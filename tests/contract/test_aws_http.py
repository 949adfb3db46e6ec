"""The AWS twin over loopback HTTP: requests that are none, and many at once."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from local.twin.http.aws import AwsServer
from tests.support.two_faces import (
    CLUSTER,
    FLEET,
    Face,
    advance,
    both,
    boto3_client,
    build,
    prepare,
    two_faces,
)


@pytest.fixture
def server() -> Iterator[AwsServer]:
    with AwsServer(build()) as running:
        yield running


def post(server: AwsServer, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[-1]))
    connection.request(
        "POST", "/123456789012/jobs", body, {k.replace("_", "-"): v for k, v in headers.items()}
    )
    answer = connection.getresponse()
    parsed: dict[str, Any] = json.loads(answer.read())
    connection.close()
    return answer.status, parsed


@pytest.mark.parametrize(
    ("target", "body", "status", "kind"),
    [
        ("AmazonSQS.SendMessage", b"{", 400, "SerializationException"),
        ("AmazonSQS.SendMessage", b"\xff", 400, "SerializationException"),
        ("AmazonSQS.SendMessage", b"{}", 400, "ValidationException"),
        ("AmazonSQS.SendMessage", b"[]", 400, "SerializationException"),
        (
            "AmazonSQS.SendMessage",
            b'{"QueueUrl": "q", "MessageBody": "a", "MessageAttributes": []}',
            400,
            "ValidationException",
        ),
        ("AmazonSQS.SendMessage", b'{"QueueUrl": 7, "MessageBody": "a"}', 400, "ValidationException"),
        ("AmazonSQS.StartMessageMoveTask", b"{}", 400, "UnknownOperationException"),
        ("AmazonSQS.Nonsense", b"{}", 400, "UnknownOperationException"),
        ("AmazonSQS.exceptions", b"{}", 400, "UnknownOperationException"),
    ],
)
def test_what_is_no_request_is_answered_and_changes_nothing(
    server: AwsServer, target: str, body: bytes, status: int, kind: str
) -> None:
    answered, parsed = post(server, body, X_Amz_Target=target)
    assert (answered, parsed["__type"].rsplit("#", 1)[-1]) == (status, kind)


EC2_SCOPE = "AWS4-HMAC-SHA256 Credential=AKID/20270115/ap-northeast-1/ec2/aws4_request, Signature=0"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"Action=Nonsense", b"UnknownOperationException"),
        (b"", b"UnknownOperationException"),
        (b"Action=TerminateInstances", b"ValidationException"),
        (b"Action=TerminateInstances&InstanceId.x=i-1", b"InvalidRequest"),
        (b"Action=TerminateInstances&InstanceId=i-1", b"InvalidRequest"),
        (b"Action=DescribeInstances&Filter.1=a&Filter.1.Name=b", b"InvalidRequest"),
        (b"Action=DescribeInstances&MaxResults=many", b"InvalidRequest"),
        (b"\xff", b"UnknownOperationException"),
        (b"Action=DescribeInstances&MaxResults=\xff", b"InvalidRequest"),
    ],
)
def test_what_is_no_ec2_request_is_answered_too(server: AwsServer, body: bytes, code: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[-1]))
    connection.request("POST", "/", body, {"Authorization": EC2_SCOPE})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status == 400
    assert b"<Code>" + code + b"</Code>" in text


def test_a_request_for_no_known_service_is_not_found(server: AwsServer) -> None:
    assert post(server, b"{}", X_Amz_Target="Nonsense.Do")[0] == 404
    assert post(server, b"")[0] == 404


def test_many_threads_see_one_consistent_account(server: AwsServer) -> None:
    client = boto3_client("dynamodb", server.url)
    client.create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    failures: list[Exception] = []

    def add() -> None:
        try:
            for _ in range(20):
                client.update_item(
                    TableName="ledger",
                    Key={"PK": {"S": "counter"}},
                    UpdateExpression="ADD n :one",
                    ExpressionAttributeValues={":one": {"N": "1"}},
                )
        except ClientError as error:
            failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert server.twin.dynamodb.items("ledger")[0]["n"] == {"N": "80"}
    client.close()


@pytest.fixture
def faces() -> Iterator[tuple[Face, Face]]:
    """Equal twins: direct, and over HTTP."""
    yield from two_faces()


def test_a_task_gets_its_credentials_over_http_and_nobody_else_any(
    server: AwsServer, faces: tuple[Face, Face]
) -> None:
    """[IAM-TASK-CREDENTIALS]"""
    prepare(faces)
    both(faces, "ec2", "create_fleet", **FLEET)
    advance(faces, 0)
    arn = both(faces, "ecs", "run_task", cluster=CLUSTER, taskDefinition="slipway-medium")["tasks"][0][
        "taskArn"
    ]
    advance(faces, 0)
    with (
        AwsServer(faces[0].twin) as mine,
        urllib.request.urlopen(f"{mine.url}/v2/credentials/{arn[-32:]}") as answer,
    ):
        credentials = json.load(answer)
    assert set(credentials) == {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    with pytest.raises(HTTPError) as error:
        urllib.request.urlopen(f"{server.url}/v2/credentials/{arn[-32:]}")
    assert error.value.code == 404
    error.value.close()
