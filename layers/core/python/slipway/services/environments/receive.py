"""A batch of messages in, one reconciliation out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slipway.domain.environments.images import repository_of_image
from slipway.domain.environments.pulls import repositories_of
from slipway.domain.environments.settings import Environments
from slipway.domain.errors import MalformedError, UnavailableError
from slipway.ports.queue import DeadLetters
from slipway.services.environments.reconcile import HasTime, Reconcile, Reconciled


@dataclass(frozen=True, slots=True)
class Received:
    """What came of a batch: the messages to be sent again, those set aside, and what was done."""

    failed: tuple[str, ...]
    set_aside: Mapping[str, str]
    reconciled: Reconciled


class Receive:
    """Everything that the environments function needs."""

    def __init__(self, settings: Environments, reconcile: Reconcile, dead_letters: DeadLetters) -> None:
        self._places = {
            name: repository_of_image(template.image) for name, template in settings.repositories.items()
        }
        self._reconcile = reconcile
        self._dead_letters = dead_letters

    def __call__(self, bodies: Mapping[str, str], token: str, has_time: HasTime) -> Received:
        """Look at what the messages (by their ids) ask for; one that can never be read is set aside.

        Raises:
            SlipwayError: what is true cannot be read; all messages come again.
        """
        repositories: set[str] = set()
        failed: list[str] = []
        set_aside: dict[str, str] = {}
        for message_id, body in bodies.items():
            try:
                repositories |= repositories_of(body, self._places)
            except UnavailableError:
                failed.append(message_id)
            except MalformedError as fault:
                self._dead_letters.keep(body, str(fault))
                set_aside[message_id] = str(fault)
        return Received(tuple(failed), set_aside, self._reconcile(repositories, token, has_time))
