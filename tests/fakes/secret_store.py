"""Secrets and tokens in memory."""

from __future__ import annotations

from slipway.domain.errors import ConfigurationError, SlipwayError
from slipway.ports.secrets import ShortToken


class MemorySecrets:
    """Implements ``ports.secrets.KeptSecrets``; while ``error`` is set every read raises it."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.reads: list[str] = []
        self.error: SlipwayError | None = None

    def get(self, arn: str) -> str:
        self.reads.append(arn)
        if self.error:
            raise self.error
        if not self.values.get(arn):
            raise ConfigurationError(f"secret {arn} cannot be read: no such secret, or it is empty")
        return self.values[arn]

    def forget(self, arn: str) -> None:
        """Every reading is a new one."""


class MemoryTokenStore:
    """Implements ``ports.secrets.TokenStore``."""

    def __init__(self) -> None:
        self.tokens: dict[str, ShortToken] = {}

    def find(self, name: str) -> ShortToken | None:
        return self.tokens.get(name)

    def keep(self, name: str, token: ShortToken) -> None:
        self.tokens[name] = token
