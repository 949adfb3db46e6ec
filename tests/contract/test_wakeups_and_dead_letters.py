"""What ``Wakeups`` and ``DeadLetters`` must do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.adapters.sqs import SqsDeadLetters, SqsWakeups
from slipway.domain.errors import SlipwayError, ThrottledError, UnknownOutcomeError
from slipway.domain.events import Wake, read_event
from tests.builders import POOL, a_configuration
from tests.contract.aws_faces import Face


@pytest.fixture
def queue(aws: Face) -> str:
    url: str = aws.client("sqs").create_queue(QueueName="events")["QueueUrl"]
    return url


def received(aws: Face, queue: str) -> list[str]:
    messages = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in messages]


def advance(aws: Face, seconds: float) -> None:
    with aws.lock:
        aws.account.clock.advance(seconds)


def test_a_wake_up_arrives_as_the_event_that_the_scaler_reads(aws: Face, queue: str) -> None:
    SqsWakeups(aws.client("sqs"), queue).wake(POOL, attempt=3)
    (body,) = received(aws, queue)
    assert read_event(body, a_configuration()) == Wake(POOL, 3)


@pytest.mark.parametrize(("asked", "after"), [(30, 30), (900, 900), (5_000, 900)])
def test_a_wake_up_waits_as_long_as_asked_and_sqs_allows(
    aws: Face, queue: str, asked: int, after: int
) -> None:
    """[SQS-LIMITS]"""
    SqsWakeups(aws.client("sqs"), queue).wake(POOL, delay_seconds=asked)
    advance(aws, after - 1)
    assert received(aws, queue) == []
    advance(aws, 1)
    assert len(received(aws, queue)) == 1


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("{not json", "{not json"),
        ("a\x00b\r\nc\x1b[31m", "a b  c [31m"),
        ("ünï ☃ 😀", "ünï ☃ 😀"),
        ("", ""),
        ("\u2028\u202e", "  "),
    ],
)
def test_what_is_kept_is_readable_and_says_why(aws: Face, queue: str, body: str, kept: str) -> None:
    SqsDeadLetters(aws.client("sqs"), queue).keep(body, "not JSON")
    (message,) = received(aws, queue)
    assert json.loads(message) == {"reason": "not JSON", "body": kept}


def test_the_largest_message_there_can_be_is_kept_capped(aws: Face, queue: str) -> None:
    """[SQS-LIMITS]"""
    SqsDeadLetters(aws.client("sqs"), queue).keep("😀" * 262_144, "y" * 10_000)
    (message,) = received(aws, queue)
    kept = json.loads(message)
    assert kept["body"] == "😀" * 16_384
    assert len(kept["reason"]) == 500
    assert len(message.encode()) < 262_144


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("RequestThrottled", ThrottledError),
        ("InternalError", UnknownOutcomeError),
        ("LostReply", UnknownOutcomeError),
    ],
)
@pytest.mark.parametrize("port", ["wakeups", "dead letters"])
def test_an_error_of_sqs_becomes_ours(
    aws: Face, queue: str, port: str, code: str, wanted: type[SlipwayError]
) -> None:
    with aws.lock:
        aws.account.faults.next_error("sqs", "SendMessage", code)
    client: Any = aws.client("sqs")
    use = {
        "wakeups": lambda: SqsWakeups(client, queue).wake(POOL),
        "dead letters": lambda: SqsDeadLetters(client, queue).keep("{", "not JSON"),
    }
    with pytest.raises(wanted):
        use[port]()
