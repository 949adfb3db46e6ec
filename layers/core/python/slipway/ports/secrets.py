"""Secrets, read late and never kept in settings."""

from __future__ import annotations

from typing import Protocol


class Secrets(Protocol):
    """Reads secrets."""

    def get(self, arn: str) -> str:
        """Return the current value of a secret.

        Raises:
            UnavailableError: the store did not answer.
            ConfigurationError: no such secret, no permission, or it is empty.
        """
