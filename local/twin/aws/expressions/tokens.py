"""Reading an expression word by word; document paths and operands, which all expressions share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from local.twin.aws.attribute_values import AttributeValue, Item, invalid
from local.twin.aws.errors import AwsFault
from local.twin.aws.expressions.reserved import RESERVED

#: ExpressionAttributeNames in a form that a cache can take.
Names = tuple[tuple[str, str], ...]
#: ExpressionAttributeValues, normalized.
Values = Mapping[str, AttributeValue]
Path = tuple[str | int, ...]
Operand = Callable[[Item, Values], AttributeValue | None]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<word>[#:]?[A-Za-z0-9_][A-Za-z0-9_]*)|(?P<operator><>|<=|>=|[=<>+\-])|(?P<punct>[().,\[\]]))"
)
_END: Final = ""


def frozen_names(names: Mapping[str, str] | None) -> Names:
    return tuple(sorted(names.items())) if names else ()


@dataclass(slots=True)
class Used:
    """Which placeholders an expression mentions: DynamoDB refuses requests that define others."""

    names: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)


class Tokens:
    """A cursor over one expression; `kind` is how error messages name it."""

    def __init__(self, kind: str, expression: str, names: Names) -> None:
        self.kind = kind
        self.used = Used()
        self._names = dict(names)
        self._words = self._split(expression)
        self._at = 0

    def _split(self, expression: str) -> list[str]:
        words, at = [], 0
        text = expression.rstrip()
        if not text:
            raise self.fault("The expression can not be empty;")
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.syntax_error(text[at : at + 10])
            words.append(match.group(0).strip())
            at = match.end()
        return [*words, _END]

    def fault(self, message: str) -> AwsFault:
        return invalid(f"Invalid {self.kind}: {message}")

    def syntax_error(self, token: str) -> AwsFault:
        return self.fault(f'Syntax error; token: "{token or "<EOF>"}"')

    @property
    def next(self) -> str:
        return self._words[self._at]

    @property
    def after_next(self) -> str:
        return self._words[min(self._at + 1, len(self._words) - 1)]

    def take(self) -> str:
        word = self._words[self._at]
        if word == _END:
            raise self.syntax_error(word)
        self._at += 1
        return word

    def take_if(self, *words: str) -> bool:
        """Take the next word when it is one of `words`; keywords match in any case."""
        if self.next.upper() in words:
            self._at += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.take_if(word):
            raise self.syntax_error(self.next)

    def expect_end(self) -> None:
        if self.next != _END:
            raise self.syntax_error(self.next)

    def path(self) -> Path:
        """`a.#b[3]` as ("a", resolved b, 3)."""
        parts: list[str | int] = [self._attribute()]
        while self.next in {".", "["}:
            if self.take() == ".":
                parts.append(self._attribute())
                continue
            index = self.take()
            if not index.isdigit():
                raise self.syntax_error(index)
            parts.append(int(index))
            self.expect("]")
        return tuple(parts)

    def _attribute(self) -> str:
        word = self.take()
        if word.startswith("#"):
            self.used.names.add(word)
            if word not in self._names:
                raise self.fault(
                    f"An expression attribute name used in the document path is not defined; attribute name: {word}"
                )
            return self._names[word]
        if not (word[0].isalpha() or word[0] == "_"):
            raise self.syntax_error(word)
        if word.upper() in RESERVED:
            raise self.fault(f"Attribute name is a reserved keyword; reserved keyword: {word}")
        return word

    def value(self) -> str:
        """The name of a value placeholder."""
        word = self.take()
        if not word.startswith(":"):
            raise self.syntax_error(word)
        self.used.values.add(word)
        return word

    def value_or_path(self) -> Operand:
        """An operand that is a placeholder or a document path."""
        if self.next.startswith(":"):
            name = self.value()
            return lambda _item, values: values[name]
        path = self.path()
        return lambda item, _values: read(item, path)


def read(item: Item, path: Path) -> AttributeValue | None:
    """The value at a path, or None where there is none."""
    value = item.get(path[0])  # type: ignore[arg-type]
    for part in path[1:]:
        if value is None:
            return None
        if isinstance(part, int):
            members = value.get("L", ())
            value = members[part] if part < len(members) else None
        else:
            value = value.get("M", {}).get(part)
    return value
