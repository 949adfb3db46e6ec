"""Diagnose: what only a holder of GitHub's credentials can see, told without them. It changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from slipway.domain.configuration import GitHubTarget, Registration
from slipway.domain.errors import SlipwayError
from slipway.domain.group_facts import GroupFacts
from slipway.domain.reach import EVERYONE
from slipway.ports.clock import Clock
from slipway.ports.github import GroupCensus
from slipway.ports.housekeeping import RegistrationPlaces
from slipway.services.list_registrations import PLACES_SECONDS

MOST_PLACES = 20  # each is a call to GitHub, and somebody waits for the answer


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The runner groups of ours, by the clock of the function; ``unread`` are places with what GitHub said.

    ``left`` counts places that were not asked about.
    """

    at: float
    groups: tuple[GroupFacts, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    left: int = 0


class Diagnose:
    """Asks GitHub about the runner groups at each place where runners are registered."""

    def __init__(
        self, github: GitHubTarget, places: RegistrationPlaces, census: GroupCensus, clock: Clock
    ) -> None:
        self._github = github
        self._places = places
        self._census = census
        self._clock = clock

    def __call__(self, has_time: Callable[[], bool] = lambda: True) -> Diagnosis:
        """Ask once; a place that does not answer hides no other."""
        now = self._clock.now()
        groups: list[GroupFacts] = []
        unread: list[tuple[str, str]] = []
        places = self._to_ask(now)
        asked = 0
        for place in places[:MOST_PLACES]:
            if not has_time():
                break
            asked += 1
            try:
                groups += self._census.groups(place)
            except SlipwayError as fault:
                unread.append((place, str(fault)))
        return Diagnosis(now, tuple(groups), tuple(unread), len(places) - asked)

    def _to_ask(self, now: float) -> list[str]:
        if self._github.registration is Registration.REPOSITORY:
            return []  # repositories have no groups [GH-JIT-REPO-GROUP]
        if self._github.registration is Registration.ENTERPRISE:
            return [EVERYONE]
        named = set(self._github.allowed_organizations) - {"*"}
        return sorted(named | set(self._places.places(now - PLACES_SECONDS)))
