"""A recording in a history: loaded whole, so that all of it can be looked at."""

from __future__ import annotations

from local.live.history import History
from local.live.recording import Recording, RecordingError

KEPT_BYTES = 512 * 2**20


def history_of(recording: Recording) -> History:
    """Load a recording.

    Raises:
        RecordingError: a line of it is damaged, or it has no frame.
    """
    history = History(recording.about, kept_bytes=KEPT_BYTES)
    for frame, change in recording.frames():
        history.keep(frame, change)
    if history.last == 0:
        raise RecordingError(f"{recording.file}:2: it has no frame")
    history.say(over=True, recorded=True)
    return history
