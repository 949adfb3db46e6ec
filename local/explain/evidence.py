"""Evidence: all that the ledger and the webhook's log know of one job id."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from local.explain.refusals import Refusal
from local.operating.sight import Sight, told_what_is_needed
from local.reports.lines import Lines
from local.reports.waits import Wait, waits
from slipway.domain.configuration import GitHubTarget
from slipway.domain.jobs import JobKey
from slipway.domain.reasons import Reason
from slipway.domain.runners import task_id_of
from slipway.domain.snapshot import WaitingJob
from slipway.domain.usage import (
    InstanceUsage,
    JobUsage,
    RunnerUsage,
    Usage,
    usage_of_instance,
    usage_of_runner,
    utc_day,
    utc_days,
)
from slipway.ports.ledger import JobRecord

_MOST_DAYS = 8  # as long as records are kept
KEPT_SECONDS = _MOST_DAYS * 86_400
_ALIKE, _NEAREST = 0.6, 3  # of 1: how alike two ids are; how many are told


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a job: its record, and all that belongs to it.

    ``waiting`` and ``reason`` are there while it waits, ``usage`` once it has completed. ``containers`` were
    registered for it, or ran it, in the order of their start. ``instances`` are those under them, by their ARN in ECS.
    ``again`` is the next try of the same job.
    """

    record: JobRecord
    waiting: WaitingJob | None = None
    reason: Reason | None = None
    usage: JobUsage | None = None
    containers: tuple[RunnerUsage, ...] = ()
    instances: dict[str, InstanceUsage] | None = None
    again: JobUsage | None = None

    @property
    def key(self) -> JobKey:
        """Return the key of this try."""
        return self.record.key

    @property
    def own(self) -> RunnerUsage | None:
        """Return the container that ran it, if one is known to have."""
        name = self.record.runner_name or (self.usage.runner_name if self.usage else None)
        task = task_id_of(name) if name else None
        return next((one for one in self.containers if one.task_id == task), None)

    @property
    def wait(self) -> Wait | None:
        """Return what its wait was made of, once it has completed."""
        return next(waits(Lines.of([self.usage, *self.containers])), None) if self.usage else None

    def host_of(self, container: RunnerUsage) -> InstanceUsage | None:
        """Return the instance under a container, if it is known."""
        return (self.instances or {}).get(container.instance_arn or "")


class Finder(StrEnum):
    """What finds a job whose webhook is lost (docs/repair.md)."""

    SWEEP = "sweep"
    REDELIVERY = "redelivery"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a job id at ``now``: its tries, and the deliveries of it that were refused.

    ``near`` are the ids of jobs that are known, where this one is not, and ``finds_lost`` says what finds a job whose
    webhook is lost.
    """

    job_id: int
    now: float
    tries: tuple[Try, ...]
    refusals: tuple[Refusal, ...]
    near: tuple[str, ...] = ()
    finds_lost: Finder = Finder.NOBODY


def gather(sight: Sight, job_id: int, refusals: Callable[[], Sequence[Refusal]]) -> Evidence:
    """Read what the ledger knows, and ask for ``refusals`` where it never heard of the job while it waited.

    Raises:
        NoSightError: the table cannot be read.
    """
    now = sight.now()
    with told_what_is_needed(sight.configuration):
        records = sorted(sight.ledger.jobs.attempts(job_id), key=lambda record: record.key)
        tries = tuple(_a_try(sight, record, now) for record in records)
    was_heard_of = bool(tries) and all(found.record.heard_at is not None for found in tries)
    refused = () if was_heard_of else tuple(refusals())
    with told_what_is_needed(sight.configuration):
        near = () if tries or refused else tuple(_nearest(sight, job_id))
    return Evidence(job_id, now, tries, refused, near, _finder(sight.configuration.github))


def _finder(github: GitHubTarget) -> Finder:
    if github.sweep_calls_per_hour:
        return Finder.SWEEP
    return Finder.REDELIVERY if github.app_secret else Finder.NOBODY


def _a_try(sight: Sight, record: JobRecord, now: float) -> Try:
    found = Try(record)
    alive: list[Usage] = []
    if record.pool in sight.configuration.pools:
        pool = sight.pool(record.pool)
        waiting = next((job for job in pool.snapshot.jobs if job.key == record.key), None)
        found = replace(found, waiting=waiting, reason=pool.decided.reasons.get(record.key))
        alive += [usage_of_runner(runner, now) for runner in pool.snapshot.runners]
        alive += [usage_of_instance(instance, now) for instance in pool.snapshot.instances]
    # The container of a job ends soon after it, its instance perhaps a day later.
    until = min(now, (record.completed_at or now) + 86_400)
    lines = [*_recorded(sight, record.queued_at, until), *alive]
    return _joined(found, lines)


def _joined(found: Try, lines: Sequence[Usage]) -> Try:
    """Pick what belongs to a try out of the lines of its days."""
    usage = next((line for line in lines if isinstance(line, JobUsage) and line.job == found.key), None)
    name = found.record.runner_name or (usage.runner_name if usage else None)
    task = task_id_of(name) if name else None
    containers = [
        line
        for line in lines
        if isinstance(line, RunnerUsage) and (line.task_id == task or found.key in (line.made_for, line.job))
    ]
    arns = {container.instance_arn for container in containers}
    instances = {
        line.instance_arn: line
        for line in lines
        if isinstance(line, InstanceUsage) and line.instance_arn and line.instance_arn in arns
    }
    return replace(
        found,
        usage=usage,
        containers=tuple(sorted(containers, key=lambda line: (line.started_at, line.task_id))),
        instances=instances,
        again=_again(usage, lines),
    )


def _again(usage: JobUsage | None, lines: Sequence[Usage]) -> JobUsage | None:
    """Return the next try of a job: a re-run has another id, the same run and name, and a higher attempt [GH-WJ-14]."""
    if usage is None:
        return None
    later = [
        line
        for line in lines
        if isinstance(line, JobUsage)
        and (line.run_id, line.name, line.repository) == (usage.run_id, usage.name, usage.repository)
        and line.job.run_attempt > usage.job.run_attempt
    ]
    return min(later, key=lambda line: line.job.run_attempt, default=None)


def _recorded(sight: Sight, start: float, end: float) -> Iterator[Usage]:
    for day in islice(utc_days(start, end), _MOST_DAYS):
        yield from sight.ledger.usage.of_day(day)


def _nearest(sight: Sight, job_id: int) -> Iterator[str]:
    """Return the known job ids that a slip of the finger could have meant: alike as text, then near as numbers."""
    import difflib  # noqa: PLC0415 - only where a job is unknown

    today = sight.ledger.usage.of_day(utc_day(sight.now()), "job")
    known = {line.job.job_id for line in today if isinstance(line, JobUsage)}
    for pool in sight.configuration.pools:
        snapshot = sight.ledger.snapshots.read(pool, sight.now())
        known |= {job.key.job_id for job in snapshot.jobs}
        known |= {runner.job.job_id for runner in snapshot.runners if runner.job}
    alike = {found: difflib.SequenceMatcher(None, str(job_id), str(found)).ratio() for found in known}
    close = [found for found, ratio in alike.items() if ratio >= _ALIKE]
    yield from map(
        str, sorted(close, key=lambda found: (-alike[found], abs(found - job_id), found))[:_NEAREST]
    )
