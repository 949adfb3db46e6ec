"""Where panels stand on a grid of 24 columns, which CloudWatch and Grafana share. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of the grid."""

    x: int
    y: int
    width: int
    height: int


def flow(sizes: Iterable[tuple[int, int]], top: int) -> Iterator[Place]:
    """Yield a place for each (width, height), from left to right; what has no room begins a line below."""
    x, y, tallest = 0, top, 0
    for width, height in sizes:
        if x + width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        yield Place(x, y, width, height)
        x, tallest = x + width, max(tallest, height)


def below(places: Iterable[Place], top: int) -> int:
    """Return the first line below every place."""
    return max((place.y + place.height for place in places), default=top)
