"""The few messages of Terraform's plugin protocol 5 that the stub reads and writes, as bytes. Pure.

The protocol is gRPC with protocol buffers; its definition is under another licence than Slipway. What the stub needs of
it is a dozen field numbers, and of protocol buffers two kinds of field: less than a generated module and its library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from local.infra_check.terraform.shapes import Attribute, Block, Nested

Fields = dict[int, list[int | bytes]]

_VARINT, _BYTES = 0, 2
_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
_ERROR = 1


def read(message: bytes) -> Fields:
    """Return a message's fields by number, each with its values in order.

    Raises:
        ValueError: it has a field of a kind that the protocol does not use.
    """
    fields: Fields = {}
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _read_varint(message, at)
            fields.setdefault(number, []).append(value)
        elif kind == _BYTES:
            size, at = _read_varint(message, at)
            fields.setdefault(number, []).append(message[at : at + size])
            at += size
        else:
            raise ValueError(f"field {number} is of kind {kind}")
    return fields


def text(fields: Fields, number: int) -> str:
    """Return the last value of a field of text; empty where it is left out."""
    return data(fields, number).decode()


def data(fields: Fields, number: int) -> bytes:
    """Return the last value of a field of bytes or of a message; empty where it is left out."""
    values = [value for value in fields.get(number, []) if isinstance(value, bytes)]
    return values[-1] if values else b""


def field(number: int, value: int | bytes | str) -> bytes:
    """Return one field; nothing for the value that it has when it is left out."""
    if isinstance(value, str):
        value = value.encode()
    if not value:
        return b""
    if isinstance(value, bytes):
        return _varint(number << 3 | _BYTES) + _varint(len(value)) + value
    return _varint(number << 3 | _VARINT) + _varint(int(value))


def message(number: int, body: bytes) -> bytes:
    """Return a field that holds a message, also where that is empty."""
    return _varint(number << 3 | _BYTES) + _varint(len(body)) + body


def dynamic_value(packed: bytes) -> bytes:
    """Return a DynamicValue of a value in MessagePack."""
    return field(1, packed)


def schemas(provider: Block, resources: Mapping[str, Block], sources: Mapping[str, Block]) -> bytes:
    """Return the answer to GetProviderSchema."""
    body = message(1, _schema(provider))
    for number, shapes in ((2, resources), (3, sources)):
        for name, shape in sorted(shapes.items()):
            body += message(number, field(1, name) + message(2, _schema(shape)))
    return body + message(6, field(2, 1))  # the schema stays the same: it need not be asked for again


def diagnostics(number: int, faults: Iterable[tuple[str, str]]) -> bytes:
    """Return errors, each of a summary and its detail, as a repeated field."""
    return b"".join(
        message(number, field(1, _ERROR) + field(2, summary) + field(3, detail)) for summary, detail in faults
    )


def _schema(block: Block) -> bytes:
    return message(2, _block(block))


def _block(block: Block) -> bytes:
    attributes = b"".join(
        message(2, _attribute(name, block.attributes[name])) for name in sorted(block.attributes)
    )
    return attributes + b"".join(
        message(3, _nested(name, block.blocks[name])) for name in sorted(block.blocks)
    )


def _attribute(name: str, attribute: Attribute) -> bytes:
    kind = json.dumps(attribute.type)
    flags = ((4, attribute.required), (5, attribute.optional), (6, attribute.computed))
    return field(1, name) + field(2, kind) + b"".join(field(number, flag) for number, flag in flags)


def _nested(name: str, nested: Nested) -> bytes:
    head = field(1, name) + message(2, _block(nested.block)) + field(3, _NESTING[nested.nesting])
    return head + field(4, nested.min_items) + field(5, nested.max_items)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
