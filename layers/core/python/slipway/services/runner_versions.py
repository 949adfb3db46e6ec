"""Runner versions: ask GitHub once a day how long it takes those that run here."""

from __future__ import annotations

from slipway.domain.findings import Facts
from slipway.domain.notices import Look, NoticeCode
from slipway.domain.runner_versions import verdict, versions_in_use
from slipway.ports.clock import Clock
from slipway.ports.github import RunnerCensus
from slipway.ports.housekeeping import Housekeeping

CURSOR = "runner-versions"
ASK_EVERY_SECONDS = 86_400
CODES = frozenset({NoticeCode.RUNNER_VERSION_ENDS, NoticeCode.RUNNER_VERSION_REFUSED})


class CheckVersions:
    """Implements ``services.survey.Watch``: looks at the versions that registrations of ours tell."""

    def __init__(self, census: RunnerCensus, housekeeping: Housekeeping, clock: Clock) -> None:
        self._census = census
        self._housekeeping = housekeeping
        self._clock = clock

    def __call__(self, facts: Facts, *, is_dry_run: bool = False) -> Look:
        """Return what is to be told of the versions in use, once a day; after a failure at the next listing.

        Raises:
            UnavailableError: GitHub gave no answer.
        """
        versions, now = versions_in_use(facts.registrations), self._clock.now()
        if not versions or now - (self._housekeeping.cursor(CURSOR) or 0.0) < ASK_EVERY_SECONDS:
            return Look()
        found = [self._census.deprecation(version, place) for version, place in versions.items()]
        if not is_dry_run:
            self._housekeeping.move_cursor(CURSOR, now)
        return Look(tuple(notice for item in found if item and (notice := verdict(item, now))), CODES)
