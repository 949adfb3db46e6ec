"""A hook's deliveries in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from slipway.domain.errors import RefusedError, SlipwayError
from slipway.domain.redelivery import FailedDelivery


@dataclass
class FakeDeliveries:
    """Implements ``ports.github.Deliveries``; what is asked for again arrives, unless ``refusals`` names its id."""

    failed: list[FailedDelivery] = field(default_factory=list)
    refusals: dict[int, SlipwayError] = field(default_factory=dict)
    next_error: SlipwayError | None = None
    asked: list[int] = field(default_factory=list)
    listed_since: list[float] = field(default_factory=list)
    parts: int = 0

    def failed_since(self, since: float) -> Iterator[list[FailedDelivery]]:
        """List what failed, a hundred a part; a failure stays listed when its delivery was sent again."""
        error, self.next_error = self.next_error, None
        if error:
            raise error
        self.listed_since.append(since)
        found = [item for item in reversed(self.failed) if item.delivered_at >= since]
        for start in range(0, max(1, len(found)), 100):
            self.parts += 1
            yield found[start : start + 100]

    def redeliver(self, delivery_id: int) -> None:
        """Note what was asked for."""
        if delivery_id in self.refusals:
            raise self.refusals[delivery_id]
        if all(item.delivery_id != delivery_id for item in self.failed):
            raise RefusedError("Not Found", code="404")
        self.asked.append(delivery_id)
