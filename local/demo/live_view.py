"""The demo on the page: looked at while it runs, shown until Ctrl-C after it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from local.demo.live_source import DemoSource
from local.live.follow import Follower
from local.live.frames import FrameMaker, about
from local.live.history import History
from local.live.serving import recorded, serving, wait

if TYPE_CHECKING:
    from local.demo.world import World

LOOKS_A_SECOND = 4.0  # on the wall: at the fastest clock, one in two model seconds


@dataclass(slots=True)
class DemoView:
    """A page or a recording of one demo, or neither; a context manager that outlives the demo's world."""

    serves: bool
    port: int
    record: Path | None
    serve_seconds: float | None
    _server: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> DemoView:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    @contextmanager
    def of(self, world: World) -> Iterator[None]:
        """Look at a world while the context is open."""
        if not self.serves and self.record is None:
            yield
            return
        history = History(about(world.configuration, "demo", clock_scale=world.scaled.scale))
        follower = Follower(
            DemoSource(world).read, FrameMaker(world.configuration), history, 1 / LOOKS_A_SECOND
        )
        with recorded(self.record, history.about) as follower.keep:
            if self.serves:
                self._server.enter_context(serving(history, self.port))
            with follower:
                yield
        history.say(over=True)

    def wait(self) -> None:
        """Go on serving until Ctrl-C, or as long as was asked for."""
        if self.serves:
            wait(self.serve_seconds)
