"""Personal access tokens: what GitHub told of one, and what an operator must be told of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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


class Trouble(StrEnum):
    """What is wrong with a token: a stable code for logs and alarms."""

    REFUSED = "token_refused"
    SCOPE_MISSING = "token_scope_missing"
    EXPIRES_SOON = "token_expires_soon"


@dataclass(frozen=True, slots=True)
class TokenWarning:
    """Something to mend about the token in a secret; ``days_left`` until it expires, where that is the trouble."""

    trouble: Trouble
    arn: str
    detail: str
    days_left: float | None = None


def warning_of(arn: str, facts: TokenFacts, now: float) -> TokenWarning | None:
    """Return what is wrong with the token in a secret, the worst first."""
    if facts.refused is not None:
        return TokenWarning(Trouble.REFUSED, arn, facts.refused)
    if not facts.may_manage_runners:
        return TokenWarning(Trouble.SCOPE_MISSING, arn, "make one with the scope manage_runners:enterprise")
    if facts.expires_at is not None and facts.expires_at - now < SOON_SECONDS:
        days = round((facts.expires_at - now) / _DAY, 1)
        detail = f"it expires in {days:g} days: make a new one and put it into its secret"
        return TokenWarning(Trouble.EXPIRES_SOON, arn, detail, days)
    return None
