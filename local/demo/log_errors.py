"""What went wrong in a demo, in the logs' own words: the last error of each, said once however many say it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

MOST_TOLD = 5
_LEVELS = frozenset({"ERROR", "CRITICAL"})
_DETAILS = ("fault", "exception_name", "exception", "faults")
_LAST_OF_TRACEBACK = re.compile(r"(\w+\.)*\w*(Error|Exception)\b.*", re.ASCII)


def last_errors(folder: Path) -> list[str]:
    """Return the last errors that functions and containers logged, each once with where it stands, at most a few."""
    said: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.log")):
        errors = _errors(file.read_text("utf-8", "replace").splitlines())
        if errors:
            said.setdefault(errors[-1], []).append(file.name)
    return [
        f"{files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''}: {error}"
        for error, files in list(said.items())[:MOST_TOLD]
    ]


def _errors(lines: Iterable[str]) -> list[str]:
    return [error for error in map(_error, lines) if error]


def _error(line: str) -> str | None:
    """Return what a line tells of an error: a function's own line, a container's, or the end of a traceback."""
    try:
        body = json.loads(line)
    except ValueError:
        return line.strip() if _LAST_OF_TRACEBACK.fullmatch(line.strip()) else None
    if not isinstance(body, dict) or not (body.get("level") in _LEVELS or body.get("faults")):
        return None
    # Of an exception in several lines the last says what it was.
    details = [
        str(body[name]).strip().splitlines()[-1] for name in _DETAILS if str(body.get(name) or "").strip()
    ]
    return ": ".join([str(body.get("message") or body.get("phase") or "error"), *details])
