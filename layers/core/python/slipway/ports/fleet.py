"""A pool's EC2 instances, in domain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from slipway.domain.configuration import Market
from slipway.domain.intents import Intent


@dataclass(frozen=True, slots=True)
class LaunchedInstance:
    """One EC2 instance of ours; ``intent`` is the launch it belongs to."""

    instance_id: str
    instance_type: str
    market: Market
    launched_at: float
    intent: str
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class LaunchResult:
    """What a launch brought, and which types EC2 has none of right now."""

    instances: tuple[LaunchedInstance, ...]
    refused_types: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


class Fleet(Protocol):
    """Launches and ends the instances of one pool."""

    def launch(self, intent: Intent) -> LaunchResult:
        """Ask EC2 for the instances of a ``LaunchInstances`` intent; the same intent again launches nothing new.

        Raises:
            RefusedError: a definite no. UnavailableError: throttled or down. UnknownOutcomeError: no reply.
        """

    def terminate(self, instance_ids: Sequence[str]) -> None:
        """Terminate instances; those already gone are no error."""

    def instances(self) -> list[LaunchedInstance]:
        """List the instances of the pool that are not terminated; a stopped one keeps its disk."""
