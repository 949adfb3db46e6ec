"""AWS JSON 1.0 and 1.1: ECS, SQS, DynamoDB, Secrets Manager, Systems Manager and the price list [SQS-JSON]."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import Shape

from local.twin.aws.errors import service_model
from local.twin.http.protocols.answer import Answer


def parse(service: str, operation: str, body: bytes) -> dict[str, Any]:
    """The request's members as boto3 takes them: bytes for blobs, datetimes for moments.

    Raises ValueError for what is no JSON object; members of a wrong type pass, to be refused by name.
    """
    given = json.loads(body) if body else {}
    if not isinstance(given, dict):
        raise ValueError("a request is a JSON object")  # noqa: TRY004 - one kind of error for all that is no request
    shape = service_model(service).operation_model(operation).input_shape
    parsed: dict[str, Any] = {} if shape is None else _walk(shape, given, _from_wire)
    return parsed


def serialize(service: str, operation: str, response: Mapping[str, Any]) -> Answer:
    shape = service_model(service).operation_model(operation).output_shape
    members = {k: v for k, v in response.items() if k != "ResponseMetadata"}
    wire = {} if shape is None else _walk(shape, members, _to_wire)
    return Answer(200, _encoded(wire), _content_type(service))


def serialize_error(service: str, error: ClientError) -> Answer:
    """The error in the shape that botocore reads back into the same ClientError."""
    response: dict[str, Any] = dict(error.response)
    details = response["Error"]
    code = details.get("QueryErrorCode", details["Code"])
    extra = {k: v for k, v in response.items() if k not in {"Error", "ResponseMetadata"}}
    body = {"__type": f"com.amazonaws.{service}#{code}", "message": details["Message"], **extra}
    headers = {}
    if "QueryErrorCode" in details:
        headers["x-amzn-query-error"] = f"{details['Code']};{details.get('Type', 'Sender')}"
    status = int(response["ResponseMetadata"]["HTTPStatusCode"])
    return Answer(status, _encoded(body), _content_type(service), headers)


def _content_type(service: str) -> str:
    return f"application/x-amz-json-{service_model(service).metadata.get('jsonVersion', '1.0')}"


def _encoded(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), default=_blob).encode()


def _blob(value: Any) -> str:
    """Bytes inside the free-form members of an error."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"cannot send {type(value).__name__} as JSON")


def _walk(shape: Shape, value: Any, convert: Callable[[str, Any], Any]) -> Any:
    """Convert the scalars of `value` as its shape says; what does not fit passes unchanged."""
    members: Any = shape
    if shape.type_name not in {"structure", "list", "map"}:
        return convert(shape.type_name, value)
    if shape.type_name == "list":
        if not isinstance(value, list):
            return value
        return [_walk(members.member, element, convert) for element in value]
    if not isinstance(value, dict):
        return value
    if shape.type_name == "map":
        return {key: _walk(members.value, element, convert) for key, element in value.items()}
    known = members.members
    return {
        name: _walk(known[name], member, convert) if name in known else member
        for name, member in value.items()
        if member is not None
    }


def _from_wire(kind: str, value: Any) -> Any:
    if kind == "blob" and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    is_moment = kind == "timestamp" and isinstance(value, int | float)
    return datetime.fromtimestamp(value, UTC) if is_moment else value


def _to_wire(kind: str, value: Any) -> Any:
    if kind == "blob":
        return base64.b64encode(value).decode()
    return value.timestamp() if kind == "timestamp" else value
