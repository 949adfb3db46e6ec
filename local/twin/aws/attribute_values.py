"""Attribute values in the wire's form: `{"S": "text"}`, `{"N": "1.5"}`, `{"M": {...}}` and so on."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from local.twin.aws.errors import AwsFault

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]
#: A key attribute in comparable form: text, bytes or a number.
Sortable = str | bytes | Decimal

_SETS: Final = frozenset({"SS", "NS", "BS"})
_PLAIN: Final = frozenset({"S", "N", "B", "BOOL", "NULL"})
_SCALARS: Final = frozenset({"S", "B", "BOOL", "NULL"})


def invalid(message: str) -> AwsFault:
    """DynamoDB's answer to a request it does not understand."""
    return AwsFault("ValidationException", message)


@lru_cache(maxsize=65536)
def number(text: str) -> Decimal:
    """The value of an `N`; at most 38 significant digits [DDB-NUMBER]."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        message = f"The parameter cannot be converted to a numeric value: {text[:50]}"
        raise invalid(message) from error
    if not value.is_finite() or len(value.as_tuple().digits) > 38:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    return value


@lru_cache(maxsize=65536)
def number_text(text: str) -> str:
    """How DynamoDB gives a number back: no exponent, no leading or trailing zeros [DDB-NUMBER]."""
    plain = format(number(text).normalize(), "f")
    return "0" if plain in {"-0", "0"} else plain


def normalized(value: Any) -> AttributeValue:
    """A copy as DynamoDB would store it; ValidationException for what it would refuse."""
    if not isinstance(value, dict) or len(value) != 1:
        raise invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one")
    ((kind, content),) = value.items()
    if kind in _SCALARS:
        return {kind: content}
    if kind == "N":
        return {kind: number_text(content)}
    if kind == "M":
        return {kind: {name: normalized(member) for name, member in content.items()}}
    if kind == "L":
        return {kind: [normalized(member) for member in content]}
    if kind in _SETS:
        return {kind: _normalized_set(kind, content)}
    raise invalid(f"Supplied AttributeValue is of no known type: {kind}")


def _normalized_set(kind: str, members: list[Any]) -> list[Any]:
    if not members:
        raise invalid("One or more parameter values were invalid: An number set  may not be empty")
    unique = [number_text(m) for m in members] if kind == "NS" else list(members)
    if len(set(unique)) != len(unique):
        raise invalid("One or more parameter values were invalid: Input collection contains duplicates.")
    return unique


def copied(item: Item) -> Item:
    """A copy that shares nothing mutable with the store."""
    return {name: _copied_value(value) for name, value in item.items()}


def _copied_value(value: AttributeValue) -> AttributeValue:
    ((kind, content),) = value.items()
    if kind in _PLAIN:
        return {kind: content}
    if kind == "M":
        return {kind: copied(content)}
    if kind == "L":
        return {kind: [_copied_value(member) for member in content]}
    return {kind: list(content)} if kind in _SETS else {kind: content}


def equal(left: AttributeValue, right: AttributeValue) -> bool:
    """Equality of normalized values; sets have no order."""
    if left == right:
        return True
    ((kind, members),) = left.items()
    return kind in _SETS and kind in right and set(members) == set(right[kind])


def sortable(value: AttributeValue) -> Sortable | None:
    """What `<` compares: text, bytes or number; None for a type without an order."""
    ((kind, content),) = value.items()
    if kind == "N":
        return number(content)
    return content if kind in {"S", "B"} else None


def item_size(item: Item) -> int:
    """Bytes as DynamoDB counts an item [DDB-ITEM-SIZE]."""
    size = 0
    for name, value in item.items():
        size += len(name) if name.isascii() else len(name.encode())
        size += _value_size(value)
    return size


def _value_size(value: AttributeValue) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "N":
        return _number_size(content)
    if kind == "B":
        return len(content)
    if kind == "M":
        return 3 + len(content) + item_size(content)
    if kind == "L":
        return 3 + len(content) + sum(_value_size(member) for member in content)
    if kind in _SETS:
        return sum(_value_size({kind[0]: member}) for member in content)
    return 1


def _number_size(text: str) -> int:
    digits = text.lstrip("-").replace(".", "").strip("0")
    return len(digits) // 2 + 2 + text.startswith("-")
