"""JSON with line numbers, where a key that is given twice is a fault and not a silent choice."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from local.configuration.document import Document
from local.configuration.faults import Fault, Path, printable

# Of JSON that is known to be valid: a string, a bracket or comma or colon, any other scalar.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str) -> Document:
    """Parse one JSON document; what cannot be read is a fault at its line, nothing is raised."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as fault:
        return Document(None, {(): fault.lineno}, (Fault((), f"not JSON: {fault.msg}"),))
    except ValueError as fault:
        return Document(None, faults=(Fault((), f"not JSON: {printable(str(fault))}"),))
    except RecursionError:
        return Document(None, faults=(Fault((), "nested too deeply to be read"),))
    half = _HALF.search(text)
    if half and not _is_whole(value):
        line = text.count("\n", 0, half.start()) + 1
        return Document(None, {(): line}, (Fault((), "not JSON: half of a surrogate pair is no character"),))
    places = _Places()
    places.walk(text)
    return Document(value, places.lines, tuple(places.faults))


def _is_whole(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is not a number")


@dataclass(slots=True)
class _Frame:
    """An object or an array that is open: the key or index that is being read, the keys so far."""

    part: str | int
    is_object: bool
    is_before_key: bool
    keys: set[str] = field(default_factory=set)


class _Places:
    """Notes the line (from 1) of every path of a valid document, and the keys that are given twice."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.faults: list[Fault] = []
        self._frames: list[_Frame] = []

    def walk(self, text: str) -> None:
        line, end = 1, 0
        for match in _TOKEN.finditer(text):
            line += text.count("\n", end, match.start())
            end = match.start()
            self._read(match.group(), line)

    def _read(self, word: str, line: int) -> None:
        frame = self._frames[-1] if self._frames else None
        if word in "]}":
            self._frames.pop()
        elif word == ":" and frame:
            frame.is_before_key = False
        elif word == "," and frame:
            if isinstance(frame.part, int):
                frame.part += 1
            frame.is_before_key = frame.is_object
        elif frame and frame.is_before_key:
            self._key(frame, json.loads(word), line)
        else:
            self.lines.setdefault(self._path(), line)
            if word in "[{":
                is_object = word == "{"
                self._frames.append(_Frame("" if is_object else 0, is_object, is_object))

    def _key(self, frame: _Frame, key: str, line: int) -> None:
        frame.part = key
        path = self._path()
        if key in frame.keys:
            self.faults.append(Fault(path, f"'{printable(key)}' is given twice"))
        frame.keys.add(key)
        self.lines[path] = line  # of two, the second: that is the one to take out

    def _path(self) -> Path:
        return tuple(frame.part for frame in self._frames)
