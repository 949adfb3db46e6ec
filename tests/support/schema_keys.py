"""The keys of a file's form, and those of its documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel


def keys_of(model: type[BaseModel]) -> Iterator[tuple[str, Any, bool]]:
    """Every key of a form: its dotted name, its default, whether it is required."""
    schema = model.model_json_schema()
    yield from _keys(schema, schema["$defs"], "")


def documented_keys(page: str) -> dict[str, str]:
    """Keys of a page's tables of four columns with the text of their default."""
    rows = re.findall(r"^\| `([a-zA-Z0-9_.\[\]]+)` \|[^|]*\|([^|]*)\|[^|]*\|$", page, re.MULTILINE)
    return {key: default.strip() for key, default in rows}


def documented_default(default: Any, *, is_required: bool) -> str | None:
    """What the documentation says of a default; None where it may say it in words."""
    if is_required:
        return "-"
    if default is None:
        return None  # `none`, or a section or list whose default is described in words
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _keys(section: dict[str, Any], sections: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any, bool]]:
    for name, value in section["properties"].items():
        dotted = f"{prefix}{name}"
        yield dotted, value.get("default"), name in section.get("required", [])
        inner, below = _section_below(value, sections)
        if inner is not None:
            yield from _keys(inner, sections, f"{dotted}{below}.")


def _section_below(value: dict[str, Any], sections: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The section that a key holds, if it holds one, and what comes between them in a path."""
    candidates = [value, *value.get("anyOf", [])]
    for candidate in candidates:
        if "$ref" in candidate:
            return sections[candidate["$ref"].rpartition("/")[2]], ""
        if "properties" in candidate:
            return candidate, ""
    if isinstance(value.get("additionalProperties"), dict):
        inner, _ = _section_below(value["additionalProperties"], sections)
        return inner, ".NAME"
    if "items" in value:
        inner, _ = _section_below(value["items"], sections)
        return inner, "[]"
    patterns = list(value.get("patternProperties", {}).values())
    return (_section_below(patterns[0], sections)[0], ".NAME") if patterns else (None, "")
