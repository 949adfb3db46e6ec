"""Recordings: what a demo or a simulation looked like, one JSON object a line.

The first line says what is watched; the second is a whole frame, each later one what changed. A line is written as it
happens: of a run that broke off, or still goes on, all is there but perhaps the last line's end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from local.live.deltas import Delta, applied, between
from local.live.frames import KINDS, Frame

VERSION = 1
HEADER = "slipway_recording"
_NUMBER, _TEXT = (int, float), (str,)
_MAYBE = (int, float, type(None))
# The types of each kind's rows, in their order.
_ROWS: Mapping[str, tuple[tuple[type, ...], ...]] = {
    "p": (_TEXT, *(_NUMBER,) * 7),
    "i": (_TEXT, _TEXT, _TEXT, _NUMBER, _NUMBER, _TEXT, _NUMBER),
    "r": (_TEXT, _TEXT, _TEXT, _NUMBER, _NUMBER, _TEXT, _TEXT, _TEXT, _NUMBER),
    "j": (_TEXT, _TEXT, _NUMBER, _NUMBER, _TEXT, _NUMBER, _TEXT, _TEXT),
    "d": (_TEXT, _TEXT, _TEXT, _TEXT, _MAYBE, _MAYBE, _TEXT, _NUMBER),
    "w": (_NUMBER,) * 4,
    "y": (_TEXT,),
}
_SUMMARY = (_NUMBER, _NUMBER, _NUMBER, _MAYBE)


class RecordingError(Exception):
    """A file that is no recording, or a damaged one; the message names the line."""


@dataclass(slots=True)
class Recorder:
    """Writes frames to a file as they come; a context manager."""

    file: Path
    about: Mapping[str, Any]
    _stream: TextIO | None = field(default=None, repr=False)
    _last: Frame | None = field(default=None, repr=False)

    def __enter__(self) -> Recorder:
        self._stream = self.file.open("w", buffering=1, encoding="utf-8")
        self._write({HEADER: VERSION, "about": dict(self.about)})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def keep(self, frame: Frame) -> None:
        """Write a frame, if anything is other than in the last."""
        if self._last is None:
            self._write(frame)
        else:
            delta = between(self._last, frame)
            if delta is None:
                return
            self._write(delta)
        self._last = frame

    def _write(self, value: Mapping[str, Any]) -> None:
        if self._stream is None:
            raise ValueError("a recorder is used as a context manager")
        self._stream.write(json.dumps(value, separators=(",", ":")) + "\n")


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that was opened: what it is about, and its frames from the first line on."""

    file: Path
    about: dict[str, Any]

    def frames(self) -> Iterator[tuple[Frame, Delta | None]]:
        """Yield each frame with what changed to it; the first is whole.

        Raises:
            RecordingError: a line is not what it should be; those before it were yielded.
        """
        frame: Frame | None = None
        for number, body in _lines(self.file, start=2):
            where = f"{self.file}:{number}"
            if frame is None:
                _check_whole(body, where)
                frame = body
                yield frame, None
                continue
            _check_delta(body, where)
            if body["t"] < frame["t"]:
                raise RecordingError(f"{where}: it is of a time before the line above")
            frame = applied(frame, body)
            yield frame, body


def open_recording(file: Path) -> Recording:
    """Read the first line of a recording.

    Raises:
        RecordingError: the file cannot be read, or is no recording of this version.
    """
    _, header = next(_lines(file, start=1), (0, None))
    if header is None or HEADER not in header:
        raise RecordingError(
            f"{file}:1: this is no recording: slipway simulate --record and slipway demo --record make one"
        )
    if header[HEADER] != VERSION:
        raise RecordingError(
            f"{file}:1: a recording of version {header[HEADER]}; this program reads version {VERSION}"
        )
    about = header.get("about")
    if not isinstance(about, dict) or not isinstance(about.get("profiles"), dict):
        raise RecordingError(f"{file}:1: it does not say what it is about")
    return Recording(file, about)


def _lines(file: Path, start: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield numbered lines from ``start`` on; one that has no end is left out: it is being written, or never was."""
    try:
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if number < start:
                    continue
                if not line.endswith("\n"):
                    return
                yield number, _parsed(line, f"{file}:{number}")
    except OSError as fault:
        raise RecordingError(f"{file}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise RecordingError(f"{file}: is not UTF-8 text") from fault


def _parsed(line: str, where: str) -> dict[str, Any]:
    try:
        body = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as fault:
        raise RecordingError(f"{where}: not JSON: {fault}") from fault
    if not isinstance(body, dict):
        raise RecordingError(f"{where}: not a JSON object")
    return body


def _no_number(name: str) -> float:
    """Refuse what Python reads and a browser does not."""
    raise ValueError(f"{name} is no number")


def _check_whole(body: Mapping[str, Any], where: str) -> None:
    missing = [kind for kind in KINDS if not isinstance(body.get(kind), dict)]
    if missing:
        raise RecordingError(f"{where}: a whole frame is expected here, and {missing[0]!r} is missing")
    _check_times(body, where)
    for kind in KINDS:
        _check_rows(kind, body[kind], where)


def _check_delta(body: Mapping[str, Any], where: str) -> None:
    _check_times(body, where)
    put, gone = body.get("+", {}), body.get("-", {})
    if not isinstance(put, dict) or not isinstance(gone, dict) or not put.keys() | gone.keys() <= set(KINDS):
        raise RecordingError(f"{where}: what changed is of no known kind")
    for kind, rows in put.items():
        _check_rows(kind, rows, where)
    for kind, keys in gone.items():
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise RecordingError(f"{where}: what went of {kind!r} is not a list of names")


def _check_times(body: Mapping[str, Any], where: str) -> None:
    if not isinstance(body.get("t"), int | float) or not _is_row(body.get("s"), _SUMMARY):
        raise RecordingError(f"{where}: its time ('t') or its summary ('s') is missing")


def _check_rows(kind: str, rows: Any, where: str) -> None:
    if not isinstance(rows, dict):
        raise RecordingError(f"{where}: {kind!r} is not an object")
    for key, row in rows.items():
        if not _is_row(row, _ROWS[kind]):
            raise RecordingError(f"{where}: {kind!r} of {key[:80]!r} is not as frames have it")


def _is_row(row: Any, wanted: tuple[tuple[type, ...], ...]) -> bool:
    return (
        isinstance(row, list)
        and len(row) == len(wanted)
        and all(isinstance(value, types) for value, types in zip(row, wanted, strict=True))
    )
