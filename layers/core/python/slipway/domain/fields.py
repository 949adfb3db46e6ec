"""Reads fields of untrusted JSON: each has one type, and a wrong one is named by its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slipway.domain.errors import MalformedError
from slipway.domain.text import inert

_MAX_ID = 2**63 - 1
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


class Fields:
    """A JSON object of which fields are read by name; ``path`` is its place in the whole, for messages.

    The methods whose names begin with ``optional`` take an absent field or ``null`` for ``None``.
    Every method raises MalformedError for a value of another type.
    """

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise MalformedError(f"{path or 'the payload'} is not an object")
        self._values: Mapping[str, Any] = value
        self._path = path

    def section(self, name: str) -> Fields:
        """Return a nested object."""
        return Fields(self._values.get(name), self._at(name))

    def optional_section(self, name: str) -> Fields | None:
        """Return a nested object, if it is there."""
        return None if self._values.get(name) is None else self.section(name)

    def exact_text(self, name: str) -> str:
        """Return a string as it is, to be compared or checked before it goes anywhere."""
        value = self._values.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a string, made inert and capped."""
        return None if self._values.get(name) is None else inert(self.exact_text(name))

    def identifier(self, name: str) -> int:
        """Return a positive whole number of at most 63 bits."""
        value = self.optional_identifier(name)
        if value is None:
            raise MalformedError(f"{self._at(name)} is missing or 0")
        return value

    def optional_identifier(self, name: str) -> int | None:
        """Return a positive whole number of at most 63 bits; 0 stands for none [GH-WJ-7]."""
        value = self._values.get(name)
        if value is None:
            return None
        # True is an int to isinstance.
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_ID:
            raise self._wrong(name, "a positive whole number")
        return value or None

    def optional_flag(self, name: str) -> bool | None:
        """Return a boolean."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings exactly as they are: the reader must check them."""
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of strings")
        return tuple(value)

    def optional_time(self, name: str) -> float | None:
        """Return an ISO 8601 time with its offset as epoch seconds; one before 1970 stands for none."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise self._wrong(name, "an ISO 8601 time")
        try:
            seconds = datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError) as fault:
            raise self._wrong(name, "an ISO 8601 time") from fault
        return seconds if seconds >= 0 else None

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _wrong(self, name: str, wanted: str) -> MalformedError:
        return MalformedError(f"{self._at(name)} is not {wanted}")
