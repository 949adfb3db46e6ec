"""Secrets Manager over botocore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.errors import ConfigurationError, RefusedError, UnavailableError, UnknownOutcomeError
from slipway.ports.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_KEPT_SECONDS = 300  # so that a rotated secret is used within five minutes


class SecretsManagerSecrets:
    """Implements ``ports.secrets.KeptSecrets``; values are kept in memory for five minutes."""

    def __init__(self, client: SecretsManagerClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}

    def get(self, arn: str) -> str:
        """Return the current value of a secret."""
        read_at, value = self._kept.get(arn, (float("-inf"), ""))
        if self._clock.now() - read_at < _KEPT_SECONDS:
            return value
        value = self._read(arn)
        self._kept[arn] = (self._clock.now(), value)
        return value

    def forget(self, arn: str) -> None:
        """Read a secret anew when it is next asked for."""
        self._kept.pop(arn, None)

    def _read(self, arn: str) -> str:
        try:
            with aws_errors(f"reading secret {arn}"):
                value = self._client.get_secret_value(SecretId=arn).get("SecretString", "")
        except UnknownOutcomeError as fault:
            raise UnavailableError(str(fault)) from fault  # reading changes nothing, answered or not
        except (ClientError, RefusedError) as fault:
            raise ConfigurationError(
                f"secret {arn} cannot be read: {fault}; check that it exists and that this function may read it"
            ) from fault
        if not value:
            raise ConfigurationError(f"secret {arn} is empty: put its value into Secrets Manager")
        return value
