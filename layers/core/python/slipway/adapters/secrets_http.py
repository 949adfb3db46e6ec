"""Secrets Manager over plain HTTP, for the function that must not import botocore."""

from __future__ import annotations

from slipway.adapters.aws_http import AwsJsonEndpoint, Protocol
from slipway.adapters.sigv4 import Scope
from slipway.config import AwsAccess
from slipway.domain.errors import ConfigurationError, RefusedError
from slipway.ports.clock import Clock

_PROTOCOL = Protocol(version="1.1", target_prefix="secretsmanager")


class SecretsManager:
    """Implements ``ports.secrets.Secrets`` [IAM-SECRETS-JSON]; a secret's region is that of its ARN."""

    def __init__(self, access: AwsAccess, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._endpoints: dict[str, AwsJsonEndpoint] = {}

    def get(self, arn: str) -> str:
        """Return the current value of a secret."""
        try:
            reply = self._endpoint_of(arn).call("GetSecretValue", {"SecretId": arn})
        except (ConfigurationError, RefusedError) as fault:
            raise ConfigurationError(f"secret {arn} cannot be read: {fault}") from fault
        value = reply.get("SecretString")
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"secret {arn} holds no text; put the webhook secret itself into it")
        return value

    def _endpoint_of(self, arn: str) -> AwsJsonEndpoint:
        partition, region = _place(arn, self._access.region)
        if region not in self._endpoints:
            endpoints = self._access.endpoints
            url = endpoints.get("secrets_manager") or endpoints.get("") or _url(partition, region)
            scope = Scope("secretsmanager", region)
            self._endpoints[region] = AwsJsonEndpoint(url, scope, _PROTOCOL, self._access, self._clock)
        return self._endpoints[region]


def _place(arn: str, home_region: str) -> tuple[str, str]:
    """Return partition and region of an ARN; a bare name lies in the home region."""
    parts = arn.split(":")
    return (parts[1], parts[3]) if len(parts) >= 7 else ("aws", home_region)


def _url(partition: str, region: str) -> str:
    domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return f"https://secretsmanager.{region}.{domain}"
