"""Where usage lines come from: the ledger of a deployment or of a simulation."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.domain.configuration import Configuration
from slipway.domain.usage import Usage, usage_of_instance, usage_of_runner, utc_days
from slipway.ports.ledger import Ledger

LONGEST_LIFE_SECONDS = (
    2 * 86_400
)  # an instance is written down when it ends; by then most are younger (`max_age`)


def usage_of(ledger: Ledger, configuration: Configuration, start: float, end: float) -> Iterator[Usage]:
    """Read the lines of what ended within a range or soon after it, and make those of what still runs at its end.

    What ended later than two days after the range is not found; what runs at ``end`` is only looked at where that is
    now, which the caller knows.
    """
    for day in utc_days(start, end + LONGEST_LIFE_SECONDS):
        yield from ledger.usage.of_day(day)
    for pool in sorted(configuration.pools):
        snapshot = ledger.snapshots.read(pool, end)
        yield from (usage_of_instance(item, end) for item in snapshot.instances if item.runs)
        yield from (usage_of_runner(runner, end) for runner in snapshot.runners)
