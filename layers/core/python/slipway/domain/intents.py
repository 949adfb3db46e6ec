"""Intents: outward actions written down before they are taken, with their token and exact parameters.

A reply can be lost after the action succeeded. Repeating the same token with the same parameters is then
safe; a new token would double tasks or instances, and changed parameters under one token are refused
[ECS-RUNTASK-TOKEN] [EC2-FLEET-TOKEN]. Until an intent is settled it counts as supply.
"""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.configuration import Market
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources

MAX_TASKS_PER_CALL = 10  # [ECS-LIMITS-RUNTASK]


@dataclass(frozen=True, slots=True)
class RunTasks:
    """Start ``count`` identical tasks of a shape; ``exclusive`` asks for one task an instance."""

    shape: Shape
    count: int
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class LaunchInstances:
    """Launch ``count`` instances of any of ``types``, the first preferred; ``each`` is what one will offer."""

    types: tuple[str, ...]
    market: Market
    count: int
    each: Resources


@dataclass(frozen=True, slots=True)
class Intent:
    """One outward action that was decided and is not settled yet."""

    token: str
    pool: str
    request: RunTasks | LaunchInstances
    created_at: float
