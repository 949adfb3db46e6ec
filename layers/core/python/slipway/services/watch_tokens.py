"""Watch tokens: tell long before one expires, and when one is refused."""

from __future__ import annotations

from slipway.domain.findings import Facts
from slipway.domain.notices import Look, NoticeCode
from slipway.domain.tokens import notice_of
from slipway.ports.clock import Clock
from slipway.ports.github import RunnerTokens

CODES = frozenset({NoticeCode.TOKEN_REFUSED, NoticeCode.TOKEN_SCOPE_MISSING, NoticeCode.TOKEN_EXPIRES_SOON})


class WatchTokens:
    """Implements ``services.survey.Watch``: examines the personal access tokens, outside an enterprise none."""

    def __init__(self, tokens: RunnerTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    def __call__(self, facts: Facts, *, is_dry_run: bool = False) -> Look:  # noqa: ARG002 - it needs no others
        """Return what is wrong with any of them now; a dry run does not ask, for what is learned is kept."""
        if is_dry_run:
            return Look()
        now = self._clock.now()
        found = (notice_of(arn, known, now) for arn, known in self._tokens.examine())
        return Look(tuple(notice for notice in found if notice is not None), CODES)
