"""GitHub, in domain words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from slipway.domain.errors import SlipwayError
from slipway.domain.group_facts import GroupFacts
from slipway.domain.readings import InstallationReading, JobReading, RepositoryReading
from slipway.domain.redelivery import FailedDelivery
from slipway.domain.runner_versions import Deprecation
from slipway.domain.runners import Registration
from slipway.domain.snapshot import WaitingJob
from slipway.domain.tokens import TokenFacts


@dataclass(frozen=True, slots=True)
class JitConfig:
    """The single-use credential with which one runner starts. It never shows in a repr."""

    runner_id: int
    encoded: str = field(repr=False)


class Removal(StrEnum):
    """How asking GitHub to remove a registration ended: DELETE is the atomic test for idleness [GH-DELETE-422]."""

    GONE = "gone"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Listing:
    """The registrations of every place that was read whole, and why the others were not.

    ``registrations`` bear names of ours; ``strangers`` do not, and are in runner groups of ours. ``places`` are those
    that were read whole.
    """

    registrations: tuple[Registration, ...]
    failures: tuple[SlipwayError, ...] = ()
    strangers: tuple[Registration, ...] = ()
    places: frozenset[str] = frozenset()


class RunnerService(Protocol):
    """Registers and removes runners at the level that is configured."""

    def mint(self, job: WaitingJob, name: str) -> JitConfig:
        """Register a runner for the labels of a job, where only its organization can use it.

        Raises:
            RefusedError: a definite no. UnavailableError: throttled or down before anything happened.
            UnknownOutcomeError: no reply, or the name exists: it may have been registered.
        """

    def calls_left(self) -> Mapping[str, int]:
        """Return how many calls GitHub leaves this hour to the owner of each credential, as its answers last told."""

    def remove(self, runner_id: int, reach: str) -> Removal:
        """Remove a registration unless its runner is busy; one that is already gone is gone.

        Raises:
            UnavailableError: no answer.
        """

    def find(self, name: str, reach: str) -> Registration | None:
        """Return the registration of this name, if there is one.

        Raises:
            UnavailableError: no answer.
        """


class RunnerCensus(Protocol):
    """Tells what runs at the level that is configured."""

    def registrations(self, places: Iterable[str]) -> Listing:
        """List the registrations of each place, one after the other; a place that fails hides no other."""

    def deprecation(self, version: str, place: str) -> Deprecation | None:
        """Return until when GitHub takes a runner version, None where the server does not say.

        Raises:
            UnavailableError: no answer.
        """


class GroupCensus(Protocol):
    """Tells of the runner groups that are for our runners."""

    def groups(self, place: str) -> list[GroupFacts]:
        """Return the groups of ours at a place, as GitHub has them now.

        Raises:
            UnavailableError: no answer.
        """


class RunnerTokens(Protocol):
    """The personal access tokens with which an enterprise's runners are registered."""

    def examine(self) -> list[tuple[str, TokenFacts]]:
        """Return what is known of the token in each secret, asked of GitHub where that is old or in doubt.

        It never raises: a secret that cannot be read is told as refused.
        """


class Deliveries(Protocol):
    """The deliveries of one webhook: the GitHub App's, or an organization's own."""

    def failed_since(self, since: float) -> Iterator[list[FailedDelivery]]:
        """List the attempts that failed since a time, the newest first, in parts: each is one call to GitHub.

        Attempts to deliver one event share its GUID [GH-HOOK-GUID]. It may have arrived by another attempt,
        which is not listed: the caller remembers what it asked for.
        """

    def redeliver(self, delivery_id: int) -> None:
        """Ask GitHub to send a delivery again."""


class WorkflowJobs(Protocol):
    """Single workflow jobs and the jobs of a run; the App needs Actions: read, and write to run them again.

    Every method raises ``UnavailableError`` where there is no answer or a limit, and ``RefusedError`` where the App may
    not. Those that run something again also raise ``RefusedError`` while the run goes on, or for a job of an earlier
    attempt [GH-RERUN], and ``UnknownOutcomeError`` when the reply was lost.
    """

    def find(self, repository: str, job_id: int) -> JobReading | None:
        """Return one job, or None if GitHub has none of that id."""

    def of_run(self, repository: str, run_id: int) -> list[JobReading]:
        """List the jobs of a run's latest attempt, those that were not run again too [GH-RERUN-COPIES].

        A run that GitHub does not have has none.
        """

    def run_again(self, repository: str, job_id: int) -> None:
        """Run a completed job again, and those that depend on it: new ids, a higher attempt [GH-WJ-14]."""

    def run_failed_again(self, repository: str, run_id: int) -> None:
        """Run again, in one attempt, all jobs of a run that did not succeed, and those that depend on them."""


class QueuedJobs(Protocol):
    """The search for queued jobs that no webhook told of; the App needs Actions: read.

    Everything is listed in parts: each part is one call to GitHub, made when it is asked for, so that the
    caller can stop in between. Asking for a part raises ``UnavailableError`` where there is no answer (a
    limit says when to come back) and ``RefusedError`` where the App may not ask; the list ends with that.
    """

    @property
    def calls(self) -> int:
        """How many calls to GitHub were made so far, those for tokens among them."""

    def installations(self) -> Iterator[list[InstallationReading]]:
        """List the organizations that the App works in."""

    def repositories(self, installation: InstallationReading) -> Iterator[list[RepositoryReading]]:
        """List the repositories of an organization that the App sees and in which jobs can run."""

    def queued(self, repository: RepositoryReading) -> Iterator[list[JobReading]]:
        """List the queued jobs of a repository, those of its oldest runs first."""
