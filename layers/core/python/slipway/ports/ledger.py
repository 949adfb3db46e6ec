"""The ledger: what Slipway remembers, split by who needs what. Every write is conditional and may run twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from slipway.domain.held import Story
from slipway.domain.instances import Instance, Load
from slipway.domain.intents import Intent
from slipway.domain.interruptions import Interruption
from slipway.domain.jobs import JobEvent, JobKey, JobState
from slipway.domain.launches import LaunchFailures
from slipway.domain.matching import Place, Route
from slipway.domain.runners import UNKNOWN_HOST, Runner, TaskHost
from slipway.domain.series import Named
from slipway.domain.snapshot import (
    Control,
    GitHubPause,
    Snapshot,
    StartFailures,
    UnavailableOffering,
)
from slipway.domain.tokens import TokenFacts
from slipway.domain.turns import RegistrationPace, Turn
from slipway.domain.usage import Usage
from slipway.ports.housekeeping import Housekeeping
from slipway.ports.offers import Claims, Offers


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The furthest that a job is known to have come, kept at least 8 days."""

    key: JobKey
    state: JobState
    pool: str
    organization: str
    repository: str
    queued_at: float
    started_at: float | None = None
    completed_at: float | None = None
    conclusion: str | None = None
    runner_name: str | None = None
    heard_at: float | None = None
    held: Story = ()
    profile: str | None = None

    @property
    def place(self) -> Place | None:
        """Return where the job counts, None where an older version left that open."""
        return Place(self.pool, self.profile) if self.profile is not None else None

    def fill(self, event: JobEvent) -> JobEvent:
        """Return an event of the job with what was told when it started, where it tells that no more [GH-WJ-10]."""
        if self.state is not JobState.IN_PROGRESS:  # a runner that ``queued`` named need not be its own
            return event
        started_at = self.started_at if event.started_at is None else event.started_at
        return replace(event, started_at=started_at, runner_name=event.runner_name or self.runner_name)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A job that was moved forward; ``before`` is what was known of it, which ``queued`` does not read.

    ``is_copy`` says that it never ran: GitHub told of another's end again, for a later attempt of their run
    [GH-RERUN-COPIES].
    """

    place: Place
    before: JobRecord | None = None
    is_copy: bool = False


class Jobs(Protocol):
    """Workflow jobs."""

    def record(self, event: JobEvent, route: Route | None) -> Recorded | None:
        """Move a job forward; None if it did not move. A late, lower event moves nothing back [GH-WJ-4].

        A job that is known counts where its first event put it, wherever its labels lead by now; ``route`` is None
        where they lead nowhere. One that completed leaves its usage, unless it is a copy.
        """

    def waits(self, pool: str, key: JobKey) -> bool:
        """Say whether a job waits in a pool."""

    def find(self, key: JobKey) -> JobRecord | None:
        """Return the record of a job, if any."""

    def attempts(self, job_id: int) -> Sequence[JobRecord]:
        """Return the records that bear a job id, of whichever organization and attempt."""

    def note_untaken(self, pool: str, key: JobKey, *, task_id: str, at: float) -> None:
        """Note that the runner made for a waiting job idled in vain; it is offered again later and later."""

    def note_asked(self, pool: str, key: JobKey, *, at: float) -> None:
        """Note that GitHub was asked whether a job still waits, if it does by our account."""

    def note_held(self, pool: str, key: JobKey, held: Story) -> None:
        """Replace what is remembered to have held a job up, while it is queued: with its record, and while it waits."""

    def drop(self, pool: str, key: JobKey) -> None:
        """Let a job wait no longer in a pool; its record stays."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a task that stopped was, if it was known, and whether that is news: it is too where nobody knew the task."""

    was: Runner | None
    is_news: bool


