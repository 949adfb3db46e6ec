"""A ``pull_request`` delivery in, a wake-up on the queue: what the webhook does beside jobs where it is configured."""

from __future__ import annotations

from typing import Any

from slipway.domain.delivery import IgnoreReason
from slipway.domain.environments.pulls import read_pull_request_event
from slipway.domain.environments.settings import Environments
from slipway.domain.errors import SlipwayError
from slipway.ports.clock import Clock
from slipway.ports.pull_requests import PullRequestQueue

Facts = dict[str, str | int | float | list[str]]  # as the webhook logs them
NO_ENVIRONMENTS = "no_environments"


class PullRequestIntake:
    """Puts the events of configured repositories on their queue; what is verified of them, the caller did."""

    def __init__(self, settings: Environments, queue: PullRequestQueue, clock: Clock) -> None:
        self._settings = settings
        self._queue = queue
        self._clock = clock

    def __call__(self, payload: Any, facts: Facts) -> tuple[int, str, str]:
        """Answer a payload: status, reason, sentence.

        Raises:
            MalformedError: it is not what GitHub sends.
        """
        event = read_pull_request_event(payload, self._clock.now(), str(facts["delivery"]))
        if isinstance(event, str):
            return 200, IgnoreReason.UNKNOWN_ACTION, "not an action that changes an environment"
        if event.repository.lower() not in self._settings.repositories:
            return 200, NO_ENVIRONMENTS, "environments.repositories does not name the repository"
        facts |= {"action": event.action, "pull_request": event.number}
        try:
            self._queue.send(event)
        except SlipwayError as fault:  # it may be queued twice: an event only wakes
            facts["fault"] = str(fault)
            return 503, "queue_unavailable", "the queue did not take the event; send this again"
        return 202, "queued", "the pull request will be looked at"
