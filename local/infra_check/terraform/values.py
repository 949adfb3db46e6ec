"""Values as Terraform sends them to a provider, and what can be found wrong with them by their shape alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgpack

from local.infra_check.terraform.shapes import Block


class _Unknown:
    """What Terraform cannot know before it has applied."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN: Final = _Unknown()
_UNKNOWN_ON_THE_WIRE = msgpack.ExtType(0, b"\0")


def unpack(packed: bytes) -> Any:
    """Return a value of Terraform's, with ``UNKNOWN`` for what it does not know yet, whatever else it knows of it."""
    return msgpack.unpackb(packed, ext_hook=lambda _code, _payload: UNKNOWN, strict_map_key=False)


def pack(value: Any) -> bytes:
    """Return a value as Terraform reads it."""
    packed: bytes = msgpack.packb(value, default=lambda _: _UNKNOWN_ON_THE_WIRE)
    return packed


def set_though_computed(block: Block, values: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the path of each value that a configuration sets and only the provider may.

    Terraform leaves this to the provider.
    """
    if not isinstance(values, Mapping):
        return
    for name, attribute in block.attributes.items():
        if attribute.is_decided_by_the_provider and values.get(name) is not None:
            yield name
    for name, nested in block.blocks.items():
        given = values.get(name)
        if isinstance(given, Mapping):
            given = [given] if nested.nesting == "single" else list(given.values())
        for item in given if isinstance(given, list) else []:
            yield from (f"{name}.{inner}" for inner in set_though_computed(nested.block, item))
