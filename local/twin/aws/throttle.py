"""Token buckets as AWS documents its API throttles [ECS-THROTTLE] [EC2-THROTTLE]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Refills `rate` tokens a second up to `burst`."""

    burst: float
    rate: float
    tokens: float = -1.0
    refilled_at: float = 0.0

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take that many tokens, or none and answer False."""
        if self.tokens < 0:
            self.tokens = self.burst
        else:
            self.tokens = min(self.burst, self.tokens + (now - self.refilled_at) * self.rate)
        self.refilled_at = now
        if self.tokens < tokens:
            return False
        self.tokens -= tokens
        return True


class Throttle:
    """Named buckets, and which operations draw on which."""

    def __init__(self, buckets: Mapping[str, tuple[float, float]], operations: Mapping[str, str]) -> None:
        self._buckets = {name: TokenBucket(burst, rate) for name, (burst, rate) in buckets.items()}
        self._operations = operations

    def admits(self, operation: str, now: float) -> bool:
        """Whether a call of that operation passes; an operation without a bucket always does."""
        name = self._operations.get(operation)
        return name is None or self._buckets[name].take(now)
