"""GitHub's runs and repositories in memory, a part a call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from slipway.domain.errors import SlipwayError
from slipway.domain.readings import InstallationReading, JobReading, RepositoryReading


@dataclass
class FakeQueuedJobs:
    """Implements ``ports.github.QueuedJobs``.

    ``errors`` are raised, as long as they are there, when a part of an organization (by login), of a
    repository (by full name) or of the list of organizations (``""``) is asked for. A visit takes two calls
    and one for each run, as GitHub's does.
    """

    repositories_of: dict[str, list[RepositoryReading]] = field(default_factory=dict)
    jobs_of: dict[str, list[JobReading]] = field(default_factory=dict)
    errors: dict[str, SlipwayError] = field(default_factory=dict)
    visited: list[str] = field(default_factory=list)
    calls: int = 0

    def installations(self) -> Iterator[list[InstallationReading]]:
        self._call("")
        yield [installation(login) for login in self.repositories_of]

    def repositories(self, installation: InstallationReading) -> Iterator[list[RepositoryReading]]:
        found = self.repositories_of[installation.organization]
        for start in range(0, max(1, len(found)), 100):
            self._call(installation.organization)
            yield found[start : start + 100]

    def queued(self, repository: RepositoryReading) -> Iterator[list[JobReading]]:
        self.visited.append(repository.name)
        for _ in range(2):
            self._call(repository.name, repository.installation.organization)
            yield []
        jobs = self.jobs_of.get(repository.name, [])
        for run in sorted({job.run_id for job in jobs}):
            self._call(repository.name, repository.installation.organization)
            yield [job for job in jobs if job.run_id == run and job.status == "queued"]

    def _call(self, *names: str) -> None:
        self.calls += 1
        for name in names:
            if name in self.errors:
                raise self.errors[name]


def installation(login: str) -> InstallationReading:
    """The App in an organization."""
    return InstallationReading(login, sum(login.encode()), 1_000 + len(login))


def repository(name: str, number: int, pushed_at: float, *, public: bool = False) -> RepositoryReading:
    """A repository OWNER/NAME."""
    return RepositoryReading(installation(name.partition("/")[0]), name, number, public, pushed_at)
