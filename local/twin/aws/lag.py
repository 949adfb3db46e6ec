"""Eventually consistent reads: what an API shows is what was true a moment ago."""

from __future__ import annotations

from collections import deque
from typing import Any

from local.twin.aws.service import Context
from local.twin.latency import Phase


class LaggedView:
    """The history of one record's API shape; a read sees the newest entry that is old enough."""

    __slots__ = ("_context", "_entries")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._entries: deque[tuple[float, dict[str, Any]]] = deque()

    def publish(self, view: dict[str, Any]) -> None:
        """Make `view` readable after a drawn lag, never before what was published earlier."""
        visible_at = self._context.now() + self._context.delay(Phase.DESCRIBE_LAG)
        if self._entries:
            visible_at = max(visible_at, self._entries[-1][0])
        self._entries.append((visible_at, view))

    @property
    def newest(self) -> dict[str, Any]:
        """The view published last, whether readers see it yet or not."""
        return self._entries[-1][1]

    def read(self) -> dict[str, Any] | None:
        """The view to show now; None while not even the record's birth is visible."""
        entries, now = self._entries, self._context.clock.now()
        while len(entries) > 1 and entries[1][0] <= now:
            entries.popleft()
        return entries[0][1] if entries and entries[0][0] <= now else None
