"""Secrets, read late and never kept in settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Secrets(Protocol):
    """Reads secrets."""

    def get(self, arn: str) -> str:
        """Return the current value of a secret.

        Raises:
            UnavailableError: the store did not answer.
            ConfigurationError: no such secret, no permission, or it is empty.
        """


class KeptSecrets(Secrets, Protocol):
    """Secrets that are kept in memory for a while."""

    def forget(self, arn: str) -> None:
        """Read a secret anew when it is next asked for: it was refused, and may have been rotated."""


@dataclass(frozen=True, slots=True)
class ShortToken:
    """A token that expires by itself, at an epoch second. It never shows in a repr."""

    value: str = field(repr=False)
    expires_at: float


class TokenStore(Protocol):
    """Keeps short-lived tokens, encrypted, for all functions that use them; best effort, it never raises."""

    def find(self, name: str) -> ShortToken | None:
        """Return a token that was kept, if it can be read."""

    def keep(self, name: str, token: ShortToken) -> None:
        """Keep a token, if that is possible."""
