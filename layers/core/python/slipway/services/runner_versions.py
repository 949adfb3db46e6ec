"""Runner versions: ask GitHub once a day how long it takes those that run here."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.domain.notices import Notice
from slipway.domain.runner_versions import verdict, versions_in_use
from slipway.domain.runners import Registration
from slipway.ports.clock import Clock
from slipway.ports.github import RunnerService
from slipway.ports.ledger import Housekeeping

CURSOR = "runner-versions"
ASK_EVERY_SECONDS = 86_400


class CheckVersions:
    """Looks at the versions that registrations of ours tell."""

    def __init__(self, github: RunnerService, housekeeping: Housekeeping, clock: Clock) -> None:
        self._github = github
        self._housekeeping = housekeeping
        self._clock = clock

    def __call__(self, registrations: Sequence[Registration], *, is_dry_run: bool = False) -> list[Notice]:
        """Return what is to be told of the versions in use, once a day; after a failure at the next listing.

        Raises:
            UnavailableError: GitHub gave no answer.
        """
        versions, now = versions_in_use(registrations), self._clock.now()
        if not versions or now - (self._housekeeping.cursor(CURSOR) or 0.0) < ASK_EVERY_SECONDS:
            return []
        found = [self._github.deprecation(version, place) for version, place in versions.items()]
        if not is_dry_run:
            self._housekeeping.move_cursor(CURSOR, now)
        return [notice for item in found if item and (notice := verdict(item, now))]
