"""The ``jobs`` queue over plain HTTP, for the function that must not import botocore."""

from __future__ import annotations

from urllib.parse import urlsplit

from slipway.adapters.aws_http import AwsJsonEndpoint, Protocol
from slipway.adapters.sigv4 import Scope
from slipway.config import AwsAccess
from slipway.domain.jobs import JobEvent, encode_job_event
from slipway.ports.clock import Clock

_PROTOCOL = Protocol(version="1.0", target_prefix="AmazonSQS")


class SqsJobQueue:
    """Implements ``ports.queue.JobQueue`` with SQS' JSON protocol [SQS-JSON]."""

    def __init__(self, queue_url: str, access: AwsAccess, clock: Clock) -> None:
        self._queue_url = queue_url
        self._endpoint = endpoint_of(queue_url, access, clock)

    def send(self, event: JobEvent) -> None:
        """Put one job event on the queue; its organization is its message group [SQS-FAIR]."""
        self._endpoint.call(
            "SendMessage",
            {
                "QueueUrl": self._queue_url,
                "MessageBody": encode_job_event(event),
                "MessageGroupId": event.organization.lower(),
            },
        )


def endpoint_of(queue_url: str, access: AwsAccess, clock: Clock) -> AwsJsonEndpoint:
    """Return where a queue is asked."""
    place = urlsplit(queue_url)
    endpoint = access.endpoints.get("sqs") or access.endpoints.get("")
    return AwsJsonEndpoint(
        endpoint or f"{place.scheme}://{place.netloc}",
        Scope("sqs", access.region),
        _PROTOCOL,
        access,
        clock,
    )
