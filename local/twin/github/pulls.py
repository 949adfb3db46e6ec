"""The life of pull requests: opened, pushed to, labelled, closed; and what an App tells of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from local.twin.github.model import Repository
from local.twin.github.state import World

Source = Literal["branch", "fork", "deleted fork"]


@dataclass(slots=True, eq=False)
class PullRequest:
    """One pull request; ``source`` is where its head lies."""

    id: int
    number: int
    repository: Repository
    branch: str
    head_sha: str
    author: str
    created_at: float
    updated_at: float
    labels: list[str] = field(default_factory=list)
    draft: bool = False
    source: Source = "branch"
    state: Literal["open", "closed"] = "open"


@dataclass(slots=True, eq=False)
class Comment:
    """One comment of a pull request's issue; an App's author is a Bot [GH-COMMENTS]."""

    id: int
    repository_id: int
    number: int
    body: str
    author: str
    is_bot: bool
    created_at: float
    updated_at: float


@dataclass(slots=True, eq=False)
class Deployment:
    """One deployment with its statuses, the newest last [GH-DEPLOYMENTS]."""

    id: int
    repository_id: int
    sha: str
    environment: str
    created_at: float
    statuses: list[tuple[str, str]] = field(default_factory=list)


Announce = Callable[[str, PullRequest], None]


class Pulls:
    """All pull requests of the enterprise; each change is told by a webhook [GH-PULL-EVENTS]."""

    def __init__(self, world: World, announce: Announce) -> None:
        self._world = world
        self._announce = announce
        self.by_repository: dict[int, list[PullRequest]] = {}
        self.comments: list[Comment] = []
        self.deployments: list[Deployment] = []

    def open(
        self,
        repository: str,
        *,
        labels: tuple[str, ...] = (),
        draft: bool = False,
        source: Source = "branch",
        branch: str = "feature",
        author: str = "octocat",
    ) -> PullRequest:
        """Open one in a repository that exists."""
        found = self._world.repositories[repository.lower()]
        listed = self.by_repository.setdefault(found.id, [])
        now = self._world.clock.now()
        made = PullRequest(
            id=self._world.new_id(),
            number=len(listed) + 1,
            repository=found,
            branch=branch,
            head_sha=self.new_sha(),
            author=author,
            created_at=now,
            updated_at=now,
            labels=list(labels),
            draft=draft,
            source=source,
        )
        listed.append(made)
        self._announce("opened", made)
        for _ in labels:
            self._announce("labeled", made)
        return made

    def push(self, pull: PullRequest) -> str:
        """Push a commit to the head and return it."""
        pull.head_sha = self.new_sha()
        self._changed("synchronize", pull)
        return pull.head_sha

    def label(self, pull: PullRequest, name: str) -> None:
        if name not in pull.labels:
            pull.labels.append(name)
            self._changed("labeled", pull)

    def unlabel(self, pull: PullRequest, name: str) -> None:
        if name in pull.labels:
            pull.labels.remove(name)
            self._changed("unlabeled", pull)

    def set_draft(self, pull: PullRequest, *, draft: bool) -> None:
        if pull.draft != draft:
            pull.draft = draft
            self._changed("converted_to_draft" if draft else "ready_for_review", pull)

    def close(self, pull: PullRequest) -> None:
        if pull.state == "open":
            pull.state = "closed"
            self._changed("closed", pull)

    def reopen(self, pull: PullRequest) -> None:
        if pull.state == "closed":
            pull.state = "open"
            self._changed("reopened", pull)

    def open_of(self, repository: Repository) -> list[PullRequest]:
        """The open ones, the newest first, as they are listed."""
        listed = self.by_repository.get(repository.id, [])
        return [pull for pull in reversed(listed) if pull.state == "open"]

    def new_sha(self) -> str:
        return f"{self._world.rng.getrandbits(160):040x}"

    def _changed(self, action: str, pull: PullRequest) -> None:
        pull.updated_at = self._world.clock.now()
        self._announce(action, pull)
