"""Name series: once a day, the organizations with most jobs are those that have a series of their own."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.domain.findings import Facts
from slipway.domain.notices import Look
from slipway.domain.series import busiest
from slipway.domain.usage import JobUsage, utc_day
from slipway.ports.clock import Clock
from slipway.ports.ledger import Organizations, UsageRecords

_DAY_SECONDS = 86_400
MOST_SECONDS = 10  # of the reaper's minute: some 200,000 jobs


class NameSeries:
    """Implements ``services.survey.Watch``: it tells nothing."""

    def __init__(self, organizations: Organizations, usage: UsageRecords, clock: Clock) -> None:
        self._organizations = organizations
        self._usage = usage
        self._clock = clock
        self._done = ""  # the day that is known to be done: one reading of it a process

    def __call__(self, facts: Facts, *, is_dry_run: bool = False) -> Look:  # noqa: ARG002 - it needs no others
        """Choose by yesterday's jobs (UTC). What could not be read in time leaves the names as they are."""
        now = self._clock.now()
        day = utc_day(now)
        if is_dry_run or day == self._done:
            return Look()
        named = self._organizations.named()
        if named.day != day:
            # First: a run that is cut short must not read a large day each minute.
            named = named.for_day(day, ())
            if not self._organizations.keep(named, seen=named.version - 1):
                return Look()  # a job was just counted: the next run chooses
            names = busiest(self._organizations_of(utc_day(now - _DAY_SECONDS)))
            if names:
                self._organizations.keep(named.for_day(day, names), seen=named.version)
        self._done = day
        return Look()

    def _organizations_of(self, day: str) -> Iterator[str]:
        """Return whose jobs ended on a day; nothing where there are more than there is time to read.

        They come in order of their names: a part of them would favour some.
        """
        until = self._clock.now() + MOST_SECONDS
        found: list[str] = []
        for line in self._usage.of_day(day, "job"):
            if self._clock.now() > until:
                return iter(())
            if isinstance(line, JobUsage) and line.started_at is not None:
                found.append(line.job.organization)
        return iter(found)
