"""What all baselines share: the clock, the jobs' lives, instances and their bill, incidents.

Every baseline gives a job its own runner, and the job gets that runner. GitHub gives a runner to the oldest job that
matches [GH-JIT-NOT-BOUND]; among jobs of equal labels that only swaps who waits.

A job whose instance is taken away starts anew at once, as if somebody ran it again: its wait is that of its first
attempt, its end that of its last. What the first attempt had done is lost and was paid for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from local.simulator.outcome import InstanceLife, JobOutcome, Outcome
from local.simulator.policies.baseline_incidents import Incidents
from local.simulator.policies.draws import Draws
from local.simulator.policies.hosts import Host
from local.simulator.policies.policy import Task
from local.simulator.policies.served import ServedJob, cheapest_type, served_jobs, tasks_per_host
from local.twin.clock import Scheduled, VirtualClock
from local.twin.latency import Phase
from slipway.domain.configuration import InstanceType, Market, Pool
from slipway.domain.resources import Resources

#: A message that a function failed on comes back after SQS's default [SQS-VISIBILITY].
RETRY_SECONDS = 30.0


@dataclass(slots=True, eq=False)
class Run:
    """A served job on its way; times are epoch seconds."""

    served: ServedJob
    queued_at: float
    attempt: int = 0
    calls: int = 0
    starts_at: float | None = None
    """When this attempt starts or started; None as long as it has no place."""
    first_start: float | None = None
    completed_at: float | None = None
    host: Host | None = None
    end: Scheduled | None = None

    @property
    def index(self) -> int:
        """Return its place in the workload."""
        return self.served.index

    @property
    def size(self) -> Resources:
        """Return what its task occupies."""
        return self.served.shape.size


class Operator(Protocol):
    """What a baseline does when something happens."""

    def learned(self, run: Run) -> None:
        """A webhook tells of a queued job."""

    def freed(self, host: Host) -> None:
        """A task has stopped, and its room is free."""

    def leaving(self, host: Host) -> None:
        """EC2 warns that it will take an instance away."""

    def gone(self, host: Host) -> None:
        """EC2 took an instance away."""


class BaselineWorld:
    """One run of one baseline."""

    def __init__(self, task: Task, policy: str) -> None:
        self.task = task
        self.policy = policy
        self.clock = VirtualClock(task.workload.starts_at)
        self.draws = Draws(task.latency, task.seed)
        self.incidents = Incidents(task.workload, self.draws)
        starts_at = task.workload.starts_at
        self.runs = tuple(
            Run(served, starts_at + served.job.queued_at_seconds)
            for served in served_jobs(task.workload, task.configuration)
        )
        self.hosts: list[Host] = []
        self.aws_calls: Counter[str] = Counter()
        self.github_calls = 0
        self._living: Counter[str] = Counter()
        self._completed = 0
        self._operator: Operator | None = None

    def play(self, operator: Operator) -> Outcome:
        """Run until nothing is left to happen.

        A job that fits no type of its pool never starts, and neither does one whose webhook is lost.
        """
        self._operator = operator
        for run in self.runs:
            fits = cheapest_type(run.served.pool, run.size) is not None
            if fits and not self.incidents.loses_webhook(run.index, run.queued_at):
                self._tell(run, run.queued_at - self.clock.now())
        while (due := self.clock.next_due()) is not None:
            self.clock.advance_to(due)
        return self._outcome()

    def later(self, seconds: float, callback: Callable[[], None]) -> Scheduled:
        """Schedule something."""
        return self.clock.schedule(seconds, callback)

    def delay(self, run: Run, *phases: str) -> float:
        """Return how long phases of a job's present attempt take together."""
        return sum(self.draws.of_job(run.index, phase, run.attempt) for phase in phases)

    def may_launch(self, pool: Pool) -> int:
        """Return how many instances more a pool's limit allows."""
        return pool.max_instances - self._living[pool.name]

    def capacity_in(self, pool: Pool) -> float:
        """Return in how many seconds EC2 has capacity in the pool's market: 0 when it has."""
        if pool.market is not Market.SPOT:
            return 0.0
        now = self.clock.now()
        return self.incidents.spot_capacity_from(now) - now

    def launch(self, pool: Pool, kind: InstanceType) -> Host:
        """Start paying for an instance."""
        now = self.clock.now()
        host = Host(len(self.hosts), pool, kind, now, tasks_per_host(pool, kind))
        self.hosts.append(host)
        self._living[pool.name] += 1
        if pool.market is Market.SPOT:
            warned_at = self.incidents.interrupted_at(host.name, now)
            if warned_at is not None:
                self.later(warned_at - now, partial(self._warn, host))
        return host

    def terminate(self, host: Host) -> None:
        """Stop paying for an instance; it holds no task."""
        if host.ended_at is None:
            host.ended_at = self.clock.now()
            self._living[host.pool.name] -= 1

    def registers(self, run: Run) -> bool:
        """Register a runner for a job; GitHub may refuse while it is down."""
        self.github_calls += 1
        run.calls += 1
        return not self.incidents.refuses_call(self.clock.now(), run.index, run.calls)

    def begin(self, run: Run, seconds: float, until_freed: float) -> None:
        """Let a job start on the host that holds it, and free its room some time after its end."""
        run.starts_at = self.clock.now() + seconds
        over = seconds + run.served.job.duration_seconds
        run.end = self.later(over, partial(self._complete, run, until_freed))

    def _tell(self, run: Run, seconds: float) -> None:
        delay = self.delay(run, Phase.WEBHOOK_DELAY, Phase.WEBHOOK_CALL)
        self.later(seconds + delay, partial(self._operating.learned, run))

    @property
    def _operating(self) -> Operator:
        if self._operator is None:
            raise RuntimeError("nobody operates this world: call play")
        return self._operator

    def _complete(self, run: Run, until_freed: float) -> None:
        run.completed_at = self.clock.now()
        run.first_start = run.starts_at if run.first_start is None else run.first_start
        run.end = None
        self._completed += 1
        self.task.progress(self._completed)
        host = run.host
        if host is not None:
            self.later(until_freed, partial(self._free, run, host))

    def _free(self, run: Run, host: Host) -> None:
        if host.ended_at is None:
            host.give_back(run)
            self._operating.freed(host)

    def _warn(self, host: Host) -> None:
        if host.ended_at is None:
            host.is_leaving = True
            self._operating.leaving(host)
            self.later(self.draws.of(host.name, Phase.SPOT_NOTICE), partial(self._take_away, host))

    def _take_away(self, host: Host) -> None:
        if host.ended_at is not None:
            return
        now = self.clock.now()
        for run in list(host.runs.values()):
            host.give_back(run)
            if run.completed_at is None:
                self._start_anew(run, now)
        self.terminate(host)
        self._operating.gone(host)

    def _start_anew(self, run: Run, now: float) -> None:
        if run.end is not None:
            run.end.cancel()
            run.end = None
        if run.first_start is None and run.starts_at is not None and run.starts_at <= now:
            run.first_start = run.starts_at
        run.starts_at = None
        run.attempt += 1
        self._tell(run, 0.0)

    def _outcome(self) -> Outcome:
        return Outcome(
            policy=self.policy,
            seed=self.task.seed,
            jobs=tuple(
                JobOutcome(run.served.job, run.queued_at, run.first_start, run.completed_at)
                for run in self.runs
            ),
            instances=tuple(
                InstanceLife(host.type, host.pool.market, host.launched_at, _ended(host))
                for host in self.hosts
            ),
            sizes=tuple(run.size for run in self.runs),
            github_calls=self.github_calls,
            aws_calls=dict(sorted(self.aws_calls.items())),
        )


def _ended(host: Host) -> float:
    if host.ended_at is None:
        raise RuntimeError(f"{host.name} was never terminated")
    return host.ended_at
