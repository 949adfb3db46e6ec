"""What is shown to GitHub, behind one interface: classic tokens for an enterprise, an App for everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from slipway.adapters.github.budgets import Budgets
from slipway.domain.errors import ThrottledError
from slipway.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, and whose limits it draws on; ``source`` is where it came from. It never shows in a repr."""

    owner: str
    source: str
    value: str = field(repr=False)


class Credentials(Protocol):
    """Gives tokens for a reach: an organization's login or a repository's full name."""

    def token(self, reach: str, installation_id: int | None = None) -> str:
        """Return a token that is valid for some minutes at least."""

    def bearers(self, reach: str, installation_id: int | None = None) -> tuple[Bearer, ...]:
        """Return who may register a runner now, one of each owner.

        Raises:
            ThrottledError: everybody's budget is spent; it says when the first is filled again.
            RefusedError, ConfigurationError: nobody may.
        """

    def hear(self, bearer: Bearer, headers: Mapping[str, str]) -> None:
        """Note what an answer to a registration says of the owner's budget."""

    def rest(self, bearer: Bearer, seconds: int) -> None:
        """Let an owner rest: a limit said no."""

    def refuse(self, bearer: Bearer, why: str) -> Bearer | None:
        """Note that GitHub no longer takes a token; return the one that has taken its place, if any."""


class Rests:
    """Who rests until when: by what a refusal said, and by the budgets that answers tell."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self.budgets = Budgets()

    def rest(self, owner: str, seconds: int) -> None:
        """Let an owner rest."""
        self._until[owner] = self._clock.now() + seconds

    def awake(self, bearers: tuple[Bearer, ...]) -> tuple[Bearer, ...]:
        """Return those who need not rest.

        Raises:
            ThrottledError: all rest; it says until when the first does.
        """
        now = self._clock.now()
        until = {bearer.owner: self._rests_until(bearer.owner, now) for bearer in bearers}
        awake = tuple(bearer for bearer in bearers if until[bearer.owner] <= now)
        if bearers and not awake:
            wait = int(min(until.values()) - now) + 1
            raise ThrottledError("GitHub's limit is reached for every credential", retry_after_seconds=wait)
        return awake

    def _rests_until(self, owner: str, now: float) -> float:
        return max(self._until.get(owner, 0.0), self.budgets.spent_until(owner, now) or 0.0)
