"""Stretches of frames in memory: one whole and packed, then what changed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local.live.deltas import applied
from local.live.frames import Frame


@dataclass(slots=True)
class Chapter:
    """Frames from number ``first`` on. ``opening`` is what changed to the first, for whoever comes from the one before.

    A coarse chapter keeps its first frame alone.
    """

    first: int
    at: float
    opening: bytes
    whole: bytes
    changes: list[bytes] = field(default_factory=list)
    is_coarse: bool = False

    @classmethod
    def of(cls, first: int, frame: Frame, opening: bytes) -> Chapter:
        """Begin a chapter with a frame."""
        return cls(first, frame["t"], opening, zlib.compress(encoded({**frame, "n": first}), 1))

    @property
    def size(self) -> int:
        """Return how many bytes it takes."""
        return len(self.opening) + len(self.whole) + sum(map(len, self.changes))

    def add(self, change: bytes) -> None:
        """Append what changed to the next frame."""
        self.changes.append(change)

    def coarsen(self) -> int:
        """Keep the first frame alone; return how many bytes that freed."""
        before = self.size
        self.changes, self.is_coarse = [], True
        return before - self.size

    def steps(self) -> list[tuple[int, bytes]]:
        """Return what changed to each of its frames, with their numbers."""
        return list(enumerate([self.opening, *self.changes], self.first))

    def frames(self) -> Iterator[Frame]:
        """Yield its frames, each with its number ``n``."""
        frame: Frame = json.loads(zlib.decompress(self.whole))
        yield frame
        for change in list(self.changes):
            frame = applied(frame, json.loads(change)) | {"n": frame["n"] + 1}
            yield frame


def encoded(value: Any) -> bytes:
    """Return a value as compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
