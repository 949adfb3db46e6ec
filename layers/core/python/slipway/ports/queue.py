"""Queues: where job events go, and how a convergence wakes its successor."""

from __future__ import annotations

from typing import Protocol

from slipway.domain.jobs import JobEvent


class JobQueue(Protocol):
    """The ``jobs`` queue, as the webhook sees it."""

    def send(self, event: JobEvent) -> None:
        """Put one job event on the queue, grouped by its organization.

        Raises:
            UnavailableError: the queue did not take it.
        """


class Wakeups(Protocol):
    """The ``events`` queue, as convergence sees it."""

    def wake(self, pool: str, *, delay_seconds: int = 0, attempt: int = 0) -> None:
        """Ask for a convergence of the pool after a delay (SQS takes at most 900 s [SQS-LIMITS])."""


class DeadLetters(Protocol):
    """Where messages go that will never become good."""

    def keep(self, body: str, reason: str) -> None:
        """Keep a message where an operator can read it."""
