"""One look at a ledger: each pool's snapshot with what is on offer, and which jobs started and finished meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from slipway.domain.jobs import JobKey
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Snapshot
from slipway.domain.usage import JobUsage, utc_days
from slipway.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Started:
    """A job that runs, by GitHub's clock."""

    job: JobKey
    profile: str
    queued_at: float
    started_at: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the ledger had ``at`` a moment (epoch seconds). ``finished`` may name jobs that were named before."""

    at: float
    pools: tuple[Snapshot, ...]
    started: tuple[Started, ...] = ()
    finished: tuple[JobUsage, ...] = ()


def finished_since(ledger: Ledger, start: float, now: float) -> Iterator[JobUsage]:
    """Read the lines of the jobs that finished within a time: those of whole days are read, and few of them told."""
    for day in utc_days(start, now):
        for line in ledger.usage.of_day(day, "job"):
            if isinstance(line, JobUsage) and line.completed_at > start:
                yield line


@dataclass(slots=True)
class Reader:
    """Looks at some pools of a ledger; a job's record is read once, when it is first seen to run."""

    ledger: Ledger
    pools: Iterable[str]
    _told: set[JobKey] = field(default_factory=set)

    def read(self, now: float, finished: Iterable[JobUsage] = ()) -> Reading:
        """Read the pools as a convergence does: what is on offer before all else."""
        snapshots = []
        for pool in sorted(self.pools):
            published = self.ledger.offers.read(pool)
            snapshots.append(replace(self.ledger.snapshots.read(pool, now), on_offer=published.jobs))
        busy = {
            runner.job: runner
            for snapshot in snapshots
            for runner in snapshot.runners
            if runner.job is not None and runner.state is RunnerState.BUSY
        }
        self._told &= busy.keys()
        return Reading(now, tuple(snapshots), tuple(self._started(busy)), tuple(finished))

    def _started(self, busy: dict[JobKey, Runner]) -> Iterator[Started]:
        for key, runner in busy.items():
            if key in self._told:
                continue
            record = self.ledger.jobs.find(key)
            # A runner that was found busy may run a job whose event has not come yet.
            if record is not None and record.started_at is not None:
                self._told.add(key)
                yield Started(key, runner.shape.profile, record.queued_at, record.started_at)
