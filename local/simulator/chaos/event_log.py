"""The event log of a run: when, who, what. The last lines are kept, or all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

KEPT_LINES = 400


@dataclass(slots=True)
class EventLog:
    """Lines are kept as they are told and written out only when somebody reads them."""

    now: Callable[[], float]
    starts_at: float
    keeps_all: bool = False
    _lines: deque[tuple[float, str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self._lines = deque(maxlen=None if self.keeps_all else KEPT_LINES)

    def tell(self, who: str, what: str) -> None:
        """Note what happened now."""
        self._lines.append((self.now(), who, what))

    def lines(self) -> Iterator[str]:
        """Return the lines, the oldest first; times are seconds since the run began."""
        for at, who, what in self._lines:
            yield f"{at - self.starts_at:11.3f}  {who:<14} {what}"
