"""ECS's cluster query language, as placement constraints and filters use it [ECS-QUERY-LANGUAGE]."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, Final

from local.twin.aws.ecs.records import ContainerInstance
from local.twin.aws.errors import AwsFault

Matches = Callable[[ContainerInstance], bool]

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<punct>[()\[\],])|(?P<quoted>'[^']*'|"[^"]*")|(?P<word>[^\s()\[\],'"]+))"""
)
_OPERATORS: Final = {
    "equals": "==",
    "not_equals": "!=",
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
    "not_exists": "!exists",
    "not_in": "!in",
    "matches": "=~",
    "not_matches": "!~",
}
_BINARY: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    ">": lambda left, right: _number(left) > _number(right),
    ">=": lambda left, right: _number(left) >= _number(right),
    "<": lambda left, right: _number(left) < _number(right),
    "<=": lambda left, right: _number(left) <= _number(right),
    "=~": lambda left, right: re.search(right, left) is not None,
    "!~": lambda left, right: re.search(right, left) is None,
}


@functools.lru_cache(maxsize=512)
def compile_query(expression: str) -> Matches:
    """A predicate over container instances; InvalidParameterException for what is no expression."""
    parser = _Parser(expression)
    matches = parser.disjunction()
    if parser.peek() is not None:
        raise _invalid(expression)
    return matches


def _invalid(expression: str) -> AwsFault:
    return AwsFault(
        "InvalidParameterException", f"Invalid placement constraint expression: {expression[:200]}"
    )


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")


class _Parser:
    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = [m.group(0).strip() for m in _TOKEN.finditer(expression)]
        self._at = 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        token = self.peek()
        if token is None:
            raise _invalid(self._expression)
        self._at += 1
        return token

    def disjunction(self) -> Matches:
        parts = [self._conjunction()]
        while self.peek() in {"or", "||"}:
            self._next()
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda instance: any(part(instance) for part in parts)

    def _conjunction(self) -> Matches:
        parts = [self._negation()]
        while self.peek() in {"and", "&&"}:
            self._next()
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda instance: all(part(instance) for part in parts)

    def _negation(self) -> Matches:
        if self.peek() in {"not", "!"}:
            self._next()
            inner = self._negation()
            return lambda instance: not inner(instance)
        if self.peek() == "(":
            self._next()
            inner = self.disjunction()
            self._expect(")")
            return inner
        return self._comparison()

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise _invalid(self._expression)

    def _comparison(self) -> Matches:
        subject, written = self._next(), self._next()
        operator, value = _OPERATORS.get(written, written), _value_of(subject)
        if operator in {"exists", "!exists"}:
            return lambda instance: (value(instance) is not None) == (operator == "exists")
        if operator in {"in", "!in"}:
            values = self._list()
            return lambda instance: (value(instance) in values) == (operator == "in")
        if operator not in _BINARY:
            raise _invalid(self._expression)
        compare, wanted = _BINARY[operator], _unquoted(self._next())
        # An absent attribute satisfies only the negations.
        absent = operator in {"!=", "!~"}
        return lambda instance: absent if (v := value(instance)) is None else compare(v, wanted)

    def _list(self) -> frozenset[str]:
        self._expect("[")
        values = []
        while (word := self._next()) != "]":
            if word != ",":
                values.append(_unquoted(word))
        return frozenset(values)


def _unquoted(token: str) -> str:
    return token[1:-1] if token[:1] in {"'", '"'} else token


def _value_of(subject: str) -> Callable[[ContainerInstance], str | None]:
    """What reads the subject of an expression from an instance."""
    if subject.startswith("attribute:"):
        name = subject.removeprefix("attribute:")
        return lambda instance: instance.attributes.get(name)
    return lambda instance: _property(instance, subject)


def _property(instance: ContainerInstance, subject: str) -> str | None:
    if subject == "ec2InstanceId":
        return instance.ec2_instance_id
    if subject == "agentConnected":
        return "true" if instance.agent_connected else "false"
    if subject == "runningTasksCount":
        return str(sum(1 for task in instance.tasks.values() if task.last_status == "RUNNING"))
    raise AwsFault("InvalidParameterException", f"Unknown subject in an expression: {subject[:80]}")
