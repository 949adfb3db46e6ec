"""Which job events are let in: age, allow list, labels."""

from __future__ import annotations

from slipway.domain.configuration import Configuration, GitHubTarget
from slipway.domain.delivery import Ignored, IgnoreReason
from slipway.domain.jobs import LONGEST_WAIT_SECONDS, JobEvent, JobState
from slipway.domain.matching import Unserved, route

_EVERY = "*"


def admit(event: JobEvent, configuration: Configuration, now: float) -> Ignored | None:
    """Return why a job event is ignored; ``None`` lets it in.

    A job that runs or ran on a runner of ours is let in wherever it came from and whatever its labels:
    GitHub gives a runner to any matching job that its group admits [GH-WJ-13], one without labels of its own
    among them, and a runner taken by a job which we refused must still be known to be busy, and charged.
    """
    if event.action is not JobState.QUEUED and _ran_here(event, configuration.deployment):
        return None
    refusal = _too_old(event, now) or not_allowed(
        event.organization, event.repository, configuration.github, is_public=event.public
    )
    if refusal:
        return refusal
    run = (event.run_id, event.run_attempt)
    found = route(event.labels, run, event.repository, configuration.profiles)
    return Ignored(found.code, found.detail) if isinstance(found, Unserved) else None


def _ran_here(event: JobEvent, deployment: str) -> bool:
    return event.runner_name is not None and event.runner_name.startswith(f"{deployment}-")


def _too_old(event: JobEvent, now: float) -> Ignored | None:
    """Refuse a ``queued`` of another day: GitHub gave that job up, so the delivery is replayed."""
    # Old servers give no creation time; `started_at` of a queued job is when it began to wait.
    since = event.created_at if event.created_at is not None else event.started_at
    if event.action is not JobState.QUEUED or since is None or now - since <= LONGEST_WAIT_SECONDS:
        return None
    return Ignored(IgnoreReason.TOO_OLD, "queued more than 24 hours ago: GitHub has given the job up")


def not_allowed(
    organization: str, repository: str, github: GitHubTarget, *, is_public: bool
) -> Ignored | None:
    """Return why the jobs of a repository (OWNER/NAME) are not served; ``None`` where they may be."""
    organizations, repositories = github.allowed_organizations, github.allowed_repositories
    if _EVERY not in organizations and organization.lower() not in organizations:
        return Ignored(
            IgnoreReason.ORGANIZATION_NOT_ALLOWED, "github.allow.organizations does not name the organization"
        )
    if repositories and repository.lower() not in repositories:
        return Ignored(
            IgnoreReason.REPOSITORY_NOT_ALLOWED, "github.allow.repositories does not name the repository"
        )
    if is_public and not github.allow_public_repositories:
        return Ignored(
            IgnoreReason.PUBLIC_REPOSITORY,
            "github.allow.public_repositories is off and the repository is public",
        )
    return None