class Runners(Protocol):
    """Runner tasks."""

    def find(self, pool: str, task_id: str) -> Runner | None:
        """Return a runner whose task has not ended, if known."""

    def is_gone(self, task_id: str) -> bool:
        """Say whether this task is known to have ended; such a task never gets anything again."""

    def add(self, runners: Sequence[Runner]) -> None:
        """Record new tasks; those already known or already gone stay as they are."""

    def mark_running(self, pool: str, task_id: str, *, instance_arn: str, at: float) -> bool:
        """Note that ECS runs the task's container; say whether the task is known."""

    def note_asked(self, pool: str, task_id: str, at: float) -> None:
        """Note that a task which has claimed nothing yet has asked again: it lives, and waits."""

    def mark_busy(self, pool: str, task_id: str, event: JobEvent) -> Runner | None:
        """Note that the runner runs the event's job, if it is registered for the event's organization.

        Return it as it was before, None if that is no news. Of one that was found busy it is the first word of its job.
        """

    def found_busy(self, pool: str, task_id: str, at: float) -> bool:
        """Note that a registered runner runs a job whose event was lost; say whether that is news."""

    def mark_ended(
        self, pool: str, task_id: str, *, at: float, why: str, organization: str | None = None
    ) -> Runner | None:
        """Note that the runner will never run a job again; with ``organization``, only if it is its own.

        Return it as it was before, None if that is no news.
        """

    def dismiss(self, pool: str, task_id: str, *, at: float, why: str) -> bool:
        """End a runner that has claimed nothing yet; say whether it was still unclaimed."""

    def remove(
        self,
        pool: str,
        task_id: str,
        *,
        at: float,
        why: str,
        host: TaskHost = UNKNOWN_HOST,
        run_again: bool = False,
    ) -> Stopped:
        """Note that ECS stopped the task: out of the pool, remembered as gone, its usage kept.

        A runner that was registered and never said to have ended leaves an orphan to look after, and one that
        took a job and then lost its host an interruption where it is to ``run_again``. Where it was placed may be told
        here for the first time.
        """

    def forget_orphan(self, pool: str, task_id: str, *, organization: str | None = None) -> None:
        """Note that the registration of a stopped task is gone; with ``organization``, only if it is its own."""

    def first_heard_of(self, task_id: str, at: float) -> float:
        """Return when an unknown task first claimed, noting ``at`` if this is the first time."""


class Instances(Protocol):
    """Container instances."""

    def add(self, instances: Sequence[Instance]) -> None:
        """Record launched instances; what their events already told stays."""

    def observe(self, instance: Instance) -> bool:
        """Fold what ECS reports; say whether anything that matters changed. Late reports change nothing."""

    def mark_idle(self, pool: str, marks: Mapping[str, float | None]) -> None:
        """Set or clear since when instances hold no task."""

    def mark_stopped(self, pool: str, instance_id: str, *, at: float) -> bool:
        """Note that an instance which was to be stopped is, leaving its usage; say whether that is news."""

    def mark_started(self, pool: str, starts: Iterable[tuple[str, Load]], *, at: float) -> None:
        """Note that stopped instances were started, and for what."""

    def mark_full(self, pool: str, instance_ids: Iterable[str], *, until: float) -> None:
        """Note that ECS finds less room on instances than their tasks leave."""

    def lose(self, pool: str, instance_id: str, *, at: float) -> Instance | None:
        """Note that EC2 takes an instance away: it takes no new task. Return it if it is the pool's."""

    def mark_draining(self, pool: str, instance_id: str, *, at: float) -> bool:
        """Note that an instance takes no new task; say whether that is news."""

    def mark_empty(self, pool: str, instance_id: str, *, at: float | None) -> None:
        """Note when ECS first listed no task on a draining instance; None when it listed one."""

    def remove(self, pool: str, instance_id: str, *, at: float) -> bool:
        """Forget an instance that is terminated, leaving its usage; say whether it was known."""


class PoolRows(Protocol):
    """Single flight: at most one convergence a pool, and none forgotten."""

    def want(self, pool: str) -> bool:
        """Note that something changed, after it is committed and before its message is acknowledged.

        Return whether the pool rests: nobody holds it, and its last plan waits for nothing.
        """

    def acquire(self, pool: str, holder: str, *, now: float, until: float) -> int | None:
        """Take the pool until a time and return ``wanted``; None if another holds it."""

    def release(self, pool: str, holder: str, *, seen: int, rests: bool = False) -> int | None:
        """Let go if nothing changed since ``seen``; otherwise keep it and return the newer ``wanted``."""

    def abandon(self, pool: str, holder: str) -> None:
        """Let go with work left."""


