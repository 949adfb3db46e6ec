"""Limits: which waiting jobs may have a runner now, by organization, profile and repository caps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from slipway.domain.configuration import Configuration
from slipway.domain.jobs import JobKey
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import WaitingJob

_TAKEN = (RunnerState.REGISTERED, RunnerState.BUSY)


def runners_by_profile(runners: Iterable[Runner]) -> Counter[str]:
    """Count the runners that have claimed and not ended, by profile."""
    return Counter(runner.shape.profile for runner in runners if runner.state in _TAKEN)


def admit(
    ordered: Sequence[WaitingJob], runners: Iterable[Runner], configuration: Configuration
) -> tuple[list[WaitingJob], dict[JobKey, Reason]]:
    """Split waiting jobs, in the order given, into those that may be served and those over a cap.

    A cap on a repository is hard only where a runner's reach is one repository; elsewhere GitHub may give
    any runner of the organization to a capped repository's job, so the repository that ran is charged.
    """
    taken = [runner for runner in runners if runner.state in _TAKEN]
    by_profile = runners_by_profile(taken)
    by_repository = Counter((runner.shape.profile, (runner.repository or "").lower()) for runner in taken)
    queued: Counter[str] = Counter()
    admitted: list[WaitingJob] = []
    refused: dict[JobKey, Reason] = {}
    for job in ordered:
        organization = job.organization.lower()
        repository = (job.shape.profile, job.repository.lower())
        queued[organization] += 1
        profile = configuration.profiles.get(job.shape.profile)
        per_repository = profile.max_runners_per_repository if profile else None
        if queued[organization] > configuration.fairness.max_queued_per_organization:
            limit = configuration.fairness.max_queued_per_organization
            refused[job.key] = Reason(Why.ORGANIZATION_LIMIT, {"limit": limit})
        elif profile is None or by_profile[profile.name] >= profile.max_runners:
            refused[job.key] = Reason(Why.PROFILE_LIMIT, {"limit": profile.max_runners if profile else 0})
        elif per_repository is not None and by_repository[repository] >= per_repository:
            refused[job.key] = Reason(Why.REPOSITORY_LIMIT, {"limit": per_repository})
        else:
            by_profile[profile.name] += 1
            by_repository[repository] += 1
            admitted.append(job)
    return admitted, refused
