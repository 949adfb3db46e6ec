"""A small matcher of IAM policies: what our own documents say, and not more than IAM would say.

It knows Allow, actions, resources and five condition operators; what it does not know it refuses to judge. IAM's own
evaluation has more to it: boundaries, resource policies, session policies, service control policies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from local.permissions.account import Need

Document = Mapping[str, Any]


class UnknownPolicyError(ValueError):
    """A policy has what this matcher does not know."""


def allowing(policy: Document, need: Need) -> Iterator[Document]:
    """Return the statements of a policy that allow what is needed."""
    return (statement for statement in policy["Statement"] if allows(statement, need))


def allows(statement: Document, need: Need) -> bool:
    """Say whether a statement allows what is needed.

    Raises:
        UnknownPolicyError: the statement has what this matcher does not know.
    """
    known = {"Sid", "Effect", "Action", "Resource", "Condition"}
    if set(statement) - known or statement["Effect"] != "Allow":
        raise UnknownPolicyError(f"only Allow with actions, resources and conditions is known: {statement}")
    return (
        any(
            _wildcard(action.lower()).fullmatch(need.action.lower()) for action in listed(statement["Action"])
        )
        and any(_is_resource(resource, need.resource) for resource in listed(statement["Resource"]))
        and all(
            _holds(operator, key, listed(values), need)
            for operator, conditions in statement.get("Condition", {}).items()
            for key, values in conditions.items()
        )
    )


def listed(value: str | Iterable[str]) -> list[str]:
    """Return a policy's value or values as a list."""
    return [value] if isinstance(value, str) else list(value)


def _holds(operator: str, key: str, values: list[str], need: Need) -> bool:
    """A key that the request lacks fails its condition; keys have no case [IAM-CONDITIONS]."""
    found = [given for name, given in need.facts if name.lower() == key.lower()]
    if len(found) > 1 or (found and len(found[0]) != 1):
        raise UnknownPolicyError(f"{key} has several values, which need a set operator")
    if operator not in _OPERATORS:
        raise UnknownPolicyError(f"the condition operator {operator} is not known")
    return bool(found) and any(_OPERATORS[operator](value, found[0][0]) for value in values)


def _is_resource(pattern: str, arn: str) -> bool:
    """Match segment by segment; what only `*` allows, no ARN does [IAM-WILDCARDS]."""
    if pattern == "*":
        return True
    return arn != "*" and _is_arn(pattern, arn)


def _is_arn(pattern: str, arn: str) -> bool:
    patterns, segments = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(segments) and all(
        _wildcard(part).fullmatch(segment) for part, segment in zip(patterns, segments, strict=True)
    )


def _is_like(pattern: str, value: str) -> bool:
    return _wildcard(pattern).fullmatch(value) is not None


_OPERATORS = {
    "StringEquals": lambda wanted, given: wanted == given,
    "Bool": lambda wanted, given: wanted == given,
    "StringLike": _is_like,
    # ArnEquals and ArnLike are the same to IAM.
    "ArnEquals": _is_arn,
    "ArnLike": _is_arn,
}


@cache
def _wildcard(pattern: str) -> re.Pattern[str]:
    parts = (
        ".*" if part == "*" else "." if part == "?" else re.escape(part)
        for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)
