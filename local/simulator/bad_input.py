"""Faults of what a user hands in: all of them at once, as sentences, up to a number that can be read."""

from __future__ import annotations

from collections.abc import Sequence

MOST_SHOWN = 20


class BadInputError(ValueError):
    """What was handed in cannot be used; ``faults`` are sentences, each with its place and what to do instead."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(shown(faults)))


def shown(faults: Sequence[str]) -> list[str]:
    """Return the first twenty faults, and how many more there are."""
    more = len(faults) - MOST_SHOWN
    return [*faults[:MOST_SHOWN], *([f"… and {more} more"] if more > 0 else [])]
