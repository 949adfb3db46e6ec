"""Usage lines of a deployment, read from its table with the operator's own credentials."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.reports.source import usage_of
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.configuration import Configuration
from slipway.domain.errors import SlipwayError
from slipway.domain.usage import Usage


class NoDeploymentError(Exception):
    """A deployment that cannot be read; the message says why and what to do."""


def read_deployment(
    configuration: Configuration, region: str | None, start: float | None, end: float | None, now: float
) -> list[Usage]:
    """Read the usage of a range from a deployment's table, up to now; without a start, of this month (UTC).

    Raises:
        NoDeploymentError: there is no such table, or it may not be read.
    """
    month = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    first = month.timestamp() if start is None else start
    try:
        ledger = dynamo_ledger(boto3.client("dynamodb", region_name=region), configuration.deployment)
        return list(usage_of(ledger, configuration, first, min(now, end or now)))
    except (BotoCoreError, ClientError, SlipwayError) as fault:
        raise NoDeploymentError(
            f"the table {configuration.deployment} cannot be read: {fault}. This needs AWS credentials that may"
            " dynamodb:Query it, and the home region (--region or AWS_REGION)"
        ) from fault
