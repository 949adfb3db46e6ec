"""Serving the page from a command: say where it is, wait for Ctrl-C, keep a recording beside it."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.live.frames import Frame
from local.live.history import History
from local.live.recording import Recorder
from local.live.server import LiveServer


@contextmanager
def serving(history: History, port: int) -> Iterator[LiveServer]:
    """Serve a history and say where; the address goes to stderr, so that stdout stays what the command prints.

    Raises:
        OSError: the port is taken.
    """
    with LiveServer(history, port) as server:
        print(f"live view: {server.url}", file=sys.stderr, flush=True)
        yield server


def wait(seconds: float | None) -> None:
    """Wait until Ctrl-C, or so many seconds."""
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait(seconds)


@contextmanager
def recorded(file: Path | None, about: Mapping[str, Any]) -> Iterator[Callable[[Frame], None]]:
    """Give what keeps a frame in a recording; where no file is named it keeps nothing."""
    if file is None:
        yield lambda _frame: None
        return
    with Recorder(file, about) as recorder:
        yield recorder.keep
