"""What the twin of GitHub knows: values, and the few records that change."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

ScopeKind = Literal["enterprise", "organization", "repository"]
Status = Literal["waiting", "queued", "in_progress", "completed"]
HOSTED_PREFIXES = ("ubuntu-", "windows-", "macos-")


@lru_cache(maxsize=1_000)  # few sets of labels are asked for again and again
def _label_set(labels: tuple[str, ...]) -> frozenset[str]:
    return frozenset(label.casefold() for label in labels)


@dataclass(frozen=True, slots=True)
class Organization:
    id: int
    login: str


@dataclass(frozen=True, slots=True)
class Repository:
    id: int
    organization: Organization
    name: str
    private: bool = True

    @property
    def full_name(self) -> str:
        return f"{self.organization.login}/{self.name}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a runner or a group is registered; ``name`` is a slug, login or ``owner/repo``, in lower case."""

    kind: ScopeKind
    name: str

    def covers(self, repository: Repository) -> bool:
        """Whether jobs of ``repository`` are within this scope."""
        if self.kind == "enterprise":
            return True
        owner_or_full = repository.organization.login if self.kind == "organization" else repository.full_name
        return owner_or_full.lower() == self.name


@dataclass(slots=True)
class RunnerGroup:
    """A runner group of an enterprise or an organization; repositories have an implicit one."""

    id: int
    scope: Scope
    name: str
    visibility: str = "all"
    default: bool = False
    allows_public_repositories: bool = False
    restricted_to_workflows: bool = False
    selected_workflows: list[str] = field(default_factory=list)
    selected_ids: set[int] = field(default_factory=set)
    """Organizations of an enterprise's group, repositories of an organization's."""

    def admits(self, repository: Repository) -> bool:
        """Whether jobs of ``repository`` may use this group's runners [GH-GROUP-VISIBILITY]."""
        if self.scope.kind == "repository":
            return True
        if not repository.private and not self.allows_public_repositories:
            return False
        if self.visibility == "private":
            return repository.private
        member = repository.organization.id if self.scope.kind == "enterprise" else repository.id
        return self.visibility == "all" or member in self.selected_ids

    def admits_workflow(self, workflow: str) -> bool:
        """Whether jobs of ``workflow`` (OWNER/NAME/.github/workflows/FILE@REF) may [GH-GROUP-WORKFLOWS]."""
        return not self.restricted_to_workflows or workflow in self.selected_workflows


@dataclass(frozen=True, slots=True)
class RunnerIdentity:
    """The runner a job ran on, as it was named then: registrations end before their jobs are forgotten."""

    id: int
    name: str
    group_id: int
    group_name: str


@dataclass(slots=True, eq=False)
class Runner:
    """One registration. ``eq=False``: a runner is itself, whatever its fields say."""

    identity: RunnerIdentity
    scope: Scope
    labels: tuple[str, ...]
    created_at: float
    client_id: str
    secret: bytes = field(repr=False)
    """What the twin keeps of the credentials in the JIT config."""
    work_folder: str = "_work"
    os: str = "unknown"
    version: str | None = None
    ephemeral: bool = True
    online: bool = False
    offline_since: float = 0.0
    job_id: int | None = None
    """The job that is assigned to this runner or runs on it."""
    busy_changes: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def id(self) -> int:
        return self.identity.id

    @property
    def name(self) -> str:
        return self.identity.name

    @property
    def busy(self) -> bool:
        return bool(self.busy_changes) and self.busy_changes[-1][1]

    def busy_at(self, moment: float) -> bool:
        for at, busy in reversed(self.busy_changes):  # as a rule it is the newest one
            if at <= moment:
                return busy
        return False

    @property
    def label_set(self) -> frozenset[str]:
        return _label_set(self.labels)


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a workflow asks for. ``labels`` is ``runs-on`` as written; ``duration_seconds`` of work follow."""

    repository: str
    labels: tuple[str, ...]
    duration_seconds: float = 60.0
    conclusion: str = "success"
    name: str = "build"
    workflow_name: str = "CI"
    workflow_file: str = "ci.yaml"
    ref: str = "refs/heads/main"
    group: str | None = None
    environment: str | None = None
    run_id: int | None = None
    event: str = "push"
    """What triggered the run; only a push moves the repository's ``pushed_at``."""
    reusable_workflow: str | None = None
    """The workflow that defines the job, where the run's own only calls it, as a runner group names it."""

    @property
    def workflow(self) -> str:
        """The workflow that defines the job, as a runner group names it [GH-GROUP-WORKFLOWS]."""
        return (
            self.reusable_workflow or f"{self.repository}/.github/workflows/{self.workflow_file}@{self.ref}"
        )


@dataclass(frozen=True, slots=True)
class JobState:
    """The part of a job that changes, from ``at`` on."""

    at: float
    status: Status
    conclusion: str | None = None
    runner: RunnerIdentity | None = None
    started_at: float | None = None
    completed_at: float | None = None


@dataclass(slots=True, eq=False)
class WorkflowJob:
    """One attempt of one job; every state it went through is kept, since REST may answer with an old one."""

    id: int
    run_id: int
    run_attempt: int
    request: JobRequest
    repository: Repository
    head_sha: str
    created_at: float
    history: list[JobState] = field(default_factory=list)
    queued_at: float | None = None
    assigned_to: int | None = None
    cancel_requested: bool = False

    @property
    def now(self) -> JobState:
        return self.history[-1]

    @property
    def status(self) -> Status:
        return self.now.status

    @property
    def conclusion(self) -> str | None:
        return self.now.conclusion

    @property
    def label_set(self) -> frozenset[str]:
        return _label_set(self.request.labels)

    @property
    def is_hosted(self) -> bool:
        """Whether GitHub's own runners serve it."""
        return len(self.request.labels) == 1 and self.request.labels[0].lower().startswith(HOSTED_PREFIXES)

    def seen_at(self, moment: float) -> JobState | None:
        """What an observer who lags until ``moment`` sees; None before the job existed for them."""
        for state in reversed(self.history):  # as a rule it is the newest one
            if state.at <= moment:
                return state
        return None
