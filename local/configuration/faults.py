"""A fault of a configuration file, and the nearest word that would have been right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

Path = tuple[str | int, ...]
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place of the file: path of keys, sentence, nearest valid word."""

    path: Path
    message: str
    nearest: str | None = None


def dotted(path: Path) -> str:
    """Write a path as ``pools.general.subnets[1]``; the whole file is ``(file)``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{printable(part)}" if text else printable(part)
    return text or "(file)"


def printable(value: object) -> str:
    """Return a value on one line of printable ASCII, shortened: a fault may quote hostile text."""
    text = ascii(value)[1:-1] if isinstance(value, str) else ascii(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def quoted(value: object) -> str:
    """Return a value as a fault names it: text in quotes."""
    return f"'{printable(value)}'" if isinstance(value, str) else printable(value)


def nearest(word: object, choices: Iterable[str]) -> str | None:
    """Return the choice that is spelt most like ``word``, or ``None`` when none is near."""
    if not isinstance(word, str):
        return None
    by_lower = {choice.lower(): choice for choice in sorted(choices)}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[matches[0]] if matches else None
