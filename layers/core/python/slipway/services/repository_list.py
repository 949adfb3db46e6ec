"""The repositories in which a job of ours can wait, listed anew now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from slipway.domain.admission import not_allowed
from slipway.domain.configuration import GitHubTarget
from slipway.domain.readings import InstallationReading, RepositoryReading
from slipway.domain.sweeping import LAP_SECONDS
from slipway.ports.github import QueuedJobs

_HOUR_SECONDS = 3_600
_SHARE = 0.1  # of the calls goes into listing, at most


class RepositoryList:
    """Kept in memory: it is large, and a process that starts anew can list it anew.

    What an organization had stands until it was listed anew, also when that fails.
    """

    def __init__(self, github: QueuedJobs, target: GitHubTarget) -> None:
        self._github = github
        self._target = target
        self._of: dict[str, dict[int, RepositoryReading]] = {}
        self._waiting: deque[InstallationReading] = deque()
        self._listed_at = float("-inf")
        self._calls = 0  # that the last listing took

    @property
    def known(self) -> dict[int, RepositoryReading]:
        """The repositories listed so far, by id."""
        return {number: found for of_one in self._of.values() for number, found in of_one.items()}

    def next_walk(self, now: float) -> tuple[str | None, Iterator[None]] | None:
        """Return whose repositories to list next, and the listing, a call a step; None when it is not time yet.

        The organizations themselves are listed first, which is in the name of none.
        """
        if self._waiting:
            installation = self._waiting.popleft()
            return installation.organization, self._list(installation)
        pause = self._calls / _SHARE * _HOUR_SECONDS / self._target.sweep_calls_per_hour
        if now - self._listed_at < max(LAP_SECONDS, pause):
            return None
        self._listed_at, self._calls = now, 0
        return None, self._list_installations()

    def forget(self, repository: RepositoryReading) -> None:
        """Leave out a repository that GitHub no longer has, until it is listed again."""
        self._of[repository.installation.organization].pop(repository.repository_id, None)

    def _list_installations(self) -> Iterator[None]:
        found: list[InstallationReading] = []
        for part in self._github.installations():
            self._calls += 1
            found += [item for item in part if self._can_have_jobs(item.organization)]
            yield
        self._waiting = deque(found)
        self._of = {item.organization: self._of.get(item.organization, {}) for item in found}

    def _list(self, installation: InstallationReading) -> Iterator[None]:
        found: dict[int, RepositoryReading] = {}
        for part in self._github.repositories(installation):
            self._calls += 1
            found |= {item.repository_id: item for item in part if self._is_allowed(item)}
            yield
        self._of[installation.organization] = found

    def _can_have_jobs(self, organization: str) -> bool:
        """Say whether any repository of an organization may be served; else there is no use in listing them."""
        named = self._target.allowed_repositories or (f"{organization}/any",)
        owned = [name for name in named if name.startswith(f"{organization.lower()}/")]
        return any(not not_allowed(organization, name, self._target, is_public=False) for name in owned)

    def _is_allowed(self, item: RepositoryReading) -> bool:
        organization = item.installation.organization
        return not_allowed(organization, item.name, self._target, is_public=item.public) is None
