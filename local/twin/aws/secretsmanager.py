"""AWS Secrets Manager: named secrets with their current value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from local.twin.aws.errors import AwsFault
from local.twin.aws.service import Context, Response, Service, operation
from local.twin.clock import aware


@dataclass(slots=True)
class _Secret:
    """One secret; its values stay out of its repr. The newest version is AWSCURRENT."""

    name: str
    arn: str
    created_at: float
    versions: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def current(self) -> str:
        return next(reversed(self.versions))


class SecretsManager(Service):
    """AWS Secrets Manager, as far as reading and rotating a secret goes."""

    name: ClassVar[str] = "secretsmanager"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._secrets: dict[str, _Secret] = {}

    @operation
    def create_secret(self, **request: Any) -> Response:
        name = request["Name"]
        if name in self._secrets:
            message = f"The operation failed because the secret {name} already exists."
            raise AwsFault("ResourceExistsException", message, extra={"Message": message})
        context = self.context
        suffix = context.ids.secret(6)
        arn = f"arn:aws:secretsmanager:{context.region}:{context.account_id}:secret:{name}-{suffix}"
        secret = self._secrets[name] = _Secret(name, arn, context.now())
        return {"ARN": arn, "Name": name, "VersionId": self._add_version(secret, request)}

    @operation
    def put_secret_value(self, **request: Any) -> Response:
        secret = self._secret(request["SecretId"])
        version = self._add_version(secret, request)
        stages = ["AWSCURRENT"]
        return {"ARN": secret.arn, "Name": secret.name, "VersionId": version, "VersionStages": stages}

    @operation
    def get_secret_value(self, **request: Any) -> Response:
        secret = self._secret(request["SecretId"])
        version = request.get("VersionId", secret.current)
        if version not in secret.versions:
            raise _missing(f"Secrets Manager can't find the specified secret value for VersionId: {version}")
        is_current = version == secret.current
        return {
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": version,
            "VersionStages": ["AWSCURRENT" if is_current else "AWSPREVIOUS"],
            "CreatedDate": aware(secret.created_at),
            **secret.versions[version],
        }

    def arn_of(self, reference: str) -> str:
        """The ARN of a secret by its name or ARN; a name that nobody knows stays as it is."""
        return next((s.arn for s in self._secrets.values() if reference in {s.name, s.arn}), reference)

    def _add_version(self, secret: _Secret, request: dict[str, Any]) -> str:
        version: str = request.get("ClientRequestToken") or self.context.ids.uuid()
        secret.versions[version] = {k: request[k] for k in ("SecretString", "SecretBinary") if k in request}
        return version

    def _secret(self, reference: str) -> _Secret:
        """By name or ARN."""
        found = next((s for s in self._secrets.values() if reference in {s.name, s.arn}), None)
        if found is None:
            raise _missing("Secrets Manager can't find the specified secret.")
        return found


def _missing(message: str) -> AwsFault:
    return AwsFault("ResourceNotFoundException", message, extra={"Message": message})
