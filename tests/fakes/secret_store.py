"""A secret store in memory."""

from __future__ import annotations

from slipway.domain.errors import ConfigurationError, SlipwayError


class MemorySecrets:
    """Implements ``ports.secrets.Secrets``; while ``error`` is set every read raises it."""

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
