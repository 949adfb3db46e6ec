"""Reach: which queued jobs GitHub may give to a runner, by scope and runner group."""

from __future__ import annotations

from slipway.domain.configuration import GitHubTarget, Registration

EVERYONE = "*"  # one runner group for the whole enterprise: any organization may take any runner


def reach_of(github: GitHubTarget, organization: str, repository: str) -> str:
    """Return the key of the narrowest scope in which a runner for this job competes.

    JIT does not bind a runner to a job [GH-JIT-NOT-BOUND]: GitHub gives it to any matching job of its
    scope and group, so supply and demand are netted only inside one reach.
    """
    if github.registration is Registration.REPOSITORY:
        return repository.lower()
    if github.registration is Registration.ENTERPRISE and github.runner_group is not None:
        return EVERYONE
    return organization.lower()
