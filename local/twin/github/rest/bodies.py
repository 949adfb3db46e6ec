"""A quick yes to bodies that surely fit their schema: to say it, jsonschema takes a hundred times as long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Fits = Callable[[Any], bool]
_REMARKS: Final = {"default", "description", "example", "examples", "title"}
_KEYWORDS: Final = {
    "array": {"items", "maxItems", "minItems"},
    "boolean": set[str](),
    "integer": set[str](),
    "object": {"properties", "required"},
    "string": set[str](),
}
_PLAIN: Final[Mapping[str, type]] = {"boolean": bool, "integer": int, "string": str}


def surely_fits(schema: Mapping[str, Any]) -> Fits:
    """Return what says yes to nothing that does not fit: ask the whole schema about all to which it says no.

    A schema that says more than this knows gets no yes at all.
    """
    kind = schema.get("type")
    if (
        not isinstance(kind, str)
        or kind not in _KEYWORDS
        or schema.keys() - _KEYWORDS[kind] - _REMARKS - {"type"}
    ):
        return lambda _value: False
    if kind == "object":
        return _object(schema)
    if kind == "array":
        return _array(schema)
    plain = _PLAIN[kind]
    return lambda value: type(value) is plain


def _object(schema: Mapping[str, Any]) -> Fits:
    required = frozenset(schema.get("required", ()))
    parts = {name: surely_fits(part) for name, part in schema.get("properties", {}).items()}

    def fits(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and required <= value.keys()
            and all(name not in parts or parts[name](part) for name, part in value.items())
        )

    return fits


def _array(schema: Mapping[str, Any]) -> Fits:
    item = surely_fits(schema["items"]) if "items" in schema else None
    fewest, most = schema.get("minItems", 0), schema.get("maxItems")

    def fits(value: Any) -> bool:
        return (
            isinstance(value, list)
            and fewest <= len(value)
            and (most is None or len(value) <= most)
            and (item is None or all(map(item, value)))
        )

    return fits
