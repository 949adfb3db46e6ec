"""What every ``JobQueue`` must do: the one in memory, and ours on SQS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from slipway.adapters.clock import SystemClock
from slipway.adapters.sqs_http import SqsJobQueue
from slipway.config import AwsAccess
from slipway.domain.errors import (
    ConfigurationError,
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
)
from slipway.domain.jobs import JobEvent, JobState, decode_job_event
from slipway.ports.queue import JobQueue
from tests.contract.moto import access, client, moto_url
from tests.fakes.aws_stub import AwsStub
from tests.fakes.job_queue import MemoryJobQueue

EVENT = JobEvent(
    action=JobState.QUEUED, job_id=9001, run_id=501, run_attempt=2, organization="Acme", organization_id=7,
    repository="Acme/Rocket", repository_id=77, public=False, labels=("self-hosted", "Medium"),
    received_at=1_795_000_000.25, name="ünïcode ☃ 漢字 😀", conclusion=None,
)  # fmt: skip


@dataclass
class Case:
    queue: JobQueue
    received: Callable[[], list[tuple[str, JobEvent]]]  # message group, event


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_url() as url:
        yield url


@pytest.fixture(params=["memory", "sqs"])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "memory":
        memory = MemoryJobQueue()
        return Case(memory, lambda: [(event.organization.lower(), event) for event in memory.events])
    url = request.getfixturevalue("moto")
    sqs = client("sqs", url)
    queue_url = sqs.create_queue(QueueName=f"jobs-{request.node.name.translate(NAMES)[:60]}")["QueueUrl"]

    def received() -> list[tuple[str, JobEvent]]:
        found = []
        while messages := sqs.receive_message(
            QueueUrl=queue_url, MessageSystemAttributeNames=["MessageGroupId"], MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
                found.append((message["Attributes"]["MessageGroupId"], decode_job_event(message["Body"])))
        return found

    return Case(SqsJobQueue(queue_url, access(url), SystemClock()), received)


NAMES = str.maketrans("[]", "--")


def test_what_is_sent_arrives_unchanged(case: Case) -> None:
    case.queue.send(EVENT)
    assert case.received() == [("acme", EVENT)]


def test_events_of_one_organization_share_a_group_whatever_the_case_of_its_login(case: Case) -> None:
    case.queue.send(EVENT)
    case.queue.send(replace(EVENT, organization="ACME", job_id=2))
    case.queue.send(replace(EVENT, organization="globex", job_id=3))
    assert sorted((group, event.job_id) for group, event in case.received()) == [
        ("acme", 2), ("acme", 9001), ("globex", 3),
    ]  # fmt: skip


def test_the_largest_event_that_can_be_read_is_taken(case: Case) -> None:
    labels = tuple(f"{number:0256d}" for number in range(100))
    wide = "😀" * 200
    event = replace(EVENT, labels=labels, name=wide, workflow=wide, branch=wide, runner_name=wide)
    case.queue.send(event)
    assert case.received() == [("acme", event)]


@pytest.mark.parametrize("kind", ["memory", "sqs"])
def test_an_error_is_one_of_ours_and_the_next_event_is_taken(kind: str) -> None:
    with AwsStub({}) as aws:
        memory = MemoryJobQueue()
        sqs = SqsJobQueue("https://sqs.eu-west-1.amazonaws.com/1/jobs", access(aws.url), SystemClock())
        queue: JobQueue = memory if kind == "memory" else sqs
        memory.next_error = UnavailableError("down")
        aws.failures.extend([(500, b"{}")] * 2)
        with pytest.raises(UnavailableError):
            queue.send(EVENT)
        queue.send(EVENT)
        assert len(memory.events) + len(aws.messages) == 1


@pytest.mark.parametrize(
    ("status", "code", "wanted"),
    [
        (400, "com.amazonaws.sqs#QueueDoesNotExist", ConfigurationError),
        (403, "AccessDeniedException", ConfigurationError),
        (403, "com.amazon.coral.service#InvalidClientTokenId", ConfigurationError),
        (403, "SignatureDoesNotMatch", ConfigurationError),
        (403, "ExpiredTokenException", UnavailableError),
        (400, "com.amazonaws.sqs#RequestThrottled", ThrottledError),
        (400, "ThrottlingException", ThrottledError),
        (429, "", ThrottledError),
        (400, "com.amazonaws.sqs#InvalidMessageContents", RefusedError),
        (500, "InternalFailure", UnavailableError),
        (503, "", UnavailableError),
        (200, "odd", UnavailableError),
    ],
)
def test_an_error_of_sqs_becomes_ours_by_its_code(status: int, code: str, wanted: type[SlipwayError]) -> None:
    body = b"<html>" if code in ("", "odd") else f'{{"__type":"{code}","message":"quotes input"}}'.encode()
    with AwsStub({}) as aws:
        aws.failures.extend([(status, body)] * 2)
        with pytest.raises(wanted) as caught:
            SqsJobQueue("https://sqs.eu-west-1.amazonaws.com/1/jobs", access(aws.url), SystemClock()).send(
                EVENT
            )
    assert type(caught.value) is wanted
    assert "quotes input" not in str(caught.value)


def test_a_queue_that_does_not_exist_is_the_operator_s_to_mend(moto: str) -> None:
    with pytest.raises(ConfigurationError, match="QueueDoesNotExist"):
        SqsJobQueue(f"{moto}/123456789012/nowhere", access(moto), SystemClock()).send(EVENT)


def test_nobody_listening_is_unavailable() -> None:
    with AwsStub({}) as aws:
        url = aws.url
    with pytest.raises(UnavailableError, match="no reply"):
        SqsJobQueue("https://sqs.eu-west-1.amazonaws.com/1/jobs", access(url), SystemClock()).send(EVENT)


def test_a_refusal_is_not_tried_twice_and_a_server_error_is() -> None:
    with AwsStub({}) as aws:
        queue = SqsJobQueue("https://sqs.eu-west-1.amazonaws.com/1/jobs", access(aws.url), SystemClock())
        aws.failures.append((400, b'{"__type":"InvalidMessageContents"}'))
        with pytest.raises(RefusedError):
            queue.send(EVENT)
        assert len(aws.targets) == 1
        aws.failures.append((503, b""))
        queue.send(EVENT)
        assert len(aws.messages) == 1


@pytest.mark.parametrize(
    ("endpoints", "wanted"),
    [({}, "queue"), ({"": "all"}, "all"), ({"": "all", "sqs": "sqs"}, "sqs"), ({"s3": "all"}, "queue")],
)
def test_the_endpoint_is_the_service_s_own_or_the_common_one_or_the_queue_s(
    endpoints: dict[str, str], wanted: str
) -> None:
    with AwsStub({}) as queue, AwsStub({}) as common, AwsStub({}) as own:
        stubs = {"queue": queue, "all": common, "sqs": own}
        places = {name: stubs[stub].url for name, stub in endpoints.items()}
        given = AwsAccess("eu-west-1", "AKIDEXAMPLE", "made-up", "", places)
        SqsJobQueue(f"{queue.url}/1/jobs", given, SystemClock()).send(EVENT)
        assert [name for name, stub in stubs.items() if stub.messages] == [wanted]
