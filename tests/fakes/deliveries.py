"""A hook's deliveries in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from slipway.domain.errors import SlipwayError
from slipway.ports.github import FailedDelivery


@dataclass
class FakeDeliveries:
    """Implements ``ports.github.Deliveries``; what is asked for again arrives, unless ``refusals`` names its id."""

    failed: list[FailedDelivery] = field(default_factory=list)
    refusals: dict[int, SlipwayError] = field(default_factory=dict)
    next_error: SlipwayError | None = None
    asked: list[int] = field(default_factory=list)
    listed_since: list[float] = field(default_factory=list)

    def failed_since(self, since: float) -> list[FailedDelivery]:
        """List what failed; a failure stays listed when its delivery was sent again."""
        error, self.next_error = self.next_error, None
        if error:
            raise error
        self.listed_since.append(since)
        return [item for item in reversed(self.failed) if item.delivered_at >= since]

    def redeliver(self, delivery_id: int) -> None:
        """Note what was asked for."""
        if delivery_id in self.refusals:
            raise self.refusals[delivery_id]
        self.asked.append(delivery_id)
