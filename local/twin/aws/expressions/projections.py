"""Projection expressions: which parts of an item an answer shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from local.twin.aws.attribute_values import Item
from local.twin.aws.expressions.tokens import Names, Path, Tokens, Used, read


@dataclass(frozen=True, slots=True)
class Projection:
    """`of(item)` keeps only the paths; what is absent stays absent."""

    paths: tuple[Path, ...]
    used: Used

    def of(self, item: Item) -> Item:
        return project(item, self.paths)


@lru_cache(maxsize=1024)
def compile_projection(expression: str, names: Names) -> Projection:
    tokens = Tokens("ProjectionExpression", expression, names)
    paths = [tokens.path()]
    while tokens.take_if(","):
        paths.append(tokens.path())
    tokens.expect_end()
    return Projection(tuple(paths), tokens.used)


def project(item: Item, paths: Iterable[Path]) -> Item:
    """The item with nothing but `paths`; elements of a list move together."""
    shown: Item = {}
    for path in paths:
        value = read(item, path)
        if value is None:
            continue
        for part in reversed(path[1:]):
            value = {"L": [value]} if isinstance(part, int) else {"M": {part: value}}
        name = str(path[0])
        if len(path) > 1 and "M" in shown.get(name, {}) and "M" in value:
            shown[name]["M"].update(value["M"])
        else:
            shown[name] = value
    return shown
