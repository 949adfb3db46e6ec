"""Intents: outward actions written down before they are taken, with their token and exact parameters.

A reply can be lost after the action succeeded. Repeating the same token with the same parameters is then
safe; a new token would double tasks or instances, and changed parameters under one token are refused
[ECS-RUNTASK-TOKEN] [EC2-FLEET-TOKEN]. Until an intent is settled it counts as supply.

What starts instances is answered after seconds. Whoever wrote such an intent down waits for that without holding the
pool, and meanwhile nobody repeats it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from slipway.domain.configuration import Market
from slipway.domain.instances import Load
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources

MAX_TASKS_PER_CALL = 10  # [ECS-LIMITS-RUNTASK]
ANSWER_SECONDS = 20.0  # CreateFleet is waited for 16 s at most (``aws_clients.ONCE``), and recorded then


@dataclass(frozen=True, slots=True)
class RunTasks:
    """Start ``count`` identical tasks of a shape; ``exclusive`` asks for one task an instance.

    ``avoid`` names instances (by id) on which none may land: they are held for tasks of another shape.
    """

    shape: Shape
    count: int
    exclusive: bool = False
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offering:
    """An instance type in a subnet, which lies in exactly one zone: what EC2 has, or has not, capacity of."""

    instance_type: str
    subnet: str


@dataclass(frozen=True, slots=True)
class LaunchInstances:
    """Launch ``count`` instances, each of any of ``offerings``, the first preferred.

    ``each`` is what one will offer at least; ``loads`` are what they are wanted for, with how many instances for
    each load. ``for_stopped_tier`` instances, which have none, power themselves off before they are ever used.
    """

    offerings: tuple[Offering, ...]
    market: Market
    count: int
    each: Resources
    loads: tuple[tuple[Load, int], ...] = ()
    for_stopped_tier: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """Return the instance types, the preferred first."""
        return tuple(dict.fromkeys(offering.instance_type for offering in self.offerings))

    def load_of(self, number: int) -> Load:
        """Return what the instance of that number (from 0) is wanted for; any of them does for any load."""
        for load, count in self.loads:
            if number < count:
                return load
            number -= count
        return ()


@dataclass(frozen=True, slots=True)
class StartInstances:
    """Start stopped instances, all of one offering: EC2 starts all of a call or none."""

    offering: Offering
    starts: tuple[tuple[str, Load], ...]  # instance id, what it is wanted for

    @property
    def count(self) -> int:
        """Return how many instances it starts."""
        return len(self.starts)

    @property
    def instance_ids(self) -> tuple[str, ...]:
        """Return the instances."""
        return tuple(instance_id for instance_id, _ in self.starts)


Request = RunTasks | LaunchInstances | StartInstances


@dataclass(frozen=True, slots=True)
class Intent:
    """One outward action that was decided and is not settled yet.

    ``awaited_until``: so long its writer waits for the answer, if it lives; None: nobody does, and the next convergence
    repeats it.
    """

    token: str
    pool: str
    request: Request
    created_at: float
    awaited_until: float | None = None

    def is_awaited(self, now: float) -> bool:
        """Say whether its writer may still wait for the answer."""
        return self.awaited_until is not None and now < self.awaited_until


def being_started(intents: Iterable[Intent]) -> dict[str, tuple[Load, float]]:
    """Return the stopped instances whose start has no answer, with what they are wanted for and since when."""
    return {
        instance_id: (load, intent.created_at)
        for intent in intents
        if isinstance(intent.request, StartInstances)
        for instance_id, load in intent.request.starts
    }
