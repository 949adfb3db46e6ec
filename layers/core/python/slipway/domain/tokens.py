"""Personal access tokens: what GitHub told of one, and what an operator must be told of it."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.notices import Notice, NoticeCode

_DAY = 86_400
SOON_SECONDS = 14 * _DAY  # time enough to find who may make a new one
_SCOPES = {"manage_runners:enterprise", "admin:enterprise"}  # either is enough [GH-ENT-PAT]


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What GitHub told of a token, which is known by a digest. Times are epoch seconds.

    ``scopes`` is None where GitHub names none: the token is no classic one. ``refused`` is why it was refused
    when it was last tried, ``checked_at`` when that was.
    """

    fingerprint: str
    owner: str
    checked_at: float
    scopes: tuple[str, ...] | None = None
    expires_at: float | None = None
    refused: str | None = None

    @property
    def may_manage_runners(self) -> bool:
        """Say whether its scopes let it manage an enterprise's runners, as far as they are known."""
        return self.scopes is None or not _SCOPES.isdisjoint(self.scopes)


def notice_of(arn: str, facts: TokenFacts, now: float) -> Notice | None:
    """Return what is wrong with the token in a secret, the worst first."""
    if facts.refused is not None:
        return Notice(NoticeCode.TOKEN_REFUSED, arn, facts.refused)
    if not facts.may_manage_runners:
        return Notice(
            NoticeCode.TOKEN_SCOPE_MISSING, arn, "make one with the scope manage_runners:enterprise"
        )
    if facts.expires_at is not None and facts.expires_at - now < SOON_SECONDS:
        days = round((facts.expires_at - now) / _DAY, 1)
        why = f"it expires in {days:g} days: make a new one and put it into its secret"
        return Notice(NoticeCode.TOKEN_EXPIRES_SOON, arn, why)
    return None
