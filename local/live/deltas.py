"""What changed from one frame to the next, small enough to be sent every second. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.live.frames import KINDS, Frame

Delta = dict[str, Any]


def between(old: Frame, new: Frame) -> Delta | None:
    """Return what leads from one frame to the next; None where nothing but the time differs."""
    put: dict[str, Any] = {}
    gone: dict[str, list[str]] = {}
    for kind in KINDS:
        before, after = old[kind], new[kind]
        changed = {key: row for key, row in after.items() if before.get(key) != row}
        missing = [key for key in before if key not in after]
        if changed:
            put[kind] = changed
        if missing:
            gone[kind] = missing
    if not put and not gone:
        return None
    delta: Delta = {"t": new["t"], "s": new["s"]}
    if put:
        delta["+"] = put
    if gone:
        delta["-"] = gone
    return delta


def applied(frame: Frame, delta: Mapping[str, Any]) -> Frame:
    """Return the frame after a change; the one given stays as it is."""
    new: Frame = {**frame, "t": delta["t"], "s": delta["s"]}
    put, gone = delta.get("+", {}), delta.get("-", {})
    for kind in KINDS:
        if kind in put or kind in gone:
            rows = {**frame[kind], **put.get(kind, {})}
            for key in gone.get(kind, ()):
                rows.pop(key, None)
            new[kind] = rows
    return new
