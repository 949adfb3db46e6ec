"""A description's placeholders, as CloudFormation fills them in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{(account_id|claim_url|claim_region|claim_api_id|webhook_api_id)\}")
_VARIABLE = re.compile(r"\$\{([^}]+)\}")

# What CloudFormation takes for a value: a string, a number, or a function of either.
Value = Any


def filled_in(value: Value, values: Mapping[str, Value]) -> Value:
    """Return a description's value with each ``${placeholder}`` replaced by the function that gives it.

    Args:
        value: any part of a description; its mappings' keys hold no placeholder.
        values: what stands for each placeholder: ``{"Ref": …}`` or another function.
    """
    if isinstance(value, Mapping):
        return {key: filled_in(part, values) for key, part in value.items()}
    if isinstance(value, list):
        return [filled_in(part, values) for part in value]
    if isinstance(value, str) and _PLACEHOLDER.search(value):
        return _substituted(value, values)
    return value


def _substituted(text: str, values: Mapping[str, Value]) -> Value:
    if whole := _PLACEHOLDER.fullmatch(text):
        return values[whole[1]]
    pattern, end = "", 0
    variables: dict[str, Value] = {}
    for match in _PLACEHOLDER.finditer(text):
        value = values[match[1]]
        pattern += _escaped(text[end : match.start()])
        end = match.end()
        if set(value) == {"Ref"}:
            pattern += f"${{{value['Ref']}}}"
        else:
            variables[match[1]] = value
            pattern += match[0]
    pattern += _escaped(text[end:])
    return {"Fn::Sub": [pattern, variables] if variables else pattern}


def _escaped(text: str) -> str:
    """Return a text of which Fn::Sub makes itself: it writes ``${!x}`` as a plain ``${x}`` [CFN-SUB]."""
    return _VARIABLE.sub(r"${!\1}", text)