class Intents(Protocol):
    """Outward actions, written ahead."""

    def write(self, intent: Intent) -> None:
        """Write an intent down before it is acted on."""

    def settle(self, intent: Intent) -> None:
        """Forget an intent whose outcome is recorded."""


class Snapshots(Protocol):
    """Reading a pool whole."""

    def read(self, pool: str, now: float) -> Snapshot:
        """Return the pool's state by strongly consistent reads."""


class PoolNotes(Protocol):
    """What a pool remembers besides jobs, runners and instances; all of it is part of the snapshot."""

    def refuse(self, pool: str, offerings: Iterable[UnavailableOffering]) -> None:
        """Remember for a while what EC2 has none of."""

    def order(self, pool: str, control: Control) -> None:
        """Pause, drain or run a pool."""

    def keep_launch_failures(
        self, pool: str, failures: LaunchFailures | None, *, of_tier: bool = False
    ) -> None:
        """Replace what is known of launches that failed; None when launches succeed."""

    def start_failures(self, pool: str, profile: str) -> StartFailures | None:
        """Return what is known of a profile's containers that ended before they took a job."""

    def keep_start_failures(self, pool: str, failures: StartFailures) -> None:
        """Replace what is known of a profile's containers that ended before they took a job."""

    def forget_start_failures(self, pool: str, profiles: Iterable[str]) -> None:
        """Forget it: containers of those profiles start again."""

    def keep_template_version(self, pool: str, version: int) -> None:
        """Remember the newest version of the pool's launch template."""

    def pause_github(self, pool: str, pause: GitHubPause) -> None:
        """Remember until when GitHub asked to register no runner of a reach."""


class Interruptions(Protocol):
    """Jobs that were running when EC2 took their instance away, until it is settled what becomes of them."""

    def pending(self) -> list[Interruption]:
        """List them, the one that is due first first."""

    def look_again(self, interruption: Interruption, at: float) -> None:
        """Put one off."""

    def settle(self, interruption: Interruption) -> None:
        """Forget one."""


class UsageRecords(Protocol):
    """What jobs, containers and instances used, kept for thirteen months; written where their end is recorded."""

    def of_day(self, day: str, kind: str = "") -> Iterable[Usage]:
        """Read the lines of what ended on a day (UTC, ``2026-11-26``), or those of one kind (``job``) alone."""


class Organizations(Protocol):
    """The organizations that have a series of their own in the metrics."""

    def named(self) -> Named:
        """Return which are named."""

    def keep(self, named: Named, *, seen: int) -> bool:
        """Replace them, if they are still of the version that was seen; say whether they were."""


class CheckedGroups(Protocol):
    """Runner groups that were found in order, shared by all who mint."""

    def checked(self, organization: str) -> tuple[int, float] | None:
        """Return the id of an organization's runner group and when it was checked, if it was."""

    def keep_checked(self, organization: str, group_id: int, at: float) -> None:
        """Remember a runner group that was found in order."""

    def forget_checked(self, organization: str) -> None:
        """Let a runner group be looked for anew."""


class Turns(Protocol):
    """Turns to register a runner, shared by all who mint."""

    def take(self, queues: Sequence[str], holder: str, pace: RegistrationPace, now: float) -> Turn:
        """Give the holder a turn in each queue, one after the other: at once, or later and kept until it comes back.

        The turn is that of the last queue, or of the first in which it has to wait. Whoever comes back when its turn
        has come takes it, once. Beyond the horizon no turn is kept.
        """


class Tokens(Protocol):
    """What is known of the personal access tokens, by the secret that holds each."""

    def find(self, arn: str) -> TokenFacts | None:
        """Return what is known of the token in a secret."""

    def keep(self, arn: str, facts: TokenFacts) -> None:
        """Replace what is known of it."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """All of it, for the services that need more than one part."""

    jobs: Jobs
    runners: Runners
    claims: Claims
    instances: Instances
    rows: PoolRows
    intents: Intents
    offers: Offers
    snapshots: Snapshots
    notes: PoolNotes
    housekeeping: Housekeeping
    groups: CheckedGroups
    turns: Turns
    tokens: Tokens
    interruptions: Interruptions
    usage: UsageRecords
    organizations: Organizations
