"""A pool's EC2 instances, in domain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from slipway.domain.configuration import Market
from slipway.domain.intents import Intent, Offering


@dataclass(frozen=True, slots=True)
class LaunchedInstance:
    """One EC2 instance of ours; ``intent`` is the launch it belongs to.

    ``template_version`` is the version of the launch template that it was made from, where EC2 says so.
    """

    instance_id: str
    instance_type: str
    market: Market
    launched_at: float
    intent: str
    subnet: str | None = None
    template_version: int | None = None
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class LaunchResult:
    """What a launch brought, and what EC2 has none of right now (``ANY`` for every type or every subnet).

    ``errors`` are all of EC2's codes, ``faults`` those that time alone does not cure, such as an image that is gone.
    """

    instances: tuple[LaunchedInstance, ...]
    refused: tuple[Offering, ...] = ()
    errors: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


class Fleet(Protocol):
    """Launches, starts and ends the instances of one pool."""

    def launch(self, intent: Intent) -> LaunchResult:
        """Ask EC2 for the instances of a ``LaunchInstances`` intent; the same intent again launches nothing new.

        Raises:
            NoCapacityError: there is none now. RefusedError: another definite no. UnavailableError: throttled or
            down. UnknownOutcomeError: no reply.
        """

    def start(self, instance_ids: Sequence[str]) -> None:
        """Start stopped instances, all or none; those that run already are no error.

        Raises:
            As for launch.
        """

    def template_version(self) -> int | None:
        """Return the newest version of the pool's launch template; None where there is no such template."""

    def terminate(self, instance_ids: Sequence[str]) -> None:
        """Terminate instances; those already gone are no error."""

    def instances(self) -> list[LaunchedInstance]:
        """List the instances of the pool that are not terminated; a stopped one keeps its disk."""
