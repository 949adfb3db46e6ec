"""Claim and release: a task that proves who it is gets a runner for one waiting job, once, for ever."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from slipway.domain.configuration import Configuration, Pool, Profile, Registration
from slipway.domain.errors import (
    ConfigurationError,
    NotYetError,
    RefusedError,
    UnavailableError,
    UnknownOutcomeError,
)
from slipway.domain.identity import TaskIdentity
from slipway.domain.instances import InstanceState
from slipway.domain.limits import GITHUB_PATIENCE_SECONDS
from slipway.domain.reach import reach_of
from slipway.domain.runners import GIVEN_BACK, RELEASED, Runner, RunnerState, runner_name
from slipway.domain.snapshot import GitHubPause, Offer, WaitingJob
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster, starting
from slipway.ports.github import Removal, RunnerService
from slipway.ports.ledger import Ledger
from slipway.ports.queue import Wakeups

MAX_BINDS = 5  # offers in a row that moved on between plan and claim; the next plan knows better
STANDBY_RETRY_SECONDS = 2
STANDBY_NOTED_SECONDS = 200  # a sign of life well before the reaper misses it, at the price of few writes
HOST_RETRY_SECONDS = 2
REFUSED_RETRY_SECONDS = 30
REFUSED_NOTE_SECONDS = 90  # three tries: then whoever tried is gone
MAX_WHY = 400
# A container watches its idle timeout from after its claim on, so it is never early but for two hosts' clocks.
CLOCKS_DIFFER_SECONDS = 5
UNKNOWN_FOR_SECONDS = 60  # how long RunTask and DescribeTasks may lag behind a container that is up


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller hears: HTTP status, JSON body (it may hold the credential, hence no repr), seconds to wait.

    ``fault`` and ``calls_left``, the calls that GitHub leaves to each credential, are for the operator alone;
    ``is_refusal`` says that it stays until somebody mends it.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    retry_after_seconds: int | None = None
    fault: str = ""
    is_refusal: bool = False
    calls_left: Mapping[str, int] = field(default_factory=dict)


class Claim:
    """Answers ``POST /v1/claim``."""

    def __init__(  # noqa: PLR0913 - late binding meets ledger, GitHub, ECS and queue here
        self,
        configuration: Configuration,
        ledger: Ledger,
        github: RunnerService,
        clusters: Mapping[str, Cluster],
        clock: Clock,
        *,
        wakeups: Wakeups,
        account_id: str,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._github = github
        self._clusters = clusters
        self._wakeups = wakeups
        self._clock = clock
        self._account_id = account_id

    def __call__(self, caller: TaskIdentity | None) -> Answer:
        """Answer one claim; every answer is safe to lose."""
        pool = self._pool_of(caller)
        if caller is None or pool is None:
            return Answer(403, {"reason": "this role is not that of a runner task here"})
        runner = self._ledger.runners.find(pool.name, caller.task_id)
        if runner is None:
            if self._ledger.runners.is_gone(caller.task_id):
                return Answer(410, {"reason": "this task has ended"})
            runner = self._adopt(pool, caller.task_id)
        if runner is None:
            return self._unknown(caller.task_id)
        if runner.state in (RunnerState.REGISTERED, RunnerState.BUSY):
            return Answer(409, {"reason": "this task has had its runner"})
        if runner.state is RunnerState.GONE:
            return Answer(410, {"reason": runner.ended_why or "this task is not needed"})
        if pool.exclusive and not self._has_host_to_itself(pool, runner):
            return Answer(503, {"reason": "its host is not its own yet"}, HOST_RETRY_SECONDS)
        profile = self._configuration.profiles.get(runner.shape.profile)
        return self._serve(runner, profile) if profile else self._dismiss(runner, "its profile is gone")

    def _pool_of(self, caller: TaskIdentity | None) -> Pool | None:
        if caller is None or caller.account_id != self._account_id:
            return None
        return self._configuration.pool_of_task_role(caller.role)

    def _adopt(self, pool: Pool, task_id: str) -> Runner | None:
        """Take in a task of ours whose RunTask reply is not recorded, by what ECS knows of it."""
        task = self._clusters[pool.name].find_task(task_id)
        if task is None or task.is_stopped:
            return None
        self._ledger.runners.add([starting(task, pool.name)])
        return self._ledger.runners.find(pool.name, task_id)

    def _unknown(self, task_id: str) -> Answer:
        now = self._clock.now()
        if now - self._ledger.runners.first_heard_of(task_id, now) < UNKNOWN_FOR_SECONDS:
            return Answer(503, {"reason": "this task is not known yet"}, HOST_RETRY_SECONDS)
        return Answer(403, {"reason": "this task is not one that Slipway started"})

    def _has_host_to_itself(self, pool: Pool, runner: Runner) -> bool:
        """Say whether the task is alone on a host that takes no other: asked of ECS, not of the ledger."""
        cluster, arn = self._clusters[pool.name], runner.instance_arn
        if arn is None or not any(i.state is InstanceState.DRAINING for i in cluster.instances(arn=arn)):
            return False
        return cluster.task_ids_on(arn) == [runner.task_id]

    def _serve(self, runner: Runner, profile: Profile) -> Answer:
        if profile.standby > 0:
            self._note_asked(runner)
        for _ in range(MAX_BINDS):
            offer = self._next_offer(runner)
            if offer is None:
                return self._nothing_to_serve(runner, profile)
            job = offer.job
            reach = reach_of(self._configuration.github, job.organization, job.repository)
            if self._configuration.github.registration is not Registration.ENTERPRISE:
                # Before anything is bound: where it may register must be listed, and a failure spends no container.
                self._ledger.housekeeping.note_place(reach, self._clock.now())
            bound = self._ledger.claims.bind(runner, offer, reach=reach, at=self._clock.now())
            if bound == "bound":
                return replace(self._mint(runner, job, profile), calls_left=self._github.calls_left())
            if bound == "runner_spent":
                return Answer(409, {"reason": "this task has had its runner"})
        return Answer(503, {"reason": "jobs moved on; ask again"}, 1)

    def _next_offer(self, runner: Runner) -> Offer | None:
        """Draw for a turn that the task was given first: with a job of another reach it would be lost."""
        claims, pool, shape = self._ledger.claims, runner.pool, runner.shape
        mine = claims.next_offer(pool, shape, runner.waits_for) if runner.waits_for is not None else None
        return mine or claims.next_offer(pool, shape)

    def _nothing_to_serve(self, runner: Runner, profile: Profile) -> Answer:
        if profile.standby > 0:
            return Answer(204, retry_after_seconds=STANDBY_RETRY_SECONDS)
        return self._dismiss(runner, "no job waits")

    def _note_asked(self, runner: Runner) -> None:
        """Note now and then that a container which may wait long is alive, whatever it is answered."""
        now = self._clock.now()
        if now - (runner.asked_at or runner.started_at) < STANDBY_NOTED_SECONDS:
            return
        with suppress(UnavailableError, UnknownOutcomeError):  # the next claim notes it
            self._ledger.runners.note_asked(runner.pool, runner.task_id, now)

    def _dismiss(self, runner: Runner, why: str) -> Answer:
        """Record it before it is said: a task that is told to go must not count as supply any more."""
        self._ledger.runners.dismiss(runner.pool, runner.task_id, at=self._clock.now(), why=why)
        return Answer(410, {"reason": why})

    def _mint(self, runner: Runner, job: WaitingJob, profile: Profile) -> Answer:
        """Mint after the binding is written: from here on this task never gets another JIT config.

        Only a definite refusal, which minted nothing, is undone. A lost reply costs one container.
        """
        name = runner_name(self._configuration.deployment, runner.shape.profile, runner.task_id)
        try:
            jit = self._github.mint(job, name)
        except NotYetError as fault:
            self._await_turn(runner, job, fault.retry_after_seconds)
            return _github_busy(fault)
        except UnavailableError as fault:
            # After a long pause of GitHub's the next plan starts no container of that reach that could only wait.
            is_long = fault.retry_after_seconds > GITHUB_PATIENCE_SECONDS
            self._unbind(runner, job, self._pause(job, fault.retry_after_seconds) if is_long else None)
            return _github_busy(fault)
        except (RefusedError, ConfigurationError) as fault:
            self._unbind(runner, job, self._pause(job, REFUSED_NOTE_SECONDS, str(fault)))
            reason = {"reason": "GitHub refused a runner"}
            return Answer(503, reason, REFUSED_RETRY_SECONDS, fault=str(fault), is_refusal=True)
        except UnknownOutcomeError as fault:
            now = self._clock.now()
            self._ledger.runners.mark_ended(runner.pool, runner.task_id, at=now, why="reply of GitHub lost")
            return Answer(410, {"reason": "the reply of GitHub was lost"}, fault=str(fault))
        # The config is good whether this is noted or not; of a runner without an id the reaper knows the name.
        with suppress(UnavailableError, UnknownOutcomeError):
            self._ledger.claims.registered(runner.pool, runner.task_id, jit.runner_id)
        return Answer(
            200,
            {
                "jit_config": jit.encoded,
                "runner_name": name,
                "idle_timeout_seconds": profile.idle_timeout_seconds,
                "organization": job.organization,
                "queued_at": int(job.queued_at),
            },
        )

    def _await_turn(self, runner: Runner, job: WaitingJob, seconds: int) -> None:
        """Let both wait again, the container for jobs of that reach alone: another's need not wait for its turn."""
        reach = reach_of(self._configuration.github, job.organization, job.repository)
        self._ledger.claims.unbind(runner, job, waits_for=reach, until=self._clock.now() + seconds)
        self._wake(runner.pool)

    def _pause(self, job: WaitingJob, seconds: int, why: str = "") -> GitHubPause:
        reach = reach_of(self._configuration.github, job.organization, job.repository)
        now = self._clock.now()
        return GitHubPause(reach, now + seconds, now, why[:MAX_WHY])

    def _unbind(self, runner: Runner, job: WaitingJob, pause: GitHubPause | None = None) -> None:
        """Let both wait again, and the job be offered again before the container is back to ask."""
        self._ledger.claims.unbind(runner, job)
        if pause is not None:
            self._ledger.notes.pause_github(runner.pool, pause)
        self._wake(runner.pool)

    def _wake(self, pool: str) -> None:
        self._ledger.rows.want(pool)
        self._wakeups.wake(pool)


