"""What is shown to GitHub, behind one interface: classic tokens for an enterprise, an App for everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from slipway.adapters.github.budgets import Budgets
from slipway.adapters.github.http import repeatable
from slipway.domain.errors import RefusedError, SlipwayError, ThrottledError, UnavailableError
from slipway.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, and whose limits it draws on; ``source`` is where it came from. It never shows in a repr."""

    owner: str
    source: str
    value: str = field(repr=False)


class Credentials(Protocol):
    """Gives tokens for a reach: an organization's login or a repository's full name."""

    def bearer(self, reach: str) -> Bearer:
        """Return a token that is valid for some minutes at least, for what registers nothing."""

    def bearers(self, reach: str, installation_id: int | None = None) -> tuple[Bearer, ...]:
        """Return who may register a runner now, one of each owner.

        Raises:
            ThrottledError: everybody's budget is spent; it says when the first is filled again.
            RefusedError, ConfigurationError: nobody may.
        """

    def hear(self, bearer: Bearer, headers: Mapping[str, str]) -> None:
        """Note what an answer to a registration says of the owner's budget."""

    def calls_left(self) -> Mapping[str, int]:
        """Return how many calls are left this hour to each owner that was heard of."""

    def rest(self, bearer: Bearer, seconds: int) -> None:
        """Let an owner rest: a limit said no."""

    def refuse(self, bearer: Bearer, why: str) -> Bearer | None:
        """Note that GitHub no longer takes a token; return the one that has taken its place, if any."""


@contextmanager
def shown(credentials: Credentials, reach: str) -> Iterator[Callable[[], str]]:
    """Show the token of a reach in calls that register nothing; who gave it is told if GitHub no longer takes it.

    Raises:
        UnavailableError: there is no token. Where the App is not installed GitHub says 404 to that: it must not
            pass for its word on the call itself.
    """
    try:
        with repeatable():
            bearer = credentials.bearer(reach)
    except RefusedError as fault:
        raise UnavailableError(str(fault)) from fault
    with showing(credentials, lambda: bearer) as token:
        yield token


@contextmanager
def showing(credentials: Credentials, bearer: Callable[[], Bearer]) -> Iterator[Callable[[], str]]:
    """Show tokens that are asked for anew in each call; who gave one is told if GitHub no longer takes it.

    Where there is no token, what ``bearer`` raises is raised.
    """
    shown_last: Bearer | None = None

    def token() -> str:
        nonlocal shown_last
        shown_last = None
        shown_last = bearer()
        return shown_last.value

    try:
        yield token
    except RefusedError as fault:
        if fault.code == "401" and shown_last is not None:
            with suppress(SlipwayError):  # what is told is that the call was refused
                credentials.refuse(shown_last, str(fault))
        raise


class Rests:
    """Who rests until when: by what a refusal said, and by the budgets that answers tell."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self.budgets = Budgets()

    def calls_left(self) -> Mapping[str, int]:
        """Return how many calls are left this hour to each owner that was heard of."""
        return self.budgets.left(self._clock.now())

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
