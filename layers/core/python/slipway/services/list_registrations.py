"""List registrations: what GitHub knows of, place by place, a bounded number of places a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from slipway.domain.configuration import Registration
from slipway.domain.reach import EVERYONE
from slipway.domain.reaping import kind_of, place_of
from slipway.domain.registrations import LISTED_AGAIN
from slipway.ports.clock import Clock
from slipway.ports.github import Listing, RunnerCensus
from slipway.ports.housekeeping import Housekeeping

LISTED = "registrations"
LIST_EVERY_SECONDS = 600
MOST_PLACES = 40  # a run
MOST_SECONDS = 20  # after these a run lists no further place: the removals need the rest of its time
PLACES_SECONDS = 2 * 86_400  # longer than a registration that never connects lives, 1 day [GH-JIT-1DAY]


class ListRegistrations:
    """Lists each place now and then (calls are dear, and orphans are looked after one by one), and a minute later
    while a registration there is suspected: it must look stale twice. Those unlisted for the longest come first.
    """

    def __init__(
        self, level: Registration, housekeeping: Housekeeping, census: RunnerCensus, clock: Clock
    ) -> None:
        self._level = level
        self._housekeeping = housekeeping
        self._census = census
        self._clock = clock

    def __call__(
        self, suspected: Mapping[str, float], has_time: Callable[[], bool], *, is_dry_run: bool
    ) -> Listing:
        """List the places whose turn it is. A dry run always looks, and notes nothing."""
        now = self._clock.now()
        doubtful = {place_of(key) for key in suspected if kind_of(key) in LISTED_AGAIN}
        listed_at = self._listed_at(now)
        due = [
            place
            for place in sorted(listed_at, key=lambda place: (listed_at[place], place))
            if is_dry_run
            or now - listed_at[place] >= LIST_EVERY_SECONDS
            or place in doubtful
            or (place == EVERYONE and doubtful)
        ][:MOST_PLACES]
        listing = self._census.registrations(self._in_time(due, has_time, is_dry_run=is_dry_run))
        if due == [EVERYONE] and not listing.places and not is_dry_run:
            self.list_again(due)  # nothing at all was read
        return listing

    def list_again(self, places: Iterable[str]) -> None:
        """Forget that places were listed, for nothing came of it: the next run lists them."""
        for place in places:
            self._note(place, 0.0)

    def _listed_at(self, now: float) -> Mapping[str, float]:
        if self._level is Registration.ENTERPRISE:
            return {EVERYONE: self._housekeeping.cursor(LISTED) or 0.0}
        return self._housekeeping.places(now - PLACES_SECONDS)

    def _in_time(self, due: list[str], has_time: Callable[[], bool], *, is_dry_run: bool) -> Iterator[str]:
        """Give one place after the other as long as there is time; each is noted first, so that none blocks others."""
        began = self._clock.now()
        for place in due:
            now = self._clock.now()
            if not has_time() or now - began >= MOST_SECONDS:
                return
            if not is_dry_run:
                self._note(place, now)
            yield place

    def _note(self, place: str, at: float) -> None:
        if place == EVERYONE:
            self._housekeeping.move_cursor(LISTED, at)
        else:
            self._housekeeping.note_listed(place, at)
