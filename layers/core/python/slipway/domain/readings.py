"""What the REST API shows of jobs and of where they lie, in our words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobReading:
    """A workflow job as the REST API has it, perhaps late [GH-WJ-12]. Times are epoch seconds.

    ``status`` is GitHub's word, among them ``waiting``, ``pending`` and ``requested``, which no webhook calls queued.
    """

    job_id: int
    run_id: int
    run_attempt: int
    status: str
    labels: tuple[str, ...]
    conclusion: str | None = None
    created_at: float | None = None
    started_at: float | None = None
    completed_at: float | None = None
    runner_name: str | None = None
    name: str = ""
    workflow: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class InstallationReading:
    """The App in one organization."""

    organization: str
    organization_id: int
    installation_id: int


@dataclass(frozen=True, slots=True)
class RepositoryReading:
    """A repository as the REST API lists it."""

    installation: InstallationReading
    name: str  # OWNER/NAME
    repository_id: int
    public: bool
    pushed_at: float  # epoch seconds; 0 if nothing ever was
