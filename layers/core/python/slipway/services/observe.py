"""Observe: fold what GitHub and AWS report into the ledger, and say which pools to look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

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
from slipway.domain.jobs import JobEvent, JobKey, JobState, decode_job_event
from slipway.domain.matching import Route, Unserved, route
from slipway.domain.milestones import JobCompleted, JobStarted, completed, started
from slipway.domain.resting import JOB_COMPLETED, had_its_job
from slipway.domain.runners import Runner, RunnerState, TaskHost, parse_runner_name
from slipway.domain.starts import ended_before_a_job, failed_start
from slipway.ports.cluster import Cluster
from slipway.ports.ledger import Ledger, Recorded


@dataclass(frozen=True, slots=True)
class Observed:
    """The pools that a message touched, the retries behind it, what came of it for the log, and what it is news of.

    ``fault`` is what went wrong, perhaps after something was committed: the message has to come again, when that is no
    news any more, so its pools are looked at all the same.
    """

    pools: frozenset[str] = frozenset()
    attempt: int = 0
    outcome: str = "folded"
    started: JobStarted | None = None
    completed: JobCompleted | None = None
    fault: Exception | None = None


@dataclass(slots=True)
class _News:
    """What a message changed, noted as it is committed: by pool, whether it only frees what some job might wait for."""

    calm: dict[str, bool] = field(default_factory=dict)
    recorded: Recorded | None = None
    runner: Runner | None = None  # that of the job, as it was before
    fault: Exception | None = None

    def of(self, pool: str, *, is_calm: bool = False) -> None:
        """Note that something changed in a pool."""
        self.calm[pool] = is_calm and self.calm.get(pool, True)

    @contextmanager
    def until_a_fault(self) -> Iterator[None]:
        """Keep the first fault: what was committed before it is news, and what comes after may succeed."""
        try:
            yield
        except Exception as fault:  # noqa: BLE001 - told with the news, and raised by whoever took note of that
            self.fault = self.fault or fault


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
        event, news = decode_job_event(text), _News()
        run, profiles = (event.run_id, event.run_attempt), self._configuration.profiles
        way = route(event.labels, run, event.repository, profiles)
        with news.until_a_fault():
            # A job that waited or runs moves on though labels of profiles have changed, and none serves it any more.
            self._fold_job(event, None if isinstance(way, Unserved) else way, news)
            # Also for a job that no profile serves: GitHub may have given it a runner which another job waits for.
            self._fold_runner(event, news)
        touched = self._touch(news)
        if news.recorded is not None:
            return _with_milestones(touched, event, news.recorded, news.runner)
        return touched if news.calm or not isinstance(way, Unserved) else replace(touched, outcome=way.code)

    def event(self, text: str) -> Observed:
        """Fold one message of the ``events`` queue.

        Raises:
            MalformedError: the message will never be readable.
        """
        event, news = read_event(text, self._configuration), _News()
        if isinstance(event, Tick):
            for pool in self._configuration.pools:
                news.of(pool)
        elif isinstance(event, Wake):
            news.of(event.pool)
        else:
            with news.until_a_fault():
                self._fold(event, news)
        return replace(self._touch(news), attempt=event.attempt if isinstance(event, Wake) else 0)

    def _touch(self, news: _News) -> Observed:
        """Commit the fact first, then note that it is wanted, then let the message be acknowledged.

        Calm news leaves a pool alone that rests: whoever holds it sees it, and so does the next tick. No news is calm
        after a fault: it may not be all.
        """
        resting: set[str] = set()
        for pool in sorted(news.calm):
            with news.until_a_fault():
                if self._ledger.rows.want(pool):
                    resting.add(pool)
        left_alone = {pool for pool in resting if news.calm[pool] and news.fault is None}
        outcome = "folded" if news.calm else "not news"
        return Observed(frozenset(news.calm.keys() - left_alone), outcome=outcome, fault=news.fault)

    def _fold_job(self, event: JobEvent, way: Route | None, news: _News) -> None:
        news.recorded = self._ledger.jobs.record(event, way)
        if news.recorded is not None and news.recorded.place.pool in self._configuration.pools:
            news.of(news.recorded.place.pool, is_calm=event.action is not JobState.QUEUED)

    def _fold_runner(self, event: JobEvent, news: _News) -> None:
        """Move the runner that a job event names, if it is one of ours.

        That a runner runs another job than it was made for is no calm news while that one waits: it needs another.
        """
        named = parse_runner_name(self._configuration.deployment, event.runner_name or "")
        profile = self._configuration.profiles.get(named[0]) if named else None
        if named is None or profile is None:
            return
        pool, task_id = profile.pool, named[1]
        if event.action is JobState.IN_PROGRESS:
            news.runner = self._ledger.runners.mark_busy(pool, task_id, event)
            if news.runner is not None:
                news.of(pool, is_calm=True)
                # Also of one that was found busy: then its job is not known.
                news.of(pool, is_calm=not self._is_robbed(pool, news.runner.made_for, event))
        elif event.action is JobState.COMPLETED:
            news.runner = self._ledger.runners.mark_ended(
                pool,
                task_id,
                at=event.completed_at or event.received_at,
                why=JOB_COMPLETED,
                organization=event.organization,
            )
            if news.runner is not None:
                # Of a runner whose job nobody told this may be the first word that it served another one.
                is_told = news.runner.state is RunnerState.BUSY and news.runner.job is not None
                news.of(pool, is_calm=is_told or news.runner.made_for == event.key)
            else:  # its task may have been reported stopped first: nothing is left to look after
                self._ledger.runners.forget_orphan(pool, task_id, organization=event.organization)

    def _is_robbed(self, pool: str, made_for: JobKey | None, event: JobEvent) -> bool:
        return made_for is not None and made_for != event.key and self._ledger.jobs.waits(pool, made_for)

    def _fold(self, event: Event, news: _News) -> None:
        """Fold an AWS event."""
        if isinstance(event, TaskChange):
            self._fold_task(event, news)
        elif isinstance(event, InstanceChange):
            if self._ledger.instances.observe(event.instance):
                news.of(event.instance.pool)
        elif isinstance(event, InstanceLoss):
            self._fold_loss(event, news)
        elif isinstance(event, InstanceStop):
            stopped = self._ledger.instances.mark_stopped
            pools = self._configuration.pools
            pool = next((name for name in pools if stopped(name, event.instance_id, at=event.at)), None)
            if pool is not None:
                news.of(pool)

    def _fold_task(self, event: TaskChange, news: _News) -> None:
        if event.status == "STOPPED":
            stopped = self._ledger.runners.remove(
                event.pool,
                event.task_id,
                at=event.at,
                why=event.why,
                host=TaskHost(event.instance_arn, is_lost=event.lost_host),
                run_again=self._configuration.github.rerun_interrupted > 0,
            )
            if stopped.is_news:
                news.of(event.pool, is_calm=had_its_job(stopped.was))
            self._note_failed_start(event, stopped.was)
            return
        if event.status != "RUNNING" or event.instance_arn is None:
            return
        is_known = self._ledger.runners.mark_running(
            event.pool, event.task_id, instance_arn=event.instance_arn, at=event.at
        )
        if not is_known:
            # It came before the reply of RunTask was recorded, or instead of a reply that was lost.
            self._ledger.runners.add([_starting(event)])

    def _note_failed_start(self, event: TaskChange, was: Runner | None) -> None:
        """Remember that a container ended before it could take a job: the next may only end like it."""
        if was is None or event.lost_host or not ended_before_a_job(was, event.exit_code):
            return
        known = self._ledger.notes.start_failures(event.pool, was.shape.profile)
        failures = failed_start(was, known, at=event.at, why=event.why)
        if failures is not None:
            self._ledger.notes.keep_start_failures(event.pool, failures)

    def _fold_loss(self, event: InstanceLoss, news: _News) -> None:
        for pool in self._configuration.pools:
            if event.is_gone:
                if self._ledger.instances.remove(pool, event.instance_id, at=event.at):
                    news.of(pool)
                    return
            elif (instance := self._ledger.instances.lose(pool, event.instance_id, at=event.at)) is not None:
                news.of(pool)
                # Done again it changes nothing, so a message that fails half way can come again.
                if instance.arn:
                    self._clusters[pool].drain(instance.arn)
                return


def _with_milestones(
    touched: Observed, event: JobEvent, recorded: Recorded, runner: Runner | None
) -> Observed:
    """Add what a job's event is news of: the ledger moved the job for it, which it does once.

    A copy is none [GH-RERUN-COPIES].
    """
    if recorded.is_copy:
        return replace(touched, outcome="folded")
    before, place = recorded.before, recorded.place
    was = before.state if before else None
    event = before.fill(event) if before else event
    return replace(
        touched,
        outcome="folded",
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
