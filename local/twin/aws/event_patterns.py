"""EventBridge's event patterns: which events a rule lets through [EVENTS-PATTERN].

A pattern that says what the twin does not know is refused: it would let through what AWS does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Event = Mapping[str, Any]
Matches = Callable[[Any], bool]
_KIND = ("source", "detail-type")
_VALUES = (str, int, float, type(None))


class UnknownPatternError(ValueError):
    """A pattern has what the twin does not know."""


def compile_patterns(patterns: Iterable[Mapping[str, Any]]) -> Callable[[Event], bool]:
    """Return what says whether an event is let through by any of some patterns.

    Patterns that name their kinds of events, as ours do, are found by an event's kind: others are never looked at.

    Raises:
        UnknownPatternError: there is more in one than exact values and prefixes.
    """
    of_kind: dict[tuple[Any, Any], list[Matches]] = defaultdict(list)
    of_any: list[Matches] = []
    for pattern in patterns:
        sources, kinds = (pattern.get(name, ()) for name in _KIND)
        if sources and kinds and all(isinstance(value, str) for value in (*sources, *kinds)):
            rest = _object({name: part for name, part in pattern.items() if name not in _KIND})
            for source in sources:
                for kind in kinds:
                    of_kind[source, kind].append(rest)
        else:
            of_any.append(_object(pattern))

    def lets_through(event: Event) -> bool:
        # Plain loops here and below: a simulated day has a hundred thousand events.
        for matches in of_kind.get((event.get("source"), event.get("detail-type")), ()):
            if matches(event):
                return True
        return bool(of_any) and any(matches(event) for matches in of_any)

    return lets_through


def _object(pattern: Any) -> Matches:
    """Every field of a pattern must match; what it does not name may be anything."""
    fields = [(name, _part(part)) for name, part in pattern.items()]

    def matches(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        for name, part in fields:  # noqa: SIM110 - all() costs twice as much
            if name not in value or not part(value[name]):
                return False
        return True

    return matches


def _part(part: Any) -> Matches:
    if isinstance(part, Mapping):
        return _object(part)
    if not isinstance(part, list) or not part:
        raise UnknownPatternError(f"{part!r} is neither a list of values nor an object")
    prefixes = tuple(_prefix(value) for value in part if isinstance(value, Mapping))
    exact = [value for value in part if not isinstance(value, Mapping)]
    if any(isinstance(value, bool) or not isinstance(value, _VALUES) for value in exact):
        raise UnknownPatternError(f"{exact!r} has what the twin cannot compare")

    texts = frozenset(value for value in exact if isinstance(value, str))

    def matches(value: Any) -> bool:
        if not prefixes and isinstance(value, str):
            return value in texts
        # A field that holds a list matches when any of its values does.
        values = value if isinstance(value, list) else [value]
        return any(
            (one in exact and not isinstance(one, bool))
            or (isinstance(one, str) and one.startswith(prefixes))
            for one in values
        )

    return matches


def _prefix(condition: Mapping[str, Any]) -> str:
    if set(condition) != {"prefix"} or not isinstance(condition["prefix"], str):
        raise UnknownPatternError(f"the twin knows no {sorted(condition)} in a pattern")
    return condition["prefix"]
