"""The demo's ledger, read under the lock of its world."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.deployment import TABLE
from local.live.reading import Reader, Reading
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.usage import JobUsage

if TYPE_CHECKING:
    from local.demo.world import World


@dataclass(slots=True)
class DemoSource:
    """Looks at a demo's ledger."""

    world: World
    _reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        ledger = dynamo_ledger(self.world.aws.client("dynamodb"), TABLE)
        self._reader = Reader(ledger, self.world.configuration.pools)

    def read(self) -> Reading:
        """Look at it; what looking calls is not counted as the deployment's."""
        with self.world.lock:
            calls = self.world.aws.calls
            counted = dict(calls)
            now = self.world.clock.now()
            lines = self._reader.ledger.usage.of_day(f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}")
            reading = self._reader.read(now, [line for line in lines if isinstance(line, JobUsage)])
            calls.clear()
            calls.update(counted)
        return reading
