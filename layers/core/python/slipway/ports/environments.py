"""What environments of pull requests stand on: GitHub's pull requests, AWS' parts, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from slipway.domain.environments.announcing import DeploymentState
from slipway.domain.environments.found import Found, Note, Survey
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.plan import Make
from slipway.domain.environments.pulls import PullRequest


class PullRequests(Protocol):
    """Pull requests of GitHub, and what they are told."""

    def open(self, repository: str) -> tuple[PullRequest, ...] | None:
        """Return the open pull requests; None where GitHub knows no such repository, or does not show it to us."""

    def comment(self, key: EnvironmentKey, comment_id: int | None, marker: str, text: str) -> int:
        """Write the one comment, or write it anew, and return its id; a comment of ours is known by its marker."""

    def deployment(self, key: EnvironmentKey, commit: str, environment: str) -> int:
        """Return the id of the deployment of a commit to an environment, made where there is none."""

    def report(self, key: EnvironmentKey, deployment_id: int, state: DeploymentState, address: str) -> None:
        """Set the status of a deployment."""


class Images(Protocol):
    """A registry of images."""

    def that_exist(self, images: Iterable[str]) -> frozenset[str]:
        """Return those of the images that can be pulled by their tag."""


class EnvironmentHost(Protocol):
    """Where environments run."""

    def survey(self) -> Survey:
        """Return everything of ours that is there."""

    def make(self, make: Make) -> None:
        """Make an environment what it should be. May be repeated; what it began, a survey shows.

        Raises:
            RefusedError: with code ``TooManyRules`` where the load balancer takes no more; nothing of it is left then.
        """

    def remove(self, found: Found) -> None:
        """Remove every part of an environment. May be repeated."""


class EnvironmentNotes(Protocol):
    """What is remembered of environments."""

    def all(self) -> dict[EnvironmentKey, Note]:
        """Return every note."""

    def keep(self, notes: Iterable[Note]) -> None:
        """Write notes down."""

    def forget(self, keys: Iterable[EnvironmentKey]) -> None:
        """Forget notes."""

    def mark(self, repositories: Iterable[str], token: str) -> None:
        """Note that repositories are to be looked at; the token is this call's own."""

    def marks(self) -> Mapping[str, str]:
        """Return the repositories to look at, each with the token of its last mark."""

    def unmark(self, marks: Mapping[str, str]) -> None:
        """Note that repositories were looked at, but for those that were marked again meanwhile."""


class EnvironmentQueue(Protocol):
    """The ``environments`` queue, as the function itself sees it."""

    def look_again(self, delay_seconds: int) -> None:
        """Ask for another look after a delay."""
