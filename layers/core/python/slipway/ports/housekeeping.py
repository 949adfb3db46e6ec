"""What the functions that repair and remove remember between their runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from slipway.domain.redelivery import Resent
from slipway.domain.sweeping import SweepState


class RegistrationPlaces(Protocol):
    """Where runners were registered."""

    def note_place(self, reach: str, at: float) -> None:
        """Remember that a runner was registered in an organization or repository."""

    def places(self, since: float) -> dict[str, float]:
        """Return where runners were registered since a time, and when each place was listed last; never is 0."""

    def note_listed(self, reach: str, at: float) -> None:
        """Remember that the registrations of a place are listed."""


class Cursors(Protocol):
    """How far repeated checks came."""

    def cursor(self, name: str) -> float | None:
        """Return how far a repeated check came."""

    def move_cursor(self, name: str, to: float) -> None:
        """Note how far a repeated check came."""


class ReaperMemory(Cursors, Protocol):
    """What the reaper remembers between its runs."""

    def told(self) -> dict[str, float]:
        """Return which notices were given, and when."""

    def keep_told(self, told: Mapping[str, float]) -> None:
        """Replace the notices that were given."""

    def suspects(self) -> dict[str, float]:
        """Return what looked stale at the last reading, and since when."""

    def keep_suspects(self, suspects: Mapping[str, float]) -> None:
        """Replace what looks stale."""


class RedeliveryMemory(Cursors, Protocol):
    """What redelivery remembers between its runs."""

    def resent(self, hook: str) -> dict[str, Resent]:
        """Return the deliveries of a hook that were sent again lately, by GUID: hooks share them [GH-HOOK-GUID]."""

    def note_resent(self, hook: str, guid: str, resent: Resent) -> None:
        """Remember for two days that a delivery was sent again."""


class SweepMemory(Protocol):
    """What the sweep remembers between its runs."""

    def sweep_state(self) -> SweepState | None:
        """Return where the sweep stands, if it ever ran."""

    def keep_sweep_state(self, state: SweepState) -> None:
        """Note where the sweep stands."""


class Housekeeping(RegistrationPlaces, ReaperMemory, RedeliveryMemory, SweepMemory, Protocol):
    """What is remembered between runs; whoever needs a part of it takes that part."""