class Release:
    """Answers ``POST /v1/release``: ends an idle registration, for good."""

    def __init__(
        self,
        configuration: Configuration,
        ledger: Ledger,
        github: RunnerService,
        clock: Clock,
        *,
        account_id: str,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._github = github
        self._clock = clock
        self._account_id = account_id

    def __call__(self, caller: TaskIdentity | None) -> Answer:
        """Answer one release; GitHub's DELETE decides whether the runner is idle [GH-DELETE-422]."""
        if caller is None or caller.account_id != self._account_id:
            return Answer(403, {"reason": "this role is not that of a runner task here"})
        pool = self._configuration.pool_of_task_role(caller.role)
        if pool is None:
            return Answer(403, {"reason": "this role is not that of a runner task here"})
        runner = self._ledger.runners.find(pool.name, caller.task_id)
        if runner is None or runner.state is RunnerState.GONE:
            return Answer(410, {"reason": "this runner is gone"})
        now = self._clock.now()
        if runner.state is RunnerState.STARTING:
            if self._ledger.runners.dismiss(pool.name, runner.task_id, at=now, why=RELEASED):
                return Answer(200)
            return Answer(503, {"reason": "it is being claimed"}, 1)
        if runner.runner_id is None or runner.reach is None:
            return Answer(503, {"reason": "its registration is not known yet"}, HOST_RETRY_SECONDS)
        try:
            removal = self._github.remove(runner.runner_id, runner.reach)
        except UnavailableError as fault:
            return _github_busy(fault)
        if removal is Removal.BUSY:
            # Its in_progress has not come yet, or never will: it must not count as idle any more.
            self._ledger.runners.found_busy(pool.name, runner.task_id, now)
            return Answer(409, {"reason": "this runner is busy"})
        is_early = self._is_early(runner, now)
        if runner.is_idle and runner.job is not None and not is_early:
            self._ledger.jobs.note_untaken(pool.name, runner.job, task_id=runner.task_id, at=now)
        why = GIVEN_BACK if is_early else RELEASED
        self._ledger.runners.mark_ended(pool.name, runner.task_id, at=now, why=why)
        return Answer(200)

    def _is_early(self, runner: Runner, now: float) -> bool:
        """Say whether it goes before its idle timeout: stopped, or unable to listen. GitHub had no time to use it."""
        profile = self._configuration.profiles.get(runner.shape.profile)
        if profile is None or runner.claimed_at is None:
            return False
        return now - runner.claimed_at < profile.idle_timeout_seconds - CLOCKS_DIFFER_SECONDS


def _github_busy(fault: UnavailableError) -> Answer:
    return Answer(503, {"reason": "GitHub asks to wait"}, max(1, int(fault.retry_after_seconds)), str(fault))
