"""The EC2 query protocol: form fields in, XML out [EC2-QUERY-PROTOCOL]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.exceptions import ClientError
from botocore.model import Shape

from local.twin.aws.errors import service_model
from local.twin.http.protocols.answer import Answer

_CONTENT_TYPE = "text/xml;charset=UTF-8"


def operation_of(body: bytes) -> str:
    """The form field `Action`, or empty; bytes that are no text name none."""
    return dict(parse_qsl(body.decode(errors="replace"))).get("Action", "")


def parse(service: str, operation: str, body: bytes) -> dict[str, Any]:
    """Fold `Filter.1.Value.2=x` into nested members, by the model's names; ValueError if they do not fit."""
    fields = parse_qsl(body.decode(), keep_blank_values=True)
    tree: dict[str, Any] = {}
    for name, value in fields:
        node = tree
        *parents, last = name.split(".")
        for part in parents:
            node = _structure(node.setdefault(part, {}))
        node[last] = value
    shape = service_model(service).operation_model(operation).input_shape
    parsed: dict[str, Any] = {} if shape is None else _members(shape, tree)
    return parsed


def serialize(service: str, operation: str, response: Mapping[str, Any], request_id: str) -> Answer:
    model = service_model(service)
    shape = model.operation_model(operation).output_shape
    members = {k: v for k, v in response.items() if k != "ResponseMetadata"}
    inner = "" if shape is None else _xml_members(shape, members)
    space = f"http://ec2.amazonaws.com/doc/{model.api_version}/"
    body = f'<{operation}Response xmlns="{space}"><requestId>{request_id}</requestId>{inner}</{operation}Response>'
    return Answer(200, body.encode(), _CONTENT_TYPE)


def serialize_error(error: ClientError, request_id: str) -> Answer:
    details = error.response["Error"]
    body = (
        f"<Response><Errors><Error><Code>{escape(details['Code'])}</Code>"
        f"<Message>{escape(details['Message'])}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    )
    return Answer(error.response["ResponseMetadata"]["HTTPStatusCode"], body.encode(), _CONTENT_TYPE)


def _members(shape: Shape, tree: Mapping[str, Any]) -> dict[str, Any]:
    structure: Any = shape
    found = {}
    _structure(tree)
    for name, member in structure.members.items():
        wire_name = _request_name(member, name)
        if wire_name in tree:
            found[name] = _value(member, tree[wire_name])
    return found


def _request_name(member: Shape, name: str) -> str:
    serialization = member.serialization
    if "queryName" in serialization:
        return str(serialization["queryName"])
    wire_name = str(serialization.get("name", name))
    return wire_name[0].upper() + wire_name[1:]


def _value(shape: Shape, node: Any) -> Any:
    detailed: Any = shape
    if shape.type_name == "structure":
        return _members(shape, node)
    if shape.type_name == "list":
        return [_value(detailed.member, node[index]) for index in sorted(_structure(node), key=int)]
    convert: dict[str, Callable[[Any], Any]] = {
        "integer": int,
        "long": int,
        "float": float,
        "double": float,
        "boolean": _boolean,
    }
    return convert.get(shape.type_name, str)(node)


def _structure(node: Any) -> dict[str, Any]:
    if isinstance(node, dict):
        return node
    raise ValueError("a form field is both a value and a structure")


def _boolean(text: str) -> bool:
    return text.lower() == "true"


def _xml(shape: Shape, value: Any) -> str:
    detailed: Any = shape
    if shape.type_name == "structure":
        return _xml_members(shape, value)
    if shape.type_name == "list":
        name = detailed.member.serialization.get("name", "item")
        return "".join(f"<{name}>{_xml(detailed.member, element)}</{name}>" for element in value)
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "timestamp":
        return str(value.strftime("%Y-%m-%dT%H:%M:%S.")) + f"{value.microsecond // 1000:03d}Z"
    return escape(str(value))


def _xml_members(shape: Shape, members: Mapping[str, Any]) -> str:
    structure: Any = shape
    parts = []
    for name, value in members.items():
        member = structure.members[name]
        wire_name = member.serialization.get("name", name)
        parts.append(f"<{wire_name}>{_xml(member, value)}</{wire_name}>")
    return "".join(parts)
