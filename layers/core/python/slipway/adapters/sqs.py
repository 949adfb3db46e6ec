"""Queues over botocore, for the functions that have it anyway."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from slipway.adapters.aws_errors import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_MAX_DELAY_SECONDS = 900  # [SQS-LIMITS]
_MAX_KEPT = 16_384


class SqsWakeups:
    """Implements ``ports.queue.Wakeups``."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def wake(self, pool: str, *, delay_seconds: int = 0, attempt: int = 0) -> None:
        """Ask for a convergence of the pool after a delay."""
        body = json.dumps({"slipway": "wake", "pool": pool, "attempt": attempt})
        with aws_errors(f"waking pool {pool}"):
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body,
                DelaySeconds=min(delay_seconds, _MAX_DELAY_SECONDS),
            )


class SqsDeadLetters:
    """Implements ``ports.queue.DeadLetters``."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def keep(self, body: str, reason: str) -> None:
        """Keep a message where an operator can read it: capped, and free of control characters."""
        readable = "".join(character if character.isprintable() else " " for character in body[:_MAX_KEPT])
        with aws_errors("keeping a message that cannot be read"):
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=json.dumps({"reason": reason[:500], "body": readable}),
            )
