"""What GitHub tells of a runner group that is for our runners: who may use it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A runner group of ours at a place. ``organizations`` is None where it is not visible to selected ones."""

    place: str
    id: int
    name: str
    visibility: str
    is_default: bool = False
    allows_public_repositories: bool = False
    workflows: tuple[str, ...] | None = None
    organizations: tuple[str, ...] | None = None
