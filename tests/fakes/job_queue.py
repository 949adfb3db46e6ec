"""The ``jobs`` queue in memory."""

from __future__ import annotations

from slipway.domain.errors import SlipwayError
from slipway.domain.jobs import JobEvent


class MemoryJobQueue:
    """Implements ``ports.queue.JobQueue``; ``next_error`` is raised once, before anything is kept."""

    def __init__(self) -> None:
        self.events: list[JobEvent] = []
        self.next_error: SlipwayError | None = None

    def send(self, event: JobEvent) -> None:
        if self.next_error:
            error, self.next_error = self.next_error, None
            raise error
        self.events.append(event)
