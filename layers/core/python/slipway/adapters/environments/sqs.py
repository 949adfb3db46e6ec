"""The ``environments`` queue over botocore, for the function itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.environments.pulls import LOOK_MESSAGE

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsEnvironmentQueue:
    """Implements ``ports.environments.EnvironmentQueue``."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def look_again(self, delay_seconds: int) -> None:
        """Ask for another look after a delay."""
        with aws_errors("asking for another look at environments"):
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=LOOK_MESSAGE, DelaySeconds=delay_seconds
            )
