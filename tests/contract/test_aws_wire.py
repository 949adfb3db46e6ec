"""boto3 over HTTP and the direct face give equal answers, in the shapes of botocore's models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.model import Shape
from botocore.validate import ParamValidator

from local.twin.aws.errors import service_model
from tests.support.two_faces import (
    CLUSTER,
    FLEET,
    Face,
    advance,
    both,
    prepare,
    two_faces,
)


@pytest.fixture
def faces() -> Iterator[tuple[Face, Face]]:
    """Equal twins: direct, and over HTTP."""
    yield from two_faces()


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
