"""Milestones of a job, told once for each: that it started, with what its wait was made of, and that it completed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.domain.jobs import JobEvent, JobState
from slipway.domain.matching import Place
from slipway.domain.phases import PHASES, Marks, phases
from slipway.domain.runners import Runner
from slipway.domain.text import inert

# A container placed so soon after we heard of its job waited for no instance: one boots in 20 seconds at the very least
# [ECS-TIMING-START], and two rounds of a convergence end within ten.
AT_ONCE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class JobFacts:
    """Which job it is, in inert words."""

    job: str
    run_id: int
    organization: str
    repository: str
    workflow: str
    job_name: str
    profile: str
    pool: str
    runner_name: str


@dataclass(frozen=True, slots=True)
class JobStarted:
    """A job that is in progress. Its phases are known where its runner is; a container may have been up before it.

    ``instance_arn`` is that of the container instance in ECS on which it runs.
    """

    facts: JobFacts
    queue_seconds: float
    phases: Mapping[str, float] = field(default_factory=dict)
    on_standby: bool = False
    on_headroom: bool = False
    instance_arn: str | None = None

    @property
    def profile(self) -> str:
        """Return whose series it is of."""
        return self.facts.profile

    @property
    def startup_seconds(self) -> float | None:
        """Return our part of the wait, and AWS's."""
        return self._sum_of("Slipway", "AWS")

    @property
    def github_seconds(self) -> float | None:
        """Return GitHub's part of the wait."""
        return self._sum_of("GitHub")

    def _sum_of(self, *whose: str) -> float | None:
        if not self.phases:
            return None
        return round(sum(seconds for phase, seconds in self.phases.items() if PHASES[phase] in whose), 3)


@dataclass(frozen=True, slots=True)
class JobCompleted:
    """A job that completed; ``execution_seconds`` are None where no runner ever had it."""

    facts: JobFacts
    conclusion: str
    execution_seconds: float | None = None

    @property
    def profile(self) -> str:
        """Return whose series it is of."""
        return self.facts.profile


def started(
    event: JobEvent, place: Place, *, was: JobState | None, heard_at: float | None, runner: Runner | None
) -> JobStarted | None:
    """Return that a job started, where this event is the first to say so.

    ``was`` is how far the job was known to have come, ``runner`` its own as it was before the event. ``completed`` may
    overtake ``in_progress`` [GH-WJ-4]: then it says both.
    """
    is_first = was is None or was.rank < JobState.IN_PROGRESS.rank
    if not is_first or event.started_at is None or not _was_given_a_runner(event):
        return None
    began = event.started_at
    found: dict[str, float] = {}
    if runner is not None:
        found = phases(
            Marks(event.queued_at, heard_at, runner.started_at, runner.running_at, runner.claimed_at, began)
        )
    on_standby = _is_by(runner.running_at if runner else None, heard_at)
    at_once = heard_at + AT_ONCE_SECONDS if heard_at is not None else None
    return JobStarted(
        _facts(event, place),
        max(0.0, began - event.queued_at),
        found,
        on_standby=on_standby,
        on_headroom=not on_standby and _is_by(runner.started_at if runner else None, at_once),
        instance_arn=runner.instance_arn if runner else None,
    )


def completed(event: JobEvent, place: Place, *, was: JobState | None) -> JobCompleted | None:
    """Return that a job completed, if the event says so."""
    if event.action is not JobState.COMPLETED:
        return None
    seconds = None
    has_run = was is JobState.IN_PROGRESS or _was_given_a_runner(event)
    if has_run and event.started_at is not None and event.completed_at is not None:
        seconds = max(0.0, event.completed_at - event.started_at)
    return JobCompleted(_facts(event, place), inert(event.conclusion or ""), seconds)


def _was_given_a_runner(event: JobEvent) -> bool:
    """Say whether a runner took the job: one that was cancelled or skipped before has none [GH-WJ-5] [GH-WJ-7]."""
    return event.action is not JobState.QUEUED and bool(event.runner_id or event.runner_name)


def _is_by(at: float | None, limit: float | None) -> bool:
    return at is not None and limit is not None and at <= limit


def _facts(event: JobEvent, place: Place) -> JobFacts:
    return JobFacts(
        job=str(event.key),
        run_id=event.run_id,
        organization=inert(event.organization),
        repository=inert(event.repository),
        workflow=inert(event.workflow),
        job_name=inert(event.name),
        profile=place.profile,
        pool=place.pool,
        runner_name=inert(event.runner_name or ""),
    )
