"""The snapshot: all that the plan for one pool looks at, read in one consistent query."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.domain.configuration import Market
from slipway.domain.held import Story
from slipway.domain.instances import Instance
from slipway.domain.intents import Intent
from slipway.domain.jobs import JobKey
from slipway.domain.launches import LaunchFailures
from slipway.domain.matching import Shape
from slipway.domain.runners import Runner


class Control(StrEnum):
    """What an operator ordered for a pool."""

    RUN = "run"
    PAUSE = "pause"  # start nothing new
    DRAIN = "drain"  # start nothing new and empty the instances


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A queued job. ``offered_to`` is the task that last had a runner minted for it, if any.

    ``untaken`` counts runners made for it that idled in vain; until ``retry_at`` it gets no other. ``asked_at`` is
    when GitHub was last asked whether it still waits. ``held`` is what plans said held it up; an offer has it not.
    """

    key: JobKey
    pool: str
    shape: Shape
    label_key: str
    labels: tuple[str, ...]
    organization: str
    organization_id: int
    repository: str
    run_id: int
    queued_at: float
    installation_id: int | None = None
    offered_to: str | None = None
    offered_at: float | None = None
    untaken: int = 0
    retry_at: float | None = None
    asked_at: float | None = None
    held: Story = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """A waiting job as a claim drew it, and where the ledger keeps the offer: it is good while it lies there."""

    job: WaitingJob
    place: str


ANY = "*"
REFUSED_LATELY_SECONDS = (
    180  # a refusal that is over is known for so long: EC2 may refuse again when it is asked again
)
STARTS_TO_OPEN = 3
START_BACK_OFF_SECONDS, START_BACK_OFF_AT_MOST_SECONDS = 30, 300


@dataclass(frozen=True, slots=True)
class UnavailableOffering:
    """Capacity that EC2 refused a moment ago: do not ask again before ``until``, and do not count on it soon after.

    ``ANY`` stands for every type (a subnet without addresses) or every subnet (a quota of the account).
    """

    instance_type: str
    subnet: str
    market: Market
    until: float


@dataclass(frozen=True, slots=True)
class GitHubPause:
    """GitHub registers no runner of a reach: credentials, limits and groups are a reach's, not a pool's.

    Either it asked, ``at`` some time, to come back after ``until``. Or it refuses: ``why`` says what to mend, and one
    job goes on trying; ``until`` is then when that try is overdue, and what was registered since ``at`` proves it
    mended.
    """

    reach: str
    until: float
    at: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A registration that may have outlived its task: the task stopped before its job was said to be completed."""

    task_id: str
    runner_id: int
    reach: str
    at: float
    organization: str | None = None


@dataclass(frozen=True, slots=True)
class StartFailures:
    """Waves of containers of a profile that ended before they could take a job, with none that could in between.

    ``why`` is ECS's word for the last, ``after_claim`` says that it had claimed. Times are epoch seconds.
    """

    profile: str
    count: int
    last_at: float
    why: str
    after_claim: bool = False

    @property
    def is_circuit_open(self) -> bool:
        """Say whether the image, or what every container needs, seems broken: then one at a time is tried."""
        return self.count >= STARTS_TO_OPEN

    @property
    def next_try_at(self) -> float:
        """Return when the next may be tried: half a minute after the last, doubled up to five minutes."""
        doublings = min(max(0, self.count - STARTS_TO_OPEN), 10)
        return self.last_at + min(START_BACK_OFF_AT_MOST_SECONDS, START_BACK_OFF_SECONDS << doublings)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One pool as the ledger had it at ``now`` (epoch seconds).

    ``launch_failures`` are those of launches for tasks, ``tier_failures`` those of the stopped tier;
    ``template_version`` is the newest version of the pool's launch template, where it is known. ``on_offer`` are the
    jobs that claims may be given by the last plan, each with its ``offered_to`` of then, read before all else.
    """

    pool: str
    now: float
    jobs: tuple[WaitingJob, ...] = ()
    runners: tuple[Runner, ...] = ()
    instances: tuple[Instance, ...] = ()
    intents: tuple[Intent, ...] = ()
    unavailable: tuple[UnavailableOffering, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    control: Control = Control.RUN
    launch_failures: LaunchFailures | None = None
    tier_failures: LaunchFailures | None = None
    template_version: int | None = None
    github_pauses: tuple[GitHubPause, ...] = ()
    start_failures: tuple[StartFailures, ...] = ()
    on_offer: frozenset[tuple[JobKey, str | None]] = frozenset()
