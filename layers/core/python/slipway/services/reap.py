"""Reap: compare GitHub, ECS, EC2 and the ledger both ways, and remove what is stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from slipway.domain.configuration import Configuration
from slipway.domain.demand import ZOMBIE_AFTER
from slipway.domain.findings import Ec2Instance, Facts, PoolFacts, Reap
from slipway.domain.notices import Notice, NoticeCode, untold
from slipway.domain.reaping import find_stale, kind_of
from slipway.domain.registrations import LISTED_AGAIN, unknown_runners
from slipway.domain.snapshot import Snapshot
from slipway.domain.text import inert
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster
from slipway.ports.fleet import Fleet, LaunchedInstance
from slipway.ports.github import Listing, RunnerService
from slipway.ports.ledger import Ledger
from slipway.ports.queue import Wakeups
from slipway.services.inquire import Inquire
from slipway.services.removals import Remove, Removed
from slipway.services.runner_versions import CheckVersions

LISTED = "registrations"
LIST_EVERY_SECONDS = 600
MOST_LOOKED_UP = 50  # names of ours of which a run asks whether they were known once


@dataclass(frozen=True, slots=True)
class Reaped:
    """What a run found and removed, what it left because it was busy after all or for want of time, and what failed.

    ``found`` is all that is stale; a dry run removes none of it. ``notices`` are news to an operator.
    """

    found: tuple[Reap, ...] = ()
    done: tuple[Reap, ...] = ()
    busy: tuple[Reap, ...] = ()
    left: tuple[Reap, ...] = ()
    notices: tuple[Notice, ...] = ()
    errors: tuple[Exception, ...] = ()


@dataclass(slots=True)
class _Run:
    """What one run collects on its way."""

    now: float
    suspected: Mapping[str, float]
    is_dry: bool
    errors: list[Exception]
    notices: list[Notice]


class ReapStale:
    """Gathers, decides, removes; one failure stops nothing."""

    def __init__(  # noqa: PLR0913 - it compares everything with everything
        self,
        configuration: Configuration,
        ledger: Ledger,
        github: RunnerService,
        clusters: Mapping[str, Cluster],
        fleets: Mapping[str, Fleet],
        *,
        remove: Remove,
        inquire: Inquire,
        wakeups: Wakeups,
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._github = github
        self._clusters = clusters
        self._fleets = fleets
        self._remove = remove
        self._inquire = inquire
        self._check_versions = CheckVersions(github, ledger.housekeeping, clock)
        self._wakeups = wakeups
        self._clock = clock

    def __call__(self, *, is_dry_run: bool = False, has_time: Callable[[], bool] = lambda: True) -> Reaped:
        """Make one run; a dry one reads and decides, and changes and remembers nothing.

        ``has_time`` says whether there is time for one more removal before the invocation's deadline.
        """
        suspected = self._ledger.housekeeping.suspects()
        run = _Run(self._clock.now(), suspected, is_dry_run, [], [])
        facts = self._gather(run)
        reaps, suspects = find_stale(facts, self._configuration, suspected)
        if not is_dry_run:
            # Before the removals: a run that is cut short must not make what is doubtful wait anew.
            self._ledger.housekeeping.keep_suspects(suspects)
        removed = Removed() if is_dry_run else self._remove(reaps, has_time)
        for pool in sorted(
            {reap.pool for reap in removed.done + removed.busy} & set(self._configuration.pools)
        ):
            self._wake(pool, run.errors)
        notices = (*self._news(run, facts), *removed.notices)
        errors = (*run.errors, *removed.errors)
        return Reaped(tuple(reaps), removed.done, removed.busy, removed.left, notices, errors)

    def _wake(self, pool: str, errors: list[Exception]) -> None:
        try:
            self._ledger.rows.want(pool)
            self._wakeups.wake(pool)
        except Exception as fault:  # noqa: BLE001 - the service loop: the other pools are still woken
            errors.append(fault)

    def _gather(self, run: _Run) -> Facts:
        """Read GitHub first and the ledger last: what appears meanwhile is then known, not taken for stale.

        A source that does not answer leaves its part out, so that its silence never looks like absence. Jobs are
        asked after at the end: GitHub's word is of later than the ledger's.
        """
        listing = self._listing(run)
        pools = []
        for name in self._configuration.pools:
            try:
                instances = {item.instance_id: _as_ec2_has(item) for item in self._fleets[name].instances()}
                tasks = frozenset(task.task_id for task in self._clusters[name].tasks())
                registered = {item.instance_id: item for item in self._clusters[name].instances()}
                snapshot = self._ledger.snapshots.read(name, self._clock.now())
                pools.append(PoolFacts(snapshot, tasks, instances, registered))
            except Exception as fault:  # noqa: BLE001 - the service loop: one pool's failure blinds no other
                run.errors.append(fault)
                # Without this pool's tasks, its runners would look like ghosts.
                listing = replace(listing, registrations=(), places=frozenset())
        if not run.is_dry:
            for pool in pools:
                self._note_template(pool.snapshot, run.errors)
        answers = self._inquire([pool.snapshot for pool in pools], run.suspected, is_dry_run=run.is_dry)
        run.errors += answers.errors
        run.notices += answers.notices
        return Facts(
            now=self._clock.now(),
            pools=tuple(pools),
            registrations=listing.registrations,
            strangers=listing.strangers,
            listed=listing.places,
            over=answers.over,
        )

    def _note_template(self, snapshot: Snapshot, errors: list[Exception]) -> None:
        """Look for a newer version of the pool's launch template: instances of older ones are drained then."""
        try:
            newest = self._fleets[snapshot.pool].template_version()
            if newest is not None and newest != snapshot.template_version:
                self._ledger.notes.keep_template_version(snapshot.pool, newest)
                self._ledger.rows.want(snapshot.pool)
        except Exception as fault:  # noqa: BLE001 - the service loop: what it cannot learn stops no removal
            errors.append(fault)

    def _listing(self, run: _Run) -> Listing:
        """List what GitHub knows, now and then (calls are dear, and orphans are looked after one by one), and
        while a registration is suspected: it must look stale twice. A dry run always looks.
        """
        is_due = run.now - (self._ledger.housekeeping.cursor(LISTED) or 0.0) >= LIST_EVERY_SECONDS
        if not is_due and not run.is_dry and not any(kind_of(key) in LISTED_AGAIN for key in run.suspected):
            return Listing(())
        try:
            listed = self._github.registrations()
        except Exception as fault:  # noqa: BLE001 - the service loop: what GitHub does not tell stops no pool
            run.errors.append(fault)
            return Listing(())
        run.errors += listed.failures
        # If nothing was read: try again at the next run.
        if not run.is_dry and (listed.registrations or not listed.failures):
            self._ledger.housekeeping.move_cursor(LISTED, run.now)
        try:
            run.notices += self._check_versions(listed.registrations, is_dry_run=run.is_dry)
        except Exception as fault:  # noqa: BLE001 - the service loop: what it cannot learn stops no removal
            run.errors.append(fault)
        return listed

    def _news(self, run: _Run, facts: Facts) -> list[Notice]:
        """Return what an operator has not been told yet, and remember that it is told now: the very last step."""
        is_whole = bool(facts.listed) and not run.errors
        try:
            told = self._ledger.housekeeping.told()
            current = [*run.notices, *_zombies(facts), *self._never_known(facts, told)]
            news, kept = untold(current, told, run.now, is_whole=is_whole)
            if not run.is_dry and kept != told:
                self._ledger.housekeeping.keep_told(kept)
        except Exception as fault:  # noqa: BLE001 - the service loop: what was removed is told all the same
            run.errors.append(fault)
            return []
        return news

    def _never_known(self, facts: Facts, told: Mapping[str, float]) -> list[Notice]:
        """Return the runners that nobody ever knew; a task that is gone is remembered for longer than can matter."""
        notices: list[Notice] = []
        looked_up = 0
        for found in unknown_runners(facts):
            why = f"{inert(found.name)!r} is registered in runner group {found.group_id}, and not by us"
            notice = Notice(NoticeCode.UNKNOWN_RUNNER, str(found.runner_id), why)
            if found.task_id is not None and notice.key not in told:
                looked_up += 1
                if looked_up > MOST_LOOKED_UP or self._ledger.runners.is_gone(found.task_id):
                    continue
            notices.append(notice)
        return notices


def _zombies(facts: Facts) -> list[Notice]:
    """Return the jobs that are set aside because GitHub gave them none of their runners [GH-WJ-17]."""
    cure = "if GitHub shows it as queued, only cancelling its run ends it"
    return [
        Notice(
            NoticeCode.ZOMBIE_JOB,
            str(job.key),
            f"{job.repository}: nobody took {job.untaken} runners made for it; one an hour from now on; {cure}",
            job.pool,
        )
        for pool in facts.pools
        for job in pool.snapshot.jobs
        if job.untaken >= ZOMBIE_AFTER
    ]


def _as_ec2_has(item: LaunchedInstance) -> Ec2Instance:
    return Ec2Instance(item.launched_at, item.intent, item.is_stopped)
