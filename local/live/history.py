"""What a server keeps of the past: the last frames each, older ones in coarse steps, within a bound of bytes."""

from __future__ import annotations

import threading
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from typing import Any

from local.live.chapters import Chapter, encoded
from local.live.deltas import Delta, between
from local.live.frames import Frame

FRAMES_IN_A_CHAPTER = 120
KEPT_BYTES = 64 * 2**20
LINE_POINTS = 2_000

Point = list[Any]  # time, then a frame's summary


@dataclass(slots=True)
class History:
    """Frames by number, from 1 on; safe to use from several threads.

    Past ``kept_bytes`` the oldest chapters keep one frame of many, then nothing. ``status`` is what the page says of
    the source: that it is over, or in trouble.
    """

    about: dict[str, Any]
    kept_bytes: int = KEPT_BYTES
    status: dict[str, Any] = field(default_factory=dict)
    last: int = 0
    _frame: Frame | None = None
    _chapters: list[Chapter] = field(default_factory=list)
    _line: list[Point] = field(default_factory=list)
    _stride: int = 1
    _bytes: int = 0
    _told: int = 0
    _news: threading.Condition = field(default_factory=threading.Condition)

    def keep(self, frame: Frame, change: Delta | None = None) -> bool:
        """Append a frame, if anything is other than in the last; ``change`` saves working out what."""
        with self._news:
            if self._frame is not None:
                change = change or between(self._frame, frame)
                if change is None:
                    return False
            self.last += 1
            self._append(frame, encoded({**(change or {}), "n": self.last}))
            self._frame = frame
            self._draw([frame["t"], *frame["s"]])
            self._shrink()
            self._news.notify_all()
        return True

    def say(self, **status: Any) -> None:
        """Replace what is said of the source."""
        with self._news:
            if status != self.status:
                self.status, self._told = status, self._told + 1
                self._news.notify_all()

    def wait(self, seen: int, told: int, timeout_seconds: float) -> tuple[int, int]:
        """Wait for a frame or a word later than those seen; return the numbers of the latest."""
        with self._news:
            self._news.wait_for(lambda: self.last > seen or self._told != told, timeout_seconds)
            return self.last, self._told

    def whole(self) -> tuple[int, bytes] | None:
        """Return the last frame with its number; None before the first."""
        with self._news:
            return None if self._frame is None else (self.last, encoded({**self._frame, "n": self.last}))

    def after(self, number: int) -> list[tuple[int, bytes]] | None:
        """Return what changed after a frame, by number; None where not all of that is kept."""
        with self._news:
            if not 0 < number <= self.last:
                return None
            found: list[tuple[int, bytes]] = []
            for chapter in reversed(self._chapters):
                if chapter.is_coarse:
                    return None
                found = [step for step in chapter.steps() if step[0] > number] + found
                if chapter.first <= number:
                    return found
        return None

    def at(self, moment: float, count: int) -> dict[str, Any] | None:
        """Return the frame of a moment (the first, before it) and the ``count`` changes that follow it."""
        with self._news:
            chapters = list(self._chapters)
        if not chapters:
            return None
        place = max(0, bisect_right(chapters, moment, key=lambda chapter: chapter.at) - 1)
        frames = chain.from_iterable(chapter.frames() for chapter in chapters[place:])
        shown = next(frames)
        following: list[Frame] = []
        for frame in frames:
            if frame["t"] <= moment:
                shown = frame
                continue
            following = [frame, *islice(frames, max(0, count - 1))] if count else []
            break
        return {"whole": shown, "next": [_step(old, new) for old, new in pairwise([shown, *following])]}

    def line(self) -> list[Point]:
        """Return the time line: few enough points to draw, each the busiest of its stretch."""
        with self._news:
            return list(self._line)

    def _append(self, frame: Frame, change: bytes) -> None:
        if not self._chapters or len(self._chapters[-1].changes) >= FRAMES_IN_A_CHAPTER - 1:
            chapter = Chapter.of(self.last, frame, change)
            self._chapters.append(chapter)
            self._bytes += chapter.size
        else:
            self._chapters[-1].add(change)
            self._bytes += len(change)

    def _draw(self, point: Point) -> None:
        if self._line and self.last % self._stride:
            self._line[-1] = _busier(self._line[-1], point)
            return
        self._line.append(point)
        if len(self._line) > LINE_POINTS:
            self._stride *= 2
            halves = zip(self._line[::2], [*self._line[1::2], self._line[-1]], strict=False)
            self._line = [_busier(first, second) for first, second in halves]

    def _shrink(self) -> None:
        """Make the oldest chapters coarse, then forget them; the one that is being written stays."""
        for chapter in self._chapters[:-1]:
            if self._bytes <= self.kept_bytes:
                return
            if not chapter.is_coarse:
                self._bytes -= chapter.coarsen()
        while self._bytes > self.kept_bytes and len(self._chapters) > 1:
            self._bytes -= self._chapters.pop(0).size


def _step(old: Frame, new: Frame) -> Delta:
    return {**(between(old, new) or {"t": new["t"], "s": new["s"]}), "n": new["n"]}


def _busier(first: Point, second: Point) -> Point:
    return [first[0], *(max(one or 0, other or 0) for one, other in zip(first[1:], second[1:], strict=True))]
