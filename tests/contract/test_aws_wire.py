"""boto3 over HTTP and the direct face give equal answers, in the shapes of botocore's models."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.model import Shape
from botocore.validate import ParamValidator

from local.twin.aws.account import AwsTwin
from local.twin.aws.ec2 import ecs_user_data
from local.twin.aws.errors import service_model
from local.twin.clock import VirtualClock
from local.twin.http.aws import AwsServer
from local.twin.latency import LatencyModel

CLUSTER = "slipway-general"
SERVICES = ("ecs", "ec2", "sqs", "dynamodb", "secretsmanager")


def build() -> AwsTwin:
    return AwsTwin(VirtualClock(1_800_000_000.0), latency=LatencyModel.none(), seed=3, check_wire=True)


def boto3_client(service: str, url: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name="ap-northeast-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


class Face:
    """One way to reach a twin."""

    def __init__(self, twin: AwsTwin, client: Callable[[str], Any]) -> None:
        self.twin = twin
        self._clients = {service: client(service) for service in SERVICES}

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        client = self._clients[service]
        try:
            answer = getattr(client, operation)(**parameters)
        except ClientError as error:
            response: dict[str, Any] = dict(error.response)
            metadata = response.pop("ResponseMetadata")
            return type(error).__name__, comparable(response), metadata["HTTPStatusCode"]
        return comparable({k: v for k, v in answer.items() if k != "ResponseMetadata"})

    def close(self) -> None:
        for client in self._clients.values():
            if hasattr(client, "close"):
                client.close()


def comparable(value: Any) -> Any:
    """Moments as epoch seconds; hosts of queue URLs left out; empty members as absent ones.

    An AWS answer does not tell an empty list from none in XML, nor does botocore.
    """
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, dict):
        return {
            k: comparable(v)
            for k, v in value.items()
            if v not in ([], {}, None) and k not in {"message", "Message"}
        }
    if isinstance(value, list):
        return [comparable(v) for v in value]
    return (
        value.split("/")[-1]
        if isinstance(value, str) and value.startswith(("http://", "https://"))
        else value
    )


@pytest.fixture
def faces() -> Iterator[tuple[Face, Face]]:
    """The same account twice: directly, and behind HTTP."""
    direct, served = build(), build()
    with AwsServer(served) as server:
        over_http = Face(served, lambda service: boto3_client(service, server.url))
        yield Face(direct, direct.client), over_http
        over_http.close()


def both(faces: tuple[Face, Face], service: str, operation: str, **parameters: Any) -> Any:
    """Call both; the answers must be equal. Answers the direct one."""
    direct, over_http = (face.call(service, operation, **parameters) for face in faces)
    assert direct == over_http, f"{service}.{operation}"
    return direct


def advance(faces: tuple[Face, Face], seconds: float) -> None:
    for face in faces:
        face.twin.clock.advance(seconds)


def prepare(faces: tuple[Face, Face]) -> None:
    both(faces, "ecs", "create_cluster", clusterName=CLUSTER, tags=[{"key": "a", "value": "b"}])
    both(
        faces, "ecs", "register_task_definition",
        family="slipway-medium", networkMode="bridge", cpu="1024", memory="2048",
        taskRoleArn="arn:aws:iam::123456789012:role/slipway-general-task",
        runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        containerDefinitions=[{"name": "runner", "image": "runner:1", "stopTimeout": 120}],
    )  # fmt: skip
    both(
        faces, "ec2", "create_launch_template",
        LaunchTemplateName="general",
        LaunchTemplateData={
            "ImageId": "ami-0aaaaaaaaaaaaaaaa",
            "InstanceType": "m7i.xlarge",
            "UserData": ecs_user_data(CLUSTER, {"slipway.pool": "general"}),
        },
    )  # fmt: skip


FLEET: dict[str, Any] = {
    "Type": "instant",
    "ClientToken": "intent-1",
    "LaunchTemplateConfigs": [
        {
            "LaunchTemplateSpecification": {"LaunchTemplateName": "general", "Version": "$Latest"},
            "Overrides": [
                {"InstanceType": "m7i.xlarge", "SubnetId": "subnet-a", "Priority": 1.0},
                {"InstanceType": "m7a.xlarge", "SubnetId": "subnet-b", "Priority": 2.0},
            ],
        }
    ],
    "OnDemandOptions": {"AllocationStrategy": "prioritized"},
    "TargetCapacitySpecification": {"TotalTargetCapacity": 3, "DefaultTargetCapacityType": "on-demand"},
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "slipway:pool", "Value": "<general> & co"}]}
    ],
}


def test_a_life_of_instances_and_tasks_reads_the_same_over_both_faces(faces: tuple[Face, Face]) -> None:
    prepare(faces)
    for face in faces:
        face.twin.ec2.capacity.limit(2, instance_type="m7i.xlarge")
    both(faces, "ecs", "run_task", cluster=CLUSTER, taskDefinition="slipway-medium")
    fleet = both(faces, "ec2", "create_fleet", **FLEET)
    ids = [i for group in fleet["Instances"] for i in group["InstanceIds"]]
    assert len(ids) == 3
    assert fleet["Errors"][0]["ErrorCode"] == "InsufficientInstanceCapacity"
    both(faces, "ec2", "create_fleet", **{**FLEET, "Type": "maintain"})
    advance(faces, 0)
    found = both(
        faces, "ec2", "describe_instances",
        Filters=[{"Name": "tag:slipway:pool", "Values": ["<general>*"]}, {"Name": "instance-state-name", "Values": ["running"]}],
        MaxResults=5,
    )  # fmt: skip
    assert len(found["Reservations"]) == 3
    arns = both(faces, "ecs", "list_container_instances", cluster=CLUSTER, status="ACTIVE")[
        "containerInstanceArns"
    ]
    both(faces, "ecs", "describe_container_instances", cluster=CLUSTER, containerInstances=[*arns, "0" * 32])
    run = {
        "cluster": CLUSTER, "taskDefinition": "slipway-medium", "count": 3, "clientToken": "t",
        "startedBy": "slipway/general/1", "placementStrategy": [{"type": "binpack", "field": "memory"}],
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:slipway.pool == general"}],
        "overrides": {"cpu": "2048"},
    }  # fmt: skip
    tasks = [t["taskArn"] for t in both(faces, "ecs", "run_task", **run)["tasks"]]
    both(faces, "ecs", "run_task", **{**run, "count": 2})
    advance(faces, 1)
    both(faces, "ecs", "describe_tasks", cluster=CLUSTER, tasks=[*tasks, "1" * 32], include=["TAGS"])
    both(faces, "ecs", "stop_task", cluster=CLUSTER, task=tasks[0], reason="test")
    both(faces, "ecs", "list_tasks", cluster=CLUSTER, startedBy="slipway/general/1", maxResults=2)
    both(
        faces,
        "ecs",
        "update_container_instances_state",
        cluster=CLUSTER,
        containerInstances=arns[:1],
        status="DRAINING",
    )
    both(faces, "ec2", "stop_instances", InstanceIds=ids[:1])
    advance(faces, 1)
    both(faces, "ec2", "start_instances", InstanceIds=ids[:1])
    both(faces, "ec2", "terminate_instances", InstanceIds=ids[1:])
    advance(faces, 1)
    both(faces, "ec2", "describe_instances", InstanceIds=ids)
    both(
        faces, "ecs", "deregister_container_instance", cluster=CLUSTER, containerInstance=arns[0], force=True
    )
    both(faces, "ecs", "describe_clusters", clusters=[CLUSTER, "unknown"])
    both(faces, "ecs", "describe_task_definition", taskDefinition="slipway-medium")
    assert faces[0].twin.calls == faces[1].twin.calls


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("ecs", "list_tasks", {"cluster": "unknown"}),
        ("ecs", "run_task", {"cluster": CLUSTER, "taskDefinition": "unknown"}),
        ("ecs", "describe_task_definition", {"taskDefinition": "unknown"}),
        ("ec2", "terminate_instances", {"InstanceIds": ["i-0123456789abcdef0"]}),
        ("ec2", "describe_instances", {"InstanceIds": ["nonsense"]}),
        ("sqs", "get_queue_url", {"QueueName": "unknown"}),
        ("dynamodb", "get_item", {"TableName": "unknown", "Key": {"PK": {"S": "a"}}}),
        ("secretsmanager", "get_secret_value", {"SecretId": "unknown"}),
    ],
)
def test_errors_are_the_same_exception_over_both_faces(
    faces: tuple[Face, Face], service: str, operation: str, parameters: dict[str, Any]
) -> None:
    prepare(faces)
    name, response, status = both(faces, service, operation, **parameters)
    assert response["Error"]["Code"]
    assert status >= 400
    assert name


def test_queues_read_the_same_over_both_faces(faces: tuple[Face, Face]) -> None:
    """[SQS-QUERY-CODES]"""
    attributes = {"VisibilityTimeout": "60"}
    both(faces, "sqs", "create_queue", QueueName="jobs", Attributes=attributes)
    both(faces, "sqs", "create_queue", QueueName="jobs", Attributes={"VisibilityTimeout": "1"})
    url = faces[1].call("sqs", "get_queue_url", QueueName="jobs")["QueueUrl"]
    message = {
        "MessageBody": "<ü> & \x85", "MessageGroupId": "acme",
        "MessageAttributes": {"b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
    }  # fmt: skip
    both(faces, "sqs", "send_message", QueueUrl=url, **message)
    both(
        faces,
        "sqs",
        "send_message_batch",
        QueueUrl=url,
        Entries=[{"Id": "1", **message}, {"Id": "2", "MessageBody": "\x00"}],
    )
    both(faces, "sqs", "send_message_batch", QueueUrl=url, Entries=[{"Id": "1", **message}] * 2)
    received = both(
        faces, "sqs", "receive_message",
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"],
    )  # fmt: skip
    assert received["Messages"][0]["MessageAttributes"]["b"]["BinaryValue"] == b"\x00\xff"
    handles = [m["ReceiptHandle"] for m in received["Messages"]]
    both(
        faces, "sqs", "change_message_visibility", QueueUrl=url, ReceiptHandle=handles[0], VisibilityTimeout=9
    )
    entries = [{"Id": str(i), "ReceiptHandle": h} for i, h in enumerate([*handles, "bad"])]
    both(faces, "sqs", "delete_message_batch", QueueUrl=url, Entries=entries)
    both(faces, "sqs", "delete_message", QueueUrl=url, ReceiptHandle="bad")
    both(faces, "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    both(faces, "sqs", "receive_message", QueueUrl=url)


def test_tables_read_the_same_over_both_faces(faces: tuple[Face, Face]) -> None:
    both(
        faces, "dynamodb", "create_table",
        TableName="ledger", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}, {"AttributeName": "SK", "AttributeType": "N"}],
    )  # fmt: skip
    key = {"PK": {"S": "a"}, "SK": {"N": "1"}}
    item = {**key, "b": {"B": b"\x00\x01"}, "m": {"M": {"l": {"L": [{"BOOL": True}, {"NULL": True}]}}}}
    both(faces, "dynamodb", "put_item", TableName="ledger", Item=item, ReturnValues="ALL_OLD")
    both(
        faces,
        "dynamodb",
        "get_item",
        TableName="ledger",
        Key=key,
        ConsistentRead=True,
        ReturnConsumedCapacity="TOTAL",
    )
    refused = {
        "TableName": "ledger",
        "ConditionExpression": "attribute_not_exists(PK)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    name, response, _ = both(faces, "dynamodb", "put_item", Item=item, **refused)
    assert (name, response["Item"]["b"]) == ("ConditionalCheckFailedException", {"B": b"\x00\x01"})
    name, response, _ = both(
        faces, "dynamodb", "transact_write_items",
        TransactItems=[
            {"Put": {"TableName": "ledger", "Item": {**key, "SK": {"N": "2"}}}},
            {"ConditionCheck": {"Key": key, **refused}},
        ],
    )  # fmt: skip
    assert (name, response["CancellationReasons"][1]["Code"]) == (
        "TransactionCanceledException",
        "ConditionalCheckFailed",
    )
    both(
        faces, "dynamodb", "update_item",
        TableName="ledger", Key=key, UpdateExpression="SET n = if_not_exists(n, :z) + :z REMOVE b",
        ExpressionAttributeValues={":z": {"N": "2"}}, ReturnValues="ALL_NEW",
    )  # fmt: skip
    both(
        faces, "dynamodb", "query",
        TableName="ledger", KeyConditionExpression="PK = :p AND SK > :s",
        ExpressionAttributeValues={":p": {"S": "a"}, ":s": {"N": "0"}}, Limit=1,
    )  # fmt: skip
    both(faces, "dynamodb", "batch_write_item", RequestItems={"ledger": [{"DeleteRequest": {"Key": key}}]})
    both(faces, "dynamodb", "batch_get_item", RequestItems={"ledger": {"Keys": [key]}})
    both(faces, "dynamodb", "scan", TableName="ledger")
    both(faces, "dynamodb", "describe_table", TableName="ledger")


def test_secrets_read_the_same_over_both_faces(faces: tuple[Face, Face]) -> None:
    both(
        faces,
        "secretsmanager",
        "create_secret",
        Name="webhook",
        SecretString="one",
        ClientRequestToken="0" * 32,
    )
    both(
        faces,
        "secretsmanager",
        "create_secret",
        Name="webhook",
        SecretString="one",
        ClientRequestToken="0" * 32,
    )
    both(
        faces,
        "secretsmanager",
        "put_secret_value",
        SecretId="webhook",
        SecretString="two",
        ClientRequestToken="1" * 32,
    )
    assert both(faces, "secretsmanager", "get_secret_value", SecretId="webhook")["SecretString"] == "two"
    old = both(faces, "secretsmanager", "get_secret_value", SecretId="webhook", VersionId="0" * 32)
    assert old["VersionStages"] == ["AWSPREVIOUS"]


def test_a_lost_reply_closes_the_connection_after_the_effect(faces: tuple[Face, Face]) -> None:
    _, over_http = faces
    over_http.call("sqs", "create_queue", QueueName="jobs")
    over_http.twin.faults.next_error("sqs", "SendMessage", "LostReply", after_success=True)
    with pytest.raises(ConnectionClosedError):
        over_http.call("sqs", "send_message", QueueUrl="jobs", MessageBody="a")
    assert over_http.twin.sqs.bodies("jobs") == ["a"]


def event_fault(name: str, event: dict[str, Any]) -> str:
    """What of an event's detail is not in the API shape of the same thing; moments are text there."""
    shape = service_model("ecs").shape_for(name)
    extra = {"clusterArn", "updatedAt"} - set(getattr(shape, "members", {}))
    members = {k: v for k, v in event["detail"].items() if k not in extra | {"updatedAt"}}
    return str(ParamValidator().validate(with_moments(shape, members), shape).generate_report())


def with_moments(shape: Shape, value: Any) -> Any:
    known: Any = getattr(shape, "members", {})
    return {
        k: datetime.fromisoformat(v) if k in known and known[k].type_name == "timestamp" else v
        for k, v in value.items()
    }


def test_events_have_the_shape_of_the_api(faces: tuple[Face, Face]) -> None:
    """[ECS-EVENT-SHAPE]"""
    prepare(faces)
    events: list[dict[str, Any]] = []
    faces[0].twin.subscribe(events.append)
    both(faces, "ec2", "create_fleet", **FLEET)
    advance(faces, 0)
    both(faces, "ecs", "run_task", cluster=CLUSTER, taskDefinition="slipway-medium", count=2)
    advance(faces, 1)
    shapes = {"ECS Task State Change": "Task", "ECS Container Instance State Change": "ContainerInstance"}
    checked = [event_fault(shapes[e["detail-type"]], e) for e in events if e["detail-type"] in shapes]
    assert len(checked) > 8
    assert set(checked) == {""}
    assert json.loads(json.dumps(events)) == events


@pytest.fixture
def server() -> Iterator[AwsServer]:
    with AwsServer(build()) as running:
        yield running


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
