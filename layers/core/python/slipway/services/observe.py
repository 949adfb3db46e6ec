"""Observe: fold what GitHub and AWS report into the ledger, and say which pools to look at."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slipway.domain.configuration import Configuration
from slipway.domain.events import (
    Event,
    InstanceChange,
    InstanceLoss,
    InstanceStop,
    TaskChange,
    Tick,
    Wake,
    read_event,
)
from slipway.domain.jobs import JobEvent, JobState, decode_job_event
from slipway.domain.matching import Unserved, route
from slipway.domain.milestones import JobCompleted, JobStarted, completed, started
from slipway.domain.resting import JOB_COMPLETED, had_its_job
from slipway.domain.runners import Runner, RunnerState, TaskHost, parse_runner_name
from slipway.domain.starts import ended_before_a_job, failed_start
from slipway.ports.cluster import Cluster
from slipway.ports.ledger import Ledger, Recorded


@dataclass(frozen=True, slots=True)
class Observed:
    """The pools that a message touched, the retries behind it, what came of it for the log, and what it is news of."""

    pools: frozenset[str] = frozenset()
    attempt: int = 0
    outcome: str = "folded"
    started: JobStarted | None = None
    completed: JobCompleted | None = None


@dataclass(frozen=True, slots=True)
class _Moved:
    """A pool in which something changed; calm news only frees what some job might wait for."""

    pool: str
    is_calm: bool = False
    runner: Runner | None = None  # as it was before


class Observe:
    """Folds one message; running it twice changes nothing more."""

    def __init__(self, configuration: Configuration, ledger: Ledger, clusters: dict[str, Cluster]) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._clusters = clusters

    def job(self, text: str) -> Observed:
        """Fold one message of the ``jobs`` queue.

        Raises:
            MalformedError: the message will never be readable.
        """
        event = decode_job_event(text)
        run, profiles = (event.run_id, event.run_attempt), self._configuration.profiles
        way = route(event.labels, run, event.repository, profiles)
        pools: set[str] = set()
        is_calm = event.action is not JobState.QUEUED
        # A job that waited or runs moves on though labels of profiles have changed, and no profile serves it any more.
        recorded = self._ledger.jobs.record(event, None if isinstance(way, Unserved) else way)
        if recorded is not None and recorded.place.pool in self._configuration.pools:
            pools.add(recorded.place.pool)
        # Also for a job that no profile serves: GitHub may have given it a runner which another job waits for.
        moved = self._fold_runner(event)
        if moved is not None:
            pools.add(moved.pool)
            is_calm = is_calm and moved.is_calm
        if recorded is None and not pools:
            return Observed(outcome=way.code if isinstance(way, Unserved) else "not news")
        touched = self._touch(pools, is_calm=is_calm)
        if recorded is None or recorded.is_copy:
            return touched
        return _with_milestones(touched, event, recorded, moved.runner if moved else None)

    def event(self, text: str) -> Observed:
        """Fold one message of the ``events`` queue.

        Raises:
            MalformedError: the message will never be readable.
        """
        event = read_event(text, self._configuration)
        if isinstance(event, Tick):
            return self._touch(set(self._configuration.pools))
        if isinstance(event, Wake):
            touched = self._touch({event.pool})
            return Observed(touched.pools, attempt=event.attempt)
        moved = self._fold(event)
        return self._touch({moved.pool}, is_calm=moved.is_calm) if moved else Observed(outcome="not news")

    def _touch(self, pools: set[str], *, is_calm: bool = False) -> Observed:
        """Commit the fact first, then note that it is wanted, then let the message be acknowledged.

        Calm news leaves a pool alone that rests: whoever holds it sees it, and so does the next tick.
        """
        resting = {pool for pool in sorted(pools) if self._ledger.rows.want(pool)}
        return Observed(frozenset(pools - resting if is_calm else pools))

    def _fold_runner(self, event: JobEvent) -> _Moved | None:
        """Move the runner that a job event names; return its pool if it is one of ours and it moved.

        That a runner runs another job than it was made for is no calm news while that one waits: it needs another.
        """
        named = parse_runner_name(self._configuration.deployment, event.runner_name or "")
        profile = self._configuration.profiles.get(named[0]) if named else None
        if named is None or profile is None:
            return None
        task_id = named[1]
        if event.action is JobState.IN_PROGRESS:
            before = self._ledger.runners.mark_busy(profile.pool, task_id, event)
            if before is None:
                return None
            made_for = before.made_for  # also of one that was found busy: then its job is not known
            is_robbed = (
                made_for is not None
                and made_for != event.key
                and self._ledger.jobs.waits(profile.pool, made_for)
            )
            return _Moved(profile.pool, is_calm=not is_robbed, runner=before)
        if event.action is JobState.COMPLETED:
            before = self._ledger.runners.mark_ended(
                profile.pool,
                task_id,
                at=event.completed_at or event.received_at,
                why=JOB_COMPLETED,
                organization=event.organization,
            )
            if before is None:  # its task may have been reported stopped first: nothing is left to look after
                self._ledger.runners.forget_orphan(profile.pool, task_id, organization=event.organization)
                return None
            # Of a runner whose job nobody told this may be the first word that it served another one.
            is_told = before.state is RunnerState.BUSY and before.job is not None
            is_calm = is_told or before.made_for == event.key
            return _Moved(profile.pool, is_calm=is_calm, runner=before)
        return None

    def _fold(self, event: Event) -> _Moved | None:
        """Fold an AWS event; return the pool in which something changed."""
        if isinstance(event, TaskChange):
            return self._fold_task(event)
        pool: str | None = None
        if isinstance(event, InstanceChange):
            pool = event.instance.pool if self._ledger.instances.observe(event.instance) else None
        elif isinstance(event, InstanceLoss):
            pool = self._fold_loss(event)
        elif isinstance(event, InstanceStop):
            stopped = self._ledger.instances.mark_stopped
            pools = self._configuration.pools
            pool = next((name for name in pools if stopped(name, event.instance_id, at=event.at)), None)
        return _Moved(pool) if pool else None

    def _fold_task(self, event: TaskChange) -> _Moved | None:
        if event.status == "STOPPED":
            stopped = self._ledger.runners.remove(
                event.pool,
                event.task_id,
                at=event.at,
                why=event.why,
                host=TaskHost(event.instance_arn, is_lost=event.lost_host),
                run_again=self._configuration.github.rerun_interrupted > 0,
            )
            self._note_failed_start(event, stopped.was)
            return _Moved(event.pool, is_calm=had_its_job(stopped.was)) if stopped.is_news else None
        if event.status != "RUNNING" or event.instance_arn is None:
            return None
        is_known = self._ledger.runners.mark_running(
            event.pool, event.task_id, instance_arn=event.instance_arn, at=event.at
        )
        if not is_known:
            # It came before the reply of RunTask was recorded, or instead of a reply that was lost.
            self._ledger.runners.add([_starting(event)])
        return None

    def _note_failed_start(self, event: TaskChange, was: Runner | None) -> None:
        """Remember that a container ended before it could take a job: the next may only end like it."""
        if was is None or event.lost_host or not ended_before_a_job(was, event.exit_code):
            return
        known = self._ledger.notes.start_failures(event.pool, was.shape.profile)
        failures = failed_start(was, known, at=event.at, why=event.why)
        if failures is not None:
            self._ledger.notes.keep_start_failures(event.pool, failures)

    def _fold_loss(self, event: InstanceLoss) -> str | None:
        for pool in self._configuration.pools:
            if event.is_gone:
                if self._ledger.instances.remove(pool, event.instance_id, at=event.at):
                    return pool
            elif self._drain(pool, event.instance_id, event.at):
                return pool
        return None

    def _drain(self, pool: str, instance_id: str, at: float) -> bool:
        """Let nothing more be placed on an instance that EC2 takes away; say whether it is the pool's.

        Done again it changes nothing, so a message that fails half way can come again.
        """
        instance = self._ledger.instances.lose(pool, instance_id, at=at)
        if instance is not None and instance.arn:
            self._clusters[pool].drain(instance.arn)
        return instance is not None


def _with_milestones(
    touched: Observed, event: JobEvent, recorded: Recorded, runner: Runner | None
) -> Observed:
    """Add what a job's event is news of: the ledger moved the job for it, which it does once."""
    before, place = recorded.before, recorded.place
    was = before.state if before else None
    event = before.fill(event) if before else event
    return replace(
        touched,
        started=started(event, place, was=was, heard_at=before.heard_at if before else None, runner=runner),
        completed=completed(event, place, was=was),
    )


def _starting(event: TaskChange) -> Runner:
    return Runner(
        task_id=event.task_id,
        pool=event.pool,
        shape=event.shape,
        state=RunnerState.STARTING,
        started_at=event.created_at,
        intent=event.intent,
        instance_arn=event.instance_arn,
        running_at=event.at,
    )
