"""AWS Systems Manager: encrypted parameters, as far as keeping and reading one goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from local.twin.aws.errors import AwsFault
from local.twin.aws.service import Context, Response, Service, operation
from local.twin.clock import aware


@dataclass(slots=True)
class _Parameter:
    name: str
    kind: str
    value: str = field(repr=False)
    version: int
    changed_at: float


class Ssm(Service):
    """Parameters by name; a SecureString is shown decrypted or not at all [SSM-PARAMETERS]."""

    name: ClassVar[str] = "ssm"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._parameters: dict[str, _Parameter] = {}
        self.public: Callable[[str], str | None] = lambda _name: None  # parameters of AWS's own

    @operation
    def put_parameter(self, **request: Any) -> Response:
        name = request["Name"]
        known = self._parameters.get(name)
        if known is not None and not request.get("Overwrite", False):
            raise AwsFault("ParameterAlreadyExists", "The parameter already exists.")
        version = known.version + 1 if known else 1
        kind = request.get("Type") or (known.kind if known else "String")
        self._parameters[name] = _Parameter(name, kind, request["Value"], version, self.context.now())
        return {"Version": version, "Tier": "Standard"}

    @operation
    def get_parameter(self, **request: Any) -> Response:
        found = self._parameters.get(request["Name"]) or self._public(request["Name"])
        if found is None:
            raise AwsFault("ParameterNotFound", "")
        is_hidden = found.kind == "SecureString" and not request.get("WithDecryption", False)
        context = self.context
        return {
            "Parameter": {
                "Name": found.name,
                "Type": found.kind,
                "Value": f"kms:alias/aws/ssm:{len(found.value)}" if is_hidden else found.value,
                "Version": found.version,
                "LastModifiedDate": aware(found.changed_at),
                "ARN": f"arn:aws:ssm:{context.region}:{context.account_id}:parameter{found.name}",
                "DataType": "text",
            }
        }

    def forget_all(self) -> None:
        """Lose every parameter but AWS's own."""
        self._parameters.clear()

    def _public(self, name: str) -> _Parameter | None:
        value = self.public(name)
        return None if value is None else _Parameter(name, "String", value, 1, self.context.now())
