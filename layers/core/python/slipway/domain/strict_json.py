"""JSON from strangers: what two readers could understand differently is refused."""

from __future__ import annotations

import json
import math
from typing import Any

from slipway.domain.errors import MalformedError

_MAX_NUMBER_LENGTH = 32  # GitHub's ids have 64 bits; int() of 5,000 digits is a way to burn CPU


def loads(text: str) -> Any:
    """Read JSON text.

    Raises:
        MalformedError: not JSON, nested too deeply, a key given twice, NaN or infinity, a number of more
            than 32 characters.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError as fault:
        raise MalformedError("the JSON is nested too deeply") from fault
    except ValueError as fault:
        raise MalformedError(f"not JSON: {_sentence(fault)}") from fault


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise MalformedError("the JSON gives a key twice")
    return values


def _whole(text: str) -> int:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise MalformedError(f"the JSON has a number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text) if len(text) <= _MAX_NUMBER_LENGTH else math.inf
    if not math.isfinite(value):
        raise MalformedError("the JSON has a number that is too long or too large")
    return value


def _constant(name: str) -> float:
    raise MalformedError(f"the JSON has {name}, which is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_finite, parse_constant=_constant
)


def _sentence(fault: ValueError) -> str:
    """Return what is wrong and where, never the text itself (a body is not to be logged)."""
    return f"{fault.msg} at {fault.pos}" if isinstance(fault, json.JSONDecodeError) else type(fault).__name__
