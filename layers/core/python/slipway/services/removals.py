"""Removals: carry out what the reaper decided; one failure stops nothing, and what is in use stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from slipway.domain.configuration import Registration
from slipway.domain.errors import LimitMetError
from slipway.domain.findings import Reap, What
from slipway.domain.instances import InstanceState
from slipway.domain.jobs import JobKey
from slipway.domain.notices import Look, Notice, NoticeCode
from slipway.domain.runners import RunnerState, TaskHost
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster, starting
from slipway.ports.fleet import Fleet
from slipway.ports.ledger import Ledger
from slipway.services.applied import Together, in_turn
from slipway.services.deregister import MOST_PER_CREDENTIAL, Allowance, Deregister


class Outcome(StrEnum):
    """What became of one thing to reap."""

    DONE = "done"
    BUSY = "busy"  # in use after all, or no longer what it seemed
    LEFT = "left"  # to the next run: a limit, or no time


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed, what was in use, what is left to the next run, what failed, and what is to be told."""

    done: tuple[Reap, ...] = ()
    busy: tuple[Reap, ...] = ()
    left: tuple[Reap, ...] = ()
    errors: tuple[Exception, ...] = ()
    look: Look = field(default_factory=Look)


class Remove:
    """Removes what it is given, at GitHub several at once."""

    def __init__(  # noqa: PLR0913 - it removes what is stale anywhere
        self,
        level: Registration,
        ledger: Ledger,
        deregister: Deregister,
        clusters: Mapping[str, Cluster],
        fleets: Mapping[str, Fleet],
        *,
        clock: Clock,
        together: Together = in_turn,
    ) -> None:
        self._level = level
        self._ledger = ledger
        self._clusters = clusters
        self._fleets = fleets
        self._clock = clock
        self._together = together
        self._at_github: dict[What, Callable[[Reap, Allowance], bool]] = {
            What.REGISTRATION: deregister.remove_ghost,
            What.ORPHAN: deregister.remove_orphan,
            What.IDLE_RUNNER: deregister.end_runner,
            What.STUCK_RUNNER: deregister.end_runner,
            What.UNREGISTERED_RUNNER: deregister.end_runner,
        }
        self._elsewhere: dict[What, Callable[[Reap], bool]] = {
            What.UNCLAIMED_TASK: self._stop_unclaimed,
            What.OVERDUE_TASK: self._stop_overdue,
            What.STOPPED_INSTANCE: self._end_stopped,
            What.WARM_INSTANCE: self._note_stopped,
            What.INSTANCE: self._end_instance,
            What.CUT_OFF_INSTANCE: self._end_cut_off,
            What.INSTANCE_NEWS: self._fold_instance,
            What.RUNNER_RECORD: self._forget_runner,
            What.INSTANCE_RECORD: self._forget_instance,
            What.JOB_RECORD: self._drop_job,
            What.UNKNOWN_TASK: self._take_in,
            # Converging its pool, as after every removal, is all that can be done.
            What.WAITING_LONG: lambda _: True,
        }

    def __call__(self, reaps: Sequence[Reap], has_time: Callable[[], bool] = lambda: True) -> Removed:
        """Remove, as long as there is time and within GitHub's limits; the next run finds the rest again."""
        allowance = Allowance(self._level)
        outcomes: list[tuple[Reap, Outcome | Exception]] = [
            _tried(reap, partial(self._elsewhere[reap.what], reap), has_time)
            for reap in reaps
            if reap.what in self._elsewhere
        ]
        steps: list[Callable[[], tuple[Reap, Outcome | Exception]]] = []
        at_github = [reap for reap in reaps if reap.what in self._at_github]
        for reap in _from_another(at_github, self._clock.now()):
            if allowance.admits(reap.reach):
                removal = partial(self._at_github[reap.what], reap, allowance)
                steps.append(partial(_tried, reap, removal, has_time))
            else:
                outcomes.append((reap, Outcome.LEFT))
        outcomes += self._together(steps)
        return Removed(
            done=_those(outcomes, Outcome.DONE),
            busy=_those(outcomes, Outcome.BUSY),
            left=_those(outcomes, Outcome.LEFT),
            errors=tuple(outcome for _, outcome in outcomes if isinstance(outcome, Exception)),
            look=_limits(_those(outcomes, Outcome.LEFT), allowance),
        )

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
        known = next(iter(self._clusters[reap.pool].instances(instance_id=reap.id)), None)
        if known is not None:
            self._ledger.instances.observe(known)
            return True
        self._fleets[reap.pool].terminate([reap.id])
        return self._forget_instance(reap)

    def _end_cut_off(self, reap: Reap) -> bool:
        """Terminate an instance whose agent is away once it drains and each task on it is of a runner that ended.

        The first time it is drained only: until ECS has said so, a task could land there when the agent comes back.
        Its runners go before ECS says that their host is lost: they had ended, no job of theirs was interrupted.
        """
        cluster = self._clusters[reap.pool]
        known = next(iter(cluster.instances(instance_id=reap.id)), None)
        if known is None or known.arn is None or known.connected:
            return False
        if known.state is not InstanceState.DRAINING:
            cluster.drain(known.arn)
            self._ledger.instances.mark_draining(reap.pool, reap.id, at=self._clock.now())
            return True
        task_ids = cluster.task_ids_on(known.arn)
        for task_id in task_ids:
            runner = self._ledger.runners.find(reap.pool, task_id)
            if runner is None or runner.state is not RunnerState.GONE:
                return False
        self._fleets[reap.pool].terminate([reap.id])
        host, now = TaskHost(known.arn), self._clock.now()
        for task_id in task_ids:
            self._ledger.runners.remove(reap.pool, task_id, at=now, why=reap.why, host=host)
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
        self._ledger.instances.remove(reap.pool, reap.id, at=self._clock.now())
        return True

    def _forget_runner(self, reap: Reap) -> bool:
        task = self._clusters[reap.pool].find_task(reap.id)
        if task is not None and not task.is_stopped:
            return False
        self._ledger.runners.remove(reap.pool, reap.id, at=self._clock.now(), why=reap.why)
        return True

    def _drop_job(self, reap: Reap) -> bool:
        self._ledger.jobs.drop(reap.pool, JobKey.parse(reap.id))
        return True

    def _take_in(self, reap: Reap) -> bool:
        task = self._clusters[reap.pool].find_task(reap.id)
        if task is None or task.is_stopped:
            return False
        self._ledger.runners.add([starting(task, reap.pool)])
        return True


