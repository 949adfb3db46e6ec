"""Usage lines as a file, one JSON object a line: what a simulation or a demo leaves, and what a report reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from slipway.domain.jobs import JobKey
from slipway.domain.runners import runs_one_job, task_id_of
from slipway.domain.usage import InstanceUsage, JobUsage, RunnerUsage, Usage, as_plain, from_plain


class UsageFileError(Exception):
    """A file of usage lines that cannot be read; the message names the line and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Usage lines by kind; each stands here once, however often it was given."""

    jobs: tuple[JobUsage, ...] = ()
    runners: tuple[RunnerUsage, ...] = ()
    instances: tuple[InstanceUsage, ...] = ()
    _ran: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, usages: Iterable[Usage]) -> Lines:
        """Sort lines by kind and name; where one is given twice, the first counts, and where a job is, its own."""
        jobs: dict[JobKey, JobUsage] = {}
        runners: dict[str, RunnerUsage] = {}
        instances: dict[tuple[str, float], InstanceUsage] = {}
        for usage in usages:
            match usage:
                case JobUsage():
                    jobs.setdefault(usage.job, usage)
                case RunnerUsage():
                    runners.setdefault(usage.task_id, usage)
                case InstanceUsage():
                    instances.setdefault((usage.instance_id, usage.launched_at), usage)
        ran = {task_id_of(job.runner_name) for job in jobs.values() if job.runner_name}
        return cls(
            tuple(sorted(_without_copies(jobs.values()), key=lambda job: job.job)),
            tuple(runners[key] for key in sorted(runners)),
            tuple(instances[key] for key in sorted(instances)),
            frozenset(ran),
        )

    def ran_a_job(self, runner: RunnerUsage) -> bool:
        """Say whether a container ran a job: GitHub's word of its start can come after its stop, or never."""
        return runner.busy_at is not None or runner.task_id in self._ran


def _without_copies(jobs: Iterable[JobUsage]) -> Iterator[JobUsage]:
    """Leave out what GitHub told again for a later attempt of a run, under another id [GH-RERUN-COPIES].

    The ledger keeps no line of a copy that it knows for one: this is for lines of older versions, and for those that
    came before the job's own.
    """
    ran: set[tuple[str, int, str]] = set()
    for job in sorted(jobs, key=lambda one: (one.job.run_attempt, one.job)):
        if job.runner_name and runs_one_job(job.runner_name):
            once = (job.repository, job.run_id, job.runner_name)
            if once in ran:
                continue
            ran.add(once)
        yield job


def write_lines(file: Path, usages: Iterable[Usage]) -> None:
    """Write usage lines, in the order given."""
    with file.open("w", encoding="utf-8") as stream:
        for usage in usages:
            stream.write(json.dumps(as_plain(usage), separators=(",", ":")) + "\n")


def read_lines(file: Path) -> Iterator[Usage]:
    """Read usage lines.

    Raises:
        UsageFileError: the file cannot be read, or a line is none of ours.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as fault:
        raise UsageFileError(f"{file}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise UsageFileError(f"{file}: cannot be read: {fault}") from fault
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            yield from_plain(json.loads(line))
        except (ValueError, KeyError, TypeError) as fault:
            raise UsageFileError(f"{file}:{number}: is not a usage line: {fault}") from fault
