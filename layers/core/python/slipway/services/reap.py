"""Reap: compare GitHub, ECS, EC2 and the ledger both ways, and remove what is stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from slipway.domain.configuration import Configuration
from slipway.domain.jobs import JobKey
from slipway.domain.reaping import Ec2Instance, Facts, PoolFacts, Reap, What, find_stale
from slipway.domain.runners import Registration, Runner
from slipway.domain.snapshot import Snapshot
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster, starting
from slipway.ports.fleet import Fleet, LaunchedInstance
from slipway.ports.github import Removal, RunnerService
from slipway.ports.ledger import Ledger
from slipway.ports.queue import Wakeups

LISTED = "registrations"
LIST_EVERY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Reaped:
    """What a run removed, what it left because it was busy after all, and what failed."""

    done: tuple[Reap, ...]
    busy: tuple[Reap, ...]
    errors: tuple[Exception, ...]


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
        wakeups: Wakeups,
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._github = github
        self._clusters = clusters
        self._fleets = fleets
        self._wakeups = wakeups
        self._clock = clock

    def __call__(self) -> Reaped:
        """Make one run."""
        errors: list[Exception] = []
        suspected = self._ledger.housekeeping.suspects()
        facts = self._gather(suspected, errors)
        reaps, suspects = find_stale(facts, self._configuration, suspected)
        # Before the removals: a run that is cut short must not make what is doubtful wait anew.
        self._ledger.housekeeping.keep_suspects(suspects)
        done: list[Reap] = []
        busy: list[Reap] = []
        for reap in reaps:
            try:
                (done if self._remove(reap) else busy).append(reap)
            except Exception as fault:  # noqa: BLE001 - the service loop: one failure stops no other removal
                errors.append(fault)
        for pool in sorted({reap.pool for reap in done + busy} & set(self._configuration.pools)):
            self._wake(pool, errors)
        return Reaped(tuple(done), tuple(busy), tuple(errors))

    def _wake(self, pool: str, errors: list[Exception]) -> None:
        try:
            self._ledger.rows.want(pool)
            self._wakeups.wake(pool)
        except Exception as fault:  # noqa: BLE001 - the service loop: the other pools are still woken
            errors.append(fault)

    def _gather(self, suspected: Mapping[str, float], errors: list[Exception]) -> Facts:
        """Read GitHub first and the ledger last: what appears meanwhile is then known, not taken for stale.

        A source that does not answer leaves its part out, so that its silence never looks like absence.
        """
        registrations = self._registrations(suspected, errors)
        pools = []
        for name in self._configuration.pools:
            try:
                instances = {item.instance_id: _as_ec2_has(item) for item in self._fleets[name].instances()}
                tasks = frozenset(task.task_id for task in self._clusters[name].tasks())
                registered = {item.instance_id: item for item in self._clusters[name].instances()}
                snapshot = self._ledger.snapshots.read(name, self._clock.now())
                pools.append(PoolFacts(snapshot, tasks, instances, registered))
            except Exception as fault:  # noqa: BLE001 - the service loop: one pool's failure blinds no other
                errors.append(fault)
                registrations = ()  # without this pool's tasks, its runners would look like ghosts
        for pool in pools:
            self._note_template(pool.snapshot, errors)
        return Facts(self._clock.now(), tuple(pools), registrations)

    def _note_template(self, snapshot: Snapshot, errors: list[Exception]) -> None:
        """Look for a newer version of the pool's launch template: instances of older ones are drained then."""
        try:
            newest = self._fleets[snapshot.pool].template_version()
            if newest is not None and newest != snapshot.template_version:
                self._ledger.notes.keep_template_version(snapshot.pool, newest)
                self._ledger.rows.want(snapshot.pool)
        except Exception as fault:  # noqa: BLE001 - the service loop: what it cannot learn stops no removal
            errors.append(fault)

    def _registrations(
        self, suspected: Mapping[str, float], errors: list[Exception]
    ) -> tuple[Registration, ...]:
        """List what GitHub knows, now and then (calls are dear, and orphans are looked after one by one), and
        while a registration is suspected: it must look stale twice.
        """
        now = self._clock.now()
        is_due = now - (self._ledger.housekeeping.cursor(LISTED) or 0.0) >= LIST_EVERY_SECONDS
        if not is_due and not any(key.startswith(What.REGISTRATION) for key in suspected):
            return ()
        try:
            listed = self._github.registrations()
        except Exception as fault:  # noqa: BLE001 - the service loop: what GitHub does not tell stops no pool
            errors.append(fault)
            return ()
        errors += listed.failures
        if listed.registrations or not listed.failures:  # else nothing was read: try again at the next run
            self._ledger.housekeeping.move_cursor(LISTED, now)
        return listed.registrations

    def _remove(self, reap: Reap) -> bool:
        """Remove one thing; False when it turned out to be in use after all."""
        if reap.what is What.WAITING_LONG:
            return True  # converging its pool, as after every removal, is all that can be done
        removals: dict[What, Callable[[Reap], bool]] = {
            What.REGISTRATION: self._end_registration,
            What.ORPHAN: self._end_orphan,
            What.IDLE_RUNNER: self._end_runner,
            What.UNCLAIMED_TASK: self._stop_unclaimed,
            What.OVERDUE_TASK: self._stop_overdue,
            What.STOPPED_INSTANCE: self._end_stopped,
            What.WARM_INSTANCE: self._note_stopped,
            What.INSTANCE: self._end_instance,
            What.INSTANCE_NEWS: self._fold_instance,
            What.RUNNER_RECORD: self._forget_runner,
            What.INSTANCE_RECORD: self._forget_instance,
            What.JOB_RECORD: self._drop_job,
            What.UNKNOWN_TASK: self._take_in,
        }
        return removals[reap.what](reap)

    def _end_registration(self, reap: Reap) -> bool:
        found = reap.registration
        return found is not None and self._github.remove(found.runner_id, found.reach) is Removal.GONE

    def _stop_unclaimed(self, reap: Reap) -> bool:
        """Stop a task only if it is dismissed first: it may claim while we look."""
        now = self._clock.now()
        if not self._ledger.runners.dismiss(reap.pool, reap.id, at=now, why=reap.why):
            return False
        self._clusters[reap.pool].stop(reap.id, f"slipway: {reap.why}")
        return True

    def _stop_overdue(self, reap: Reap) -> bool:
        """Stop a busy runner past its profile's job timeout, the one stated exception."""
        self._ledger.runners.mark_ended(reap.pool, reap.id, at=self._clock.now(), why=reap.why)
        self._clusters[reap.pool].stop(reap.id, f"slipway: {reap.why}")
        return True

    def _end_instance(self, reap: Reap) -> bool:
        """Terminate an instance, unless ECS knows it: then its event was lost, and it may hold tasks."""
        registered = self._clusters[reap.pool].instances()
        known = next((item for item in registered if item.instance_id == reap.id), None)
        if known is not None:
            self._ledger.instances.observe(known)
            return True
        self._fleets[reap.pool].terminate([reap.id])
        return self._forget_instance(reap)

    def _end_stopped(self, reap: Reap) -> bool:
        """Terminate an instance that stopped, unless someone started it: ECS may place tasks on it again."""
        listed = self._fleets[reap.pool].instances()
        if not any(item.instance_id == reap.id and item.is_stopped for item in listed):
            return False
        self._fleets[reap.pool].terminate([reap.id])
        return self._forget_instance(reap)

    def _note_stopped(self, reap: Reap) -> bool:
        return self._ledger.instances.mark_stopped(reap.pool, reap.id, at=self._clock.now())

    def _fold_instance(self, reap: Reap) -> bool:
        return reap.instance is not None and self._ledger.instances.observe(reap.instance)

    def _forget_instance(self, reap: Reap) -> bool:
        self._ledger.instances.remove(reap.pool, reap.id)
        return True

    def _drop_job(self, reap: Reap) -> bool:
        self._ledger.jobs.drop(reap.pool, JobKey.parse(reap.id))
        return True

    def _end_runner(self, reap: Reap) -> bool:
        """Remove the registration before the task is stopped: only GitHub's DELETE proves it idle."""
        runner, now = reap.runner, self._clock.now()
        if runner is None:
            return False
        if self._is_busy(runner):
            # Else the queued job it seems to cover waits for it, and its job timeout never begins.
            self._ledger.runners.found_busy(reap.pool, reap.id, now)
            return False
        if runner.is_idle and runner.job is not None:
            self._ledger.jobs.note_untaken(reap.pool, runner.job, task_id=runner.task_id, at=now)
        self._ledger.runners.mark_ended(reap.pool, reap.id, at=now, why=reap.why)
        self._clusters[reap.pool].stop(reap.id, f"slipway: {reap.why}")
        return True

    def _end_orphan(self, reap: Reap) -> bool:
        orphan = reap.orphan
        if orphan is None or self._github.remove(orphan.runner_id, orphan.reach) is Removal.BUSY:
            return False
        self._ledger.runners.forget_orphan(reap.pool, orphan.task_id)
        return True

    def _is_busy(self, runner: Runner) -> bool:
        """Remove the runner's registration, if it has one; say whether GitHub refused because it is busy."""
        if runner.reach is None:
            return False  # it never claimed
        runner_id = runner.runner_id
        if runner_id is None:  # minted, but the answer was never recorded: GitHub knows it by name
            found = self._github.find(runner.name, runner.reach)
            runner_id = found.runner_id if found else None
        return runner_id is not None and self._github.remove(runner_id, runner.reach) is Removal.BUSY

    def _forget_runner(self, reap: Reap) -> bool:
        task = self._clusters[reap.pool].find_task(reap.id)
        if task is not None and not task.is_stopped:
            return False
        self._ledger.runners.remove(reap.pool, reap.id, at=self._clock.now(), why=reap.why)
        return True

    def _take_in(self, reap: Reap) -> bool:
        task = self._clusters[reap.pool].find_task(reap.id)
        if task is None or task.is_stopped:
            return False
        self._ledger.runners.add([starting(task, reap.pool)])
        return True


def _as_ec2_has(item: LaunchedInstance) -> Ec2Instance:
    return Ec2Instance(item.launched_at, item.intent, item.is_stopped)
