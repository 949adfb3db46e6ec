"""Strings from strangers, made harmless before they are kept."""

from __future__ import annotations

from slipway.domain.jobs import MAX_TEXT


def inert(text: str, limit: int = MAX_TEXT) -> str:
    """Return the text without control characters, trimmed, at most ``limit`` characters long.

    Dropped is all that is not printable: control and format characters (escape sequences, bidirectional
    overrides, zero-width characters), lone surrogates, private and unassigned code points. White space of
    every kind, line ends included, becomes a plain space.
    """
    if text.isascii() and text.isprintable():
        return text.strip()[:limit]
    # Four characters in for one out: enough for honest names, and a megabyte of junk costs nothing.
    kept = (_kept(character) for character in text[: 4 * limit])
    return "".join(kept).strip()[:limit]


def _kept(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else ""
