"""The ``environments`` queue over plain HTTP, for the webhook."""

from __future__ import annotations

from slipway.adapters.sqs_http import endpoint_of
from slipway.config import AwsAccess
from slipway.domain.environments.pulls import PullRequestEvent, encode_pull_request_event
from slipway.ports.clock import Clock


class SqsPullRequestQueue:
    """Implements ``ports.pull_requests.PullRequestQueue`` with SQS' JSON protocol [SQS-JSON]."""

    def __init__(self, queue_url: str, access: AwsAccess, clock: Clock) -> None:
        self._queue_url = queue_url
        self._endpoint = endpoint_of(queue_url, access, clock)

    def send(self, event: PullRequestEvent) -> None:
        """Put one event on the queue; its organization is its message group [SQS-FAIR]."""
        self._endpoint.call(
            "SendMessage",
            {
                "QueueUrl": self._queue_url,
                "MessageBody": encode_pull_request_event(event),
                "MessageGroupId": event.repository.partition("/")[0].lower(),
            },
        )
