"""Condition and filter expressions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from local.twin.aws.attribute_values import AttributeValue, Item, equal, sortable
from local.twin.aws.expressions.tokens import Names, Operand, Tokens, Used, Values, read

Test = Callable[[Item, Values], bool]

_ORDERINGS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FUNCTIONS: Final = frozenset(
    {"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"}
)


@dataclass(frozen=True, slots=True)
class Condition:
    """`holds(item, values)`; a missing item is tested as an empty one."""

    holds: Test
    used: Used


@lru_cache(maxsize=4096)
def compile_condition(kind: str, expression: str, names: Names) -> Condition:
    """`kind` is ConditionExpression or FilterExpression; ValidationException for bad syntax."""
    tokens = Tokens(kind, expression, names)
    test = _disjunction(tokens)
    tokens.expect_end()
    return Condition(test, tokens.used)


def _disjunction(tokens: Tokens) -> Test:
    test = _conjunction(tokens)
    while tokens.take_if("OR"):
        left, right = test, _conjunction(tokens)
        test = lambda i, v, a=left, b=right: a(i, v) or b(i, v)  # type: ignore[misc]  # noqa: E731
    return test


def _conjunction(tokens: Tokens) -> Test:
    test = _negation(tokens)
    while tokens.take_if("AND"):
        left, right = test, _negation(tokens)
        test = lambda i, v, a=left, b=right: a(i, v) and b(i, v)  # type: ignore[misc]  # noqa: E731
    return test


def _negation(tokens: Tokens) -> Test:
    if tokens.take_if("NOT"):
        inner = _negation(tokens)
        return lambda item, values: not inner(item, values)
    if tokens.take_if("("):
        inner = _disjunction(tokens)
        tokens.expect(")")
        return inner
    if tokens.next in _FUNCTIONS and tokens.after_next == "(":
        return _function(tokens)
    return _comparison(tokens)


def _function(tokens: Tokens) -> Test:
    name = tokens.take()
    tokens.expect("(")
    if name in {"attribute_exists", "attribute_not_exists"}:
        path, wanted = tokens.path(), name == "attribute_exists"
        tokens.expect(")")
        return lambda item, _values: (read(item, path) is not None) == wanted
    first = tokens.value_or_path()
    tokens.expect(",")
    second = operand(tokens)
    tokens.expect(")")
    check = {"attribute_type": _is_of_type, "begins_with": _begins_with, "contains": _contains}[name]
    return lambda item, values: _both(check, first(item, values), second(item, values))


def operand(tokens: Tokens) -> Operand:
    """A path, a placeholder, or size(path)."""
    if tokens.next == "size" and tokens.after_next == "(":
        tokens.take()
        tokens.expect("(")
        path = tokens.path()
        tokens.expect(")")
        return lambda item, _values: _size(read(item, path))
    return tokens.value_or_path()


def _comparison(tokens: Tokens) -> Test:
    left = operand(tokens)
    if tokens.take_if("BETWEEN"):
        low = operand(tokens)
        tokens.expect("AND")
        high = operand(tokens)
        return lambda i, v: _ordered(">=", left(i, v), low(i, v)) and _ordered("<=", left(i, v), high(i, v))
    if tokens.take_if("IN"):
        return _membership(tokens, left)
    symbol = tokens.take()
    if symbol not in {"=", "<>", *_ORDERINGS}:
        raise tokens.syntax_error(symbol)
    right = operand(tokens)
    if symbol == "=":
        return lambda i, v: _both(equal, left(i, v), right(i, v))
    if symbol == "<>":
        # An absent attribute differs from every value [DDB-EXPRESSIONS].
        return lambda i, v: not _both(equal, left(i, v), right(i, v))
    return lambda i, v: _ordered(symbol, left(i, v), right(i, v))


def _membership(tokens: Tokens, left: Operand) -> Test:
    tokens.expect("(")
    choices = [operand(tokens)]
    while tokens.take_if(","):
        choices.append(operand(tokens))
    tokens.expect(")")
    if len(choices) > 100:
        raise tokens.fault("The IN operator is provided with too many operands; number of operands")
    return lambda i, v: any(_both(equal, left(i, v), choice(i, v)) for choice in choices)


def _both(
    check: Callable[[AttributeValue, AttributeValue], bool],
    left: AttributeValue | None,
    right: AttributeValue | None,
) -> bool:
    return left is not None and right is not None and check(left, right)


def _ordered(symbol: str, left: AttributeValue | None, right: AttributeValue | None) -> bool:
    """Values of different types, or of types without an order, compare false."""
    if left is None or right is None or left.keys() != right.keys():
        return False
    first, second = sortable(left), sortable(right)
    return first is not None and _ORDERINGS[symbol](first, second)


def _is_of_type(value: AttributeValue, kind: AttributeValue) -> bool:
    return kind.get("S") in value


def _begins_with(value: AttributeValue, prefix: AttributeValue) -> bool:
    for kind in ("S", "B"):
        if kind in value and kind in prefix:
            return bool(value[kind].startswith(prefix[kind]))
    return False


def _contains(value: AttributeValue, member: AttributeValue) -> bool:
    ((kind, content),) = value.items()
    if kind == "L":
        return any(equal(element, member) for element in content)
    ((member_kind, wanted),) = member.items()
    if kind in {"SS", "NS", "BS"}:
        return kind[0] == member_kind and wanted in content
    return kind == member_kind and kind in {"S", "B"} and wanted in content


def _size(value: AttributeValue | None) -> AttributeValue | None:
    if value is None:
        return None
    ((kind, content),) = value.items()
    if kind in {"N", "BOOL", "NULL"}:
        return None
    return {"N": str(len(content.encode()) if kind == "S" else len(content))}
