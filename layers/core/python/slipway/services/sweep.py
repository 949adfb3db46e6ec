"""Sweep: look in the repositories for queued jobs that no webhook told of, a few calls at a time.

For hooks whose deliveries cannot be asked for [GH-HOOK-NO-DELIVERIES], and for events that were never sent
[GH-HOOK-LOSSY].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from slipway.domain.admission import admit
from slipway.domain.configuration import Configuration
from slipway.domain.errors import RefusedError, SlipwayError, ThrottledError
from slipway.domain.jobs import JobEvent, JobState
from slipway.domain.readings import JobReading, RepositoryReading
from slipway.domain.sweeping import GRACE_SECONDS, SweepState, earn, next_turn
from slipway.domain.text import inert
from slipway.ports.clock import Clock
from slipway.ports.github import QueuedJobs
from slipway.ports.housekeeping import SweepMemory
from slipway.ports.ledger import Jobs
from slipway.ports.queue import JobQueue
from slipway.services.repository_list import RepositoryList

STEP_CALLS = 2  # a part, and the token for it
REFUSED_SECONDS = 3_600  # an organization that refuses the App is asked again after this
TOKEN_REFUSED_SECONDS = 300  # where it was its token, another one may be taken already


@dataclass(frozen=True, slots=True)
class Swept:
    """The jobs found, the calls to GitHub it took, and what failed."""

    found: tuple[JobEvent, ...] = ()
    calls: int = 0
    errors: tuple[Exception, ...] = ()


@dataclass(slots=True)
class _Run:
    state: SweepState
    found: list[JobEvent] = field(default_factory=list)
    calls: int = 0
    errors: list[Exception] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """What is being listed, a call a step: an organization's repositories, or one repository's queued jobs."""

    organization: str | None  # None: the organizations themselves are listed
    parts: Iterator[list[JobReading]] | Iterator[None]
    repository: RepositoryReading | None = None


class Sweep:
    """Goes on where its last run stopped; what it finds travels as any webhook's event does."""

    def __init__(
        self,
        configuration: Configuration,
        github: QueuedJobs,
        jobs: Jobs,
        memory: SweepMemory,
        queue: JobQueue,
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._github = github
        self._jobs = jobs
        self._memory = memory
        self._queue = queue
        self._clock = clock
        self._list = RepositoryList(github, configuration.github)
        self._walk: _Walk | None = None
        self._listed_last = False
        self._paused_until: dict[str | None, float] = {}

    def __call__(self, has_time: Callable[[], bool] = lambda: True) -> Swept:
        """Make one run, of as many calls as time has earned; one organization's failure stops no other.

        ``has_time`` says whether there is time for one call more, and for its token.
        """
        calls_per_hour, now = self._configuration.github.sweep_calls_per_hour, self._clock.now()
        if not calls_per_hour:
            return Swept()
        run = _Run(earn(self._memory.sweep_state() or SweepState(now), calls_per_hour, now))
        try:
            while run.state.calls >= STEP_CALLS and has_time() and self._step(run):
                pass
        except Exception as fault:  # noqa: BLE001 - the service loop: what was found and spent is kept
            run.errors.append(fault)
        try:
            self._memory.keep_sweep_state(run.state)
        except Exception as fault:  # noqa: BLE001 - the service loop: what was found is told all the same
            run.errors.append(fault)
        return Swept(tuple(run.found), run.calls, tuple(run.errors))

    def _step(self, run: _Run) -> bool:
        """Ask for one part; False when there is nothing to ask for now, or nobody who answers."""
        walk = self._walk = self._walk or self._next_walk(run)
        if walk is None:
            return False
        before = self._github.calls
        try:
            part = next(walk.parts)
        except StopIteration:
            self._walk = None
            return True
        except SlipwayError as fault:
            self._walk = None
            return self._goes_on(fault, walk, run)
        finally:
            spent = self._github.calls - before
            run.calls += spent
            run.state = replace(run.state, calls=run.state.calls - spent)
        for job in part or ():
            if walk.repository is not None:
                self._consider(job, walk.repository, run)
        return True

    def _goes_on(self, fault: SlipwayError, walk: _Walk, run: _Run) -> bool:
        """Leave out what failed; say whether the others can be asked meanwhile."""
        if isinstance(fault, RefusedError) and fault.code == "404" and walk.repository is not None:
            self._list.forget(walk.repository)  # deleted or renamed since it was listed
            return True
        run.errors.append(fault)
        if isinstance(fault, ThrottledError):
            self._pause(walk.organization, fault.retry_after_seconds)
        elif isinstance(fault, RefusedError):
            is_token_s = fault.code == "401"
            self._pause(walk.organization, TOKEN_REFUSED_SECONDS if is_token_s else REFUSED_SECONDS)
        else:
            return False
        return True

    def _next_walk(self, run: _Run) -> _Walk | None:
        """Choose what to ask for next: listing and visiting take turns where both are due."""
        now = self._clock.now()
        known = {
            n: found
            for n, found in self._list.known.items()
            if not self._is_paused(found.installation.organization, now)
        }
        if known and self._listed_last:
            return self._visit(known, run) or self._listing(now)
        return self._listing(now) or self._visit(known, run)

    def _listing(self, now: float) -> _Walk | None:
        if self._is_paused(None, now):
            return None
        while (found := self._list.next_walk(now)) is not None:
            organization, parts = found
            if not self._is_paused(organization, now):
                self._listed_last = True
                return _Walk(organization, parts)
        return None

    def _visit(self, known: Mapping[int, RepositoryReading], run: _Run) -> _Walk | None:
        """Begin a visit; a repository's turn is over once it began, so that none is visited for ever."""
        pushed_at = {number: found.pushed_at for number, found in known.items()}
        turn = next_turn(pushed_at, run.state, self._clock.now())
        if turn is None:
            return None
        number, run.state = turn
        self._listed_last = False
        repository = known[number]
        return _Walk(repository.installation.organization, self._github.queued(repository), repository)

    def _consider(self, job: JobReading, repository: RepositoryReading, run: _Run) -> None:
        """Queue a job that waits, unless it may still be told of, is not for us, or is known."""
        now = self._clock.now()
        event = _event(job, repository, now)
        is_fresh = now - event.queued_at < GRACE_SECONDS
        if is_fresh or admit(event, self._configuration, now) or self._jobs.find(event.key):
            return
        self._queue.send(event)
        run.found.append(event)

    def _pause(self, organization: str | None, seconds: float) -> None:
        self._paused_until[organization] = self._clock.now() + seconds

    def _is_paused(self, organization: str | None, now: float) -> bool:
        return self._paused_until.get(organization, now) > now


def _event(job: JobReading, repository: RepositoryReading, now: float) -> JobEvent:
    """Return the event that the webhook would have made; old servers give no creation time [GH-WJ-OLD-SERVER]."""
    installation = repository.installation
    return JobEvent(
        action=JobState.QUEUED,
        job_id=job.job_id,
        run_id=job.run_id,
        run_attempt=job.run_attempt,
        organization=installation.organization,
        organization_id=installation.organization_id,
        repository=repository.name,
        repository_id=repository.repository_id,
        public=repository.public,
        labels=job.labels,
        received_at=now,
        created_at=job.created_at if job.created_at is not None else job.started_at,
        name=inert(job.name),
        workflow=inert(job.workflow),
        branch=inert(job.branch),
        installation_id=installation.installation_id,
    )