def _tried(
    reap: Reap, removal: Callable[[], bool], has_time: Callable[[], bool]
) -> tuple[Reap, Outcome | Exception]:
    if not has_time():
        return reap, Outcome.LEFT
    try:
        return reap, Outcome.DONE if removal() else Outcome.BUSY
    except LimitMetError:
        return reap, Outcome.LEFT
    except Exception as fault:  # noqa: BLE001 - the service loop: one failure stops no other removal
        return reap, fault


def _from_another(reaps: Sequence[Reap], now: float) -> list[Reap]:
    """Return them from another one on each minute: those that stay busy must not use up what a run may ask for ever."""
    start = int(now // 60) * MOST_PER_CREDENTIAL % len(reaps) if reaps else 0
    return [*reaps[start:], *reaps[:start]]


def _those(outcomes: Sequence[tuple[Reap, Outcome | Exception]], wanted: Outcome) -> tuple[Reap, ...]:
    return tuple(reap for reap, outcome in outcomes if outcome is wanted)


def _limits(left: Sequence[Reap], allowance: Allowance) -> Look:
    codes = frozenset({NoticeCode.GITHUB_LIMIT})
    if not left:
        return Look(codes=codes)
    waits = max(allowance.waits.values(), default=0)
    cause = f"GitHub asks to wait {waits} s" if waits else "a run removes no more than this, and has a minute"
    why = f"{cause}; {len(left)} removals are left to the next run"
    return Look((Notice(NoticeCode.GITHUB_LIMIT, "removals", why),), codes)
