"""Key condition expressions: one partition, and at most one condition on the sort key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from local.twin.aws.expressions.tokens import Names, Tokens, Used


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """`operator` is =, <, <=, >, >=, BETWEEN, begins_with or None; `operands` are placeholders."""

    partition_value: str
    operator: str | None
    operands: tuple[str, ...]
    used: Used


@lru_cache(maxsize=4096)
def compile_key_condition(
    expression: str, names: Names, hash_key: str, range_key: str | None
) -> KeyCondition:
    """ValidationException when it is not an equality on the hash key, or more than a table can answer."""
    tokens = Tokens("KeyConditionExpression", expression, names)
    clauses = [_clause(tokens)]
    while tokens.take_if("AND"):
        clauses.append(_clause(tokens))
    tokens.expect_end()
    hashes = [c for c in clauses if c[0] == hash_key]
    ranges = [c for c in clauses if c[0] == range_key]
    if len(hashes) != 1 or hashes[0][1] != "=" or len(ranges) > 1 or len(clauses) > len(hashes) + len(ranges):
        raise tokens.fault("Query condition missed key schema element or uses another attribute")
    _, operator, operands = ranges[0] if ranges else ("", None, ())
    return KeyCondition(hashes[0][2][0], operator, operands, tokens.used)


def _clause(tokens: Tokens) -> tuple[str, str, tuple[str, ...]]:
    if tokens.take_if("("):
        clause = _clause(tokens)
        tokens.expect(")")
        return clause
    if tokens.next == "begins_with":
        tokens.take()
        tokens.expect("(")
        name = str(tokens.path()[0])
        tokens.expect(",")
        prefix = tokens.value()
        tokens.expect(")")
        return name, "begins_with", (prefix,)
    name = str(tokens.path()[0])
    if tokens.take_if("BETWEEN"):
        low = tokens.value()
        tokens.expect("AND")
        return name, "BETWEEN", (low, tokens.value())
    operator = tokens.take()
    if operator not in {"=", "<", "<=", ">", ">="}:
        raise tokens.syntax_error(operator)
    return name, operator, (tokens.value(),)
