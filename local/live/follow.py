"""Following a source: a look at it every so often, in a thread of its own, each look a frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from local.live.frames import Frame, FrameMaker
from local.live.history import History
from local.live.reading import Reading
from slipway.domain.errors import SlipwayError

TROUBLE_SECONDS = 5.0  # until a source that cannot be read is tried again
LOOKING_PART = 0.1  # of the time: what is watched and what watches it share a machine


@dataclass(slots=True)
class Follower:
    """Looks at a source while the context is open. ``keep`` is given each frame besides: a recording."""

    read: Callable[[], Reading]
    maker: FrameMaker
    history: History
    every_seconds: float
    keep: Callable[[Frame], None] = lambda _frame: None
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Follower:
        self._thread = threading.Thread(target=self._run, name="live view: follower", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking, after one last look at how it ended."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            pause = self.every_seconds if self._look() else TROUBLE_SECONDS
            self._over.wait(max(pause, (time.monotonic() - began) / LOOKING_PART))
        self._look()

    def _run(self) -> None:
        try:
            self._follow()
        except Exception as fault:
            # A page that nothing comes to any more must not look as if nothing happened.
            self._say(f"{type(fault).__name__}: {fault}")
            raise

    def _look(self) -> bool:
        try:
            frame = self.maker.frame(self.read())
        except (BotoCoreError, ClientError, SlipwayError) as fault:
            # The page goes on showing the last frame, and says since when it is the last.
            self._say(str(fault))
            return False
        self.history.say()
        if self.history.keep(frame):
            self.keep(frame)
        return True

    def _say(self, trouble: str) -> None:
        self.history.say(trouble=trouble, since=self.history.status.get("since", time.time()))
