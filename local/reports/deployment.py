"""Usage lines of a deployment, read from its table with the operator's own credentials."""

from __future__ import annotations

from datetime import UTC, datetime

from local.operating.sight import deployed, told_what_is_needed
from local.reports.source import usage_of
from slipway.domain.configuration import Configuration
from slipway.domain.usage import Usage


def read_deployment(
    configuration: Configuration, region: str | None, start: float | None, end: float | None, now: float
) -> list[Usage]:
    """Read the usage of a range from a deployment's table, up to now; without a start, of this month (UTC).

    Raises:
        NoSightError: there is no such table, or it may not be read.
    """
    month = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    first = month.timestamp() if start is None else start
    ledger = deployed(configuration, region, reads_pages=True).ledger
    with told_what_is_needed(configuration):
        return list(usage_of(ledger, configuration, first, min(now, end or now)))
