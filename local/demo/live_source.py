"""The demo's ledger, read under the lock of its world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.live.reading import Reader, Reading, finished_since
from local.live.waits import WINDOW_SECONDS
from local.twin_deployment import TABLE
from slipway.adapters.ledger import dynamo_ledger

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
            try:
                finished = list(finished_since(self._reader.ledger, now - WINDOW_SECONDS, now))
                return self._reader.read(now, finished)
            finally:
                calls.clear()
                calls.update(counted)
