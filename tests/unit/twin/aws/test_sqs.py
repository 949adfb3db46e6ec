"""Standard queues hide, return, redrive and refuse as documented; moto agrees where it models them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.twin.aws.account import AwsTwin
from local.twin.aws.behaviour import Behaviour
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel
from local.twin_deployment import deployed_rules
from tests.builders import a_configuration


def build(behaviour: Behaviour | None = None) -> AwsTwin:
    clock = VirtualClock(1_800_000_000.0)
    return AwsTwin(clock, latency=LatencyModel.none(), seed=1, behaviour=behaviour, check_wire=True)


@pytest.fixture
def twin() -> AwsTwin:
    return build()


@pytest.fixture
def url(twin: AwsTwin) -> str:
    return str(twin.sqs.create_queue(QueueName="jobs")["QueueUrl"])


def receive(twin: AwsTwin, url: str, **changes: Any) -> list[dict[str, Any]]:
    answer = twin.sqs.receive_message(QueueUrl=url, AttributeNames=["All"], **changes)
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def test_a_received_message_is_hidden_and_comes_back_counted(twin: AwsTwin, url: str) -> None:
    """[SQS-VISIBILITY]"""
    twin.sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="acme")
    first = receive(twin, url)[0]
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert first["Attributes"]["MessageGroupId"] == "acme"
    twin.clock.advance(29)
    assert receive(twin, url) == []
    twin.clock.advance(1)
    assert receive(twin, url)[0]["Attributes"]["ApproximateReceiveCount"] == "2"


def test_only_the_newest_handle_deletes(twin: AwsTwin, url: str) -> None:
    """[SQS-RECEIPT]"""
    twin.sqs.send_message(QueueUrl=url, MessageBody="a")
    old = receive(twin, url)[0]["ReceiptHandle"]
    twin.clock.advance(30)
    new = receive(twin, url)[0]["ReceiptHandle"]
    twin.sqs.delete_message(QueueUrl=url, ReceiptHandle=old)
    assert twin.sqs.bodies("jobs") == ["a"]
    twin.sqs.delete_message(QueueUrl=url, ReceiptHandle=new)
    assert twin.sqs.bodies("jobs") == []


def test_a_delayed_message_waits_and_a_watcher_hears_of_every_visibility(twin: AwsTwin, url: str) -> None:
    heard: list[float] = []
    twin.sqs.watch("jobs", lambda: heard.append(twin.clock.now() - 1_800_000_000))
    twin.sqs.send_message(QueueUrl=url, MessageBody="a", DelaySeconds=4)
    assert receive(twin, url) == []
    twin.clock.advance(4)
    handle = receive(twin, url, VisibilityTimeout=10)[0]["ReceiptHandle"]
    twin.clock.advance(10)
    assert heard == [4.0, 14.0]
    twin.sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    twin.clock.advance(100)
    assert heard == [4.0, 14.0]


def test_a_message_received_too_often_goes_to_the_dead_letters(twin: AwsTwin) -> None:
    """[SQS-REDRIVE]"""
    twin.sqs.create_queue(QueueName="dead")
    policy = {"deadLetterTargetArn": "arn:aws:sqs:ap-northeast-1:123456789012:dead", "maxReceiveCount": 2}
    created = twin.sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": json.dumps(policy)})
    twin.sqs.send_message(QueueUrl=created["QueueUrl"], MessageBody="poison")
    for _ in range(2):
        assert len(receive(twin, created["QueueUrl"])) == 1
        twin.clock.advance(30)
    assert receive(twin, created["QueueUrl"]) == []
    assert twin.sqs.bodies("dead") == ["poison"]


def test_changing_visibility_to_zero_gives_the_message_back(twin: AwsTwin, url: str) -> None:
    twin.sqs.send_message(QueueUrl=url, MessageBody="a")
    handle = receive(twin, url)[0]["ReceiptHandle"]
    twin.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert len(receive(twin, url)) == 1


def test_visibility_of_a_message_no_longer_in_flight_cannot_be_changed(twin: AwsTwin, url: str) -> None:
    twin.sqs.send_message(QueueUrl=url, MessageBody="a")
    handle = receive(twin, url)[0]["ReceiptHandle"]
    twin.clock.advance(31)
    with pytest.raises(twin.sqs.exceptions.MessageNotInflight):
        twin.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)


def test_a_message_past_its_retention_is_gone(twin: AwsTwin, url: str) -> None:
    twin.sqs.send_message(QueueUrl=url, MessageBody="a")
    twin.clock.advance(345_600)
    assert receive(twin, url) == []


def test_the_limit_is_one_mebibyte_a_message_and_a_batch(twin: AwsTwin, url: str) -> None:
    """[SQS-LIMITS]"""
    twin.sqs.send_message(QueueUrl=url, MessageBody="a" * 1_048_576)
    with pytest.raises(ClientError, match="must be shorter"):
        twin.sqs.send_message(QueueUrl=url, MessageBody="a" * 1_048_577)
    entries = [{"Id": str(i), "MessageBody": "a" * 600_000} for i in range(2)]
    with pytest.raises(twin.sqs.exceptions.BatchRequestTooLong):
        twin.sqs.send_message_batch(QueueUrl=url, Entries=entries)


def test_one_bad_entry_of_a_batch_fails_alone(twin: AwsTwin, url: str) -> None:
    entries = [{"Id": "good", "MessageBody": "a"}, {"Id": "bad", "MessageBody": "\x00"}]
    answer = twin.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [e["Id"] for e in answer["Successful"]] == ["good"]
    assert [(e["Id"], e["Code"]) for e in answer["Failed"]] == [("bad", "InvalidMessageContents")]


def test_answers_have_digests_unless_nobody_checks_them(twin: AwsTwin, url: str) -> None:
    sent = twin.sqs.send_message(QueueUrl=url, MessageBody="one")
    (received,) = receive(twin, url)
    assert sent["MD5OfMessageBody"] == received["MD5OfBody"] == hashlib.md5(b"one").hexdigest()
    twin.sqs.has_digests = False
    sent = twin.sqs.send_message(QueueUrl=url, MessageBody="two")
    (received,) = receive(twin, url)
    assert received["Body"] == "two"
    assert not [name for name in {*sent, *received} if name.startswith("MD5")]


def test_messages_are_doubled_when_that_is_switched_on() -> None:
    """[SQS-AT-LEAST-ONCE]"""
    twin = build(Behaviour(doubled_message_rate=0.5))
    url = str(twin.sqs.create_queue(QueueName="jobs")["QueueUrl"])
    for index in range(20):
        twin.sqs.send_message(QueueUrl=url, MessageBody=str(index))
    bodies = [m["Body"] for _ in range(10) for m in receive(twin, url, MaxNumberOfMessages=10)]
    assert set(bodies) == {str(i) for i in range(20)}
    assert len(bodies) > 20


def test_events_reach_a_queue_as_eventbridge_sends_them(stage: Any) -> None:
    stage.twin.sqs.create_queue(QueueName="events")
    stage.twin.route_events("events", deployed_rules(a_configuration()))
    stage.launch()
    stage.clock.advance(0)
    kinds = {json.loads(body)["detail-type"] for body in stage.twin.sqs.bodies("events")}
    assert kinds == {"ECS Container Instance State Change"}


@pytest.fixture
def moto_sqs() -> Iterator[Any]:
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "ap-northeast-1"}
    before = {k: os.environ.get(k) for k in keys}
    os.environ.update(keys)
    with mock_aws():
        yield boto3.client("sqs", region_name="ap-northeast-1")
    for key, value in before.items():
        if value is None:
            del os.environ[key]
        else:
            os.environ[key] = value


Case = Callable[[Any, str], Any]
CASES: dict[str, Case] = {
    "send": lambda c, u: c.send_message(QueueUrl=u, MessageBody="héllo"),
    "send with attributes": lambda c, u: c.send_message(
        QueueUrl=u,
        MessageBody="a",
        MessageAttributes={
            "b": {"DataType": "Binary", "BinaryValue": b"\x01"},
            "a": {"DataType": "String", "StringValue": "v"},
        },
    ),
    "receive nothing": lambda c, u: c.receive_message(QueueUrl=u),
    "receive eleven": lambda c, u: c.receive_message(QueueUrl=u, MaxNumberOfMessages=11),
    "unknown queue": lambda c, u: c.send_message(QueueUrl=u + "x", MessageBody="a"),
    "unknown queue name": lambda c, _u: c.get_queue_url(QueueName="nothing"),
    "too large": lambda c, u: c.send_message(QueueUrl=u, MessageBody="a" * 1_048_577),
    "bad handle": lambda c, u: c.delete_message(QueueUrl=u, ReceiptHandle="zzz"),
    "empty batch": lambda c, u: c.send_message_batch(QueueUrl=u, Entries=[]),
    "eleven in a batch": lambda c, u: c.send_message_batch(
        QueueUrl=u, Entries=[{"Id": str(i), "MessageBody": "x"} for i in range(11)]
    ),
    "ids twice": lambda c, u: c.send_message_batch(QueueUrl=u, Entries=[{"Id": "a", "MessageBody": "x"}] * 2),
}


def outcome(case: Case, client: Any, url: str) -> Any:
    try:
        answer = case(client, url)
    except ClientError as error:
        kept = {k: v for k, v in error.response["Error"].items() if k != "Message"}
        return type(error).__name__, kept
    return {k: v for k, v in answer.items() if k not in {"ResponseMetadata", "MessageId", "QueueUrl"}}


@pytest.mark.parametrize("name", CASES)
def test_the_twin_answers_as_moto_does(name: str, moto_sqs: Any, twin: AwsTwin, url: str) -> None:
    theirs = moto_sqs.create_queue(QueueName="jobs")["QueueUrl"]
    assert outcome(CASES[name], twin.sqs, url) == outcome(CASES[name], moto_sqs, theirs)
