"""The queue of pull request events, by itself: the webhook imports nothing else of environments' ports."""

from __future__ import annotations

from typing import Protocol

from slipway.domain.environments.pulls import PullRequestEvent


class PullRequestQueue(Protocol):
    """The ``environments`` queue, as the webhook sees it."""

    def send(self, event: PullRequestEvent) -> None:
        """Put one event on the queue, grouped by its organization.

        Raises:
            UnavailableError: the queue did not take it.
        """
