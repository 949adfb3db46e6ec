"""Watch tokens: tell long before one expires, and at once when one is refused."""

from __future__ import annotations

from slipway.domain.tokens import TokenWarning, warning_of
from slipway.ports.clock import Clock
from slipway.ports.github import RunnerTokens


class WatchTokens:
    """Examines the personal access tokens; also where nobody registers a runner for days."""

    def __init__(self, tokens: RunnerTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    def __call__(self) -> list[TokenWarning]:
        """Return what is wrong with any of them now."""
        now = self._clock.now()
        found = (warning_of(arn, facts, now) for arn, facts in self._tokens.examine())
        return [warning for warning in found if warning is not None]
