"""Tell: what an operator has not been told yet."""

from __future__ import annotations

from collections.abc import Container, Iterator

from slipway.domain.demand import ZOMBIE_AFTER
from slipway.domain.findings import Facts
from slipway.domain.notices import Look, Notice, NoticeCode, untold
from slipway.domain.reach import EVERYONE
from slipway.domain.registrations import unknown_runners
from slipway.domain.text import inert
from slipway.ports.housekeeping import Housekeeping
from slipway.ports.ledger import Runners
from slipway.services.survey import Surveyed

MOST_LOOKED_UP = 50  # names of ours of which a run asks whether they were known once


class Tell:
    """Compares what there is to tell with what was told, and remembers it."""

    def __init__(self, housekeeping: Housekeeping, runners: Runners) -> None:
        self._housekeeping = housekeeping
        self._runners = runners

    def __call__(self, surveyed: Surveyed, *others: Look, is_dry_run: bool = False) -> list[Notice]:
        """Return the news, of the survey and of what others found."""
        told = self._housekeeping.told()
        looks = (*surveyed.looks, *others, self._of_the_facts(surveyed, told))
        news, kept = untold(looks, told, surveyed.facts.now)
        if not is_dry_run and kept != told:
            self._housekeeping.keep_told(kept)
        return news

    def _of_the_facts(self, surveyed: Surveyed, told: Container[str]) -> Look:
        """Return what the facts themselves tell; of what could not be read nothing is gone.

        Place by place nobody sees that a runner is gone; its id never comes back, and what was told expires.
        """
        facts, codes = surveyed.facts, set[NoticeCode]()
        if not surveyed.errors:
            codes = {NoticeCode.ZOMBIE_JOB} | (
                {NoticeCode.UNKNOWN_RUNNER} if EVERYONE in facts.listed else set()
            )
        return Look((*_zombies(facts), *self._never_known(facts, told)), frozenset(codes))

    def _never_known(self, facts: Facts, told: Container[str]) -> Iterator[Notice]:
        """Return the runners that nobody ever knew; a task that is gone is remembered for longer than can matter."""
        looked_up = 0
        for found in unknown_runners(facts):
            why = f"{inert(found.name)!r} is registered in runner group {found.group_id}, and not by us"
            notice = Notice(NoticeCode.UNKNOWN_RUNNER, str(found.runner_id), why)
            if found.task_id is not None and notice.key not in told:
                looked_up += 1
                if looked_up > MOST_LOOKED_UP or self._runners.is_gone(found.task_id):
                    continue
            yield notice


def _zombies(facts: Facts) -> Iterator[Notice]:
    """Return the jobs that are set aside because GitHub gave them none of their runners [GH-WJ-17]."""
    cure = "if GitHub shows it as queued, only cancelling its run ends it"
    for pool in facts.pools:
        for job in pool.snapshot.jobs:
            if job.untaken >= ZOMBIE_AFTER:
                why = f"nobody took {job.untaken} runners made for it; one an hour from now on; {cure}"
                yield Notice(NoticeCode.ZOMBIE_JOB, str(job.key), f"{job.repository}: {why}", job.pool)
