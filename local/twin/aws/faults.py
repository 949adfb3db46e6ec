"""Faults that a test or a demo orders for coming calls."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.twin.aws.errors import AwsFault


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """The next call fails with this; `after_success` first lets it take effect, then loses the answer."""

    fault: AwsFault
    after_success: bool


@dataclass(slots=True)
class Faults:
    """Queues of planned faults by (service, operation), taken in order, one a call."""

    planned: dict[tuple[str, str], deque[PlannedFault]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], deque[PlannedFault]](deque)
    )

    def next_error(  # noqa: PLR0913 - a fault is told apart by all of these
        self,
        service: str,
        operation: str,
        code: str,
        *,
        after_success: bool = False,
        message: str = "injected by the twin",
        times: int = 1,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Fail the next `times` calls of `operation` ("RunTask") with `code`.

        The code `LostReply` raises a read timeout (over HTTP: the connection is closed unanswered).
        """
        planned = PlannedFault(AwsFault(code, message, extra=dict(extra or {})), after_success)
        self.planned[service, operation].extend([planned] * times)

    def take(self, service: str, operation: str) -> PlannedFault | None:
        queue = self.planned.get((service, operation))
        if not queue:
            return None
        planned = queue.popleft()
        if not queue:
            del self.planned[service, operation]
        return planned

    def clear(self) -> None:
        """Forget what was ordered and has not happened."""
        self.planned.clear()
