"""The product's own adapters, and a record of the headers that GitHub answered with."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from local.live_check.settings import LiveSettings
from slipway.adapters.clock import SystemClock
from slipway.adapters.github.credentials import Bearer
from slipway.adapters.github.http import GitHubApi, github_client
from slipway.adapters.github.runner_groups import RunnerGroups
from slipway.adapters.github.runners import GitHubRunners
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from slipway.domain.snapshot import WaitingJob
from slipway.domain.turns import RegistrationPace, Turn

NAME_PREFIX = "live-check-"  # of no deployment: in a group that none of them owns it is nobody's affair


@dataclass(frozen=True, slots=True)
class HeldToken:
    """The token of this check; implements ``adapters.github.credentials.Credentials``."""

    value: str = field(repr=False)

    def bearer(self, reach: str) -> Bearer:  # noqa: ARG002 - one token for all
        """Return it and its one owner."""
        return Bearer("live check", "live check", self.value)

    def bearers(self, reach: str, installation_id: int | None = None) -> tuple[Bearer, ...]:  # noqa: ARG002
        """Return the same."""
        return (self.bearer(reach),)

    def hear(self, bearer: Bearer, headers: Mapping[str, str]) -> None:
        """Nothing is planned by budgets here."""

    def calls_left(self) -> Mapping[str, int]:
        """Tell nothing."""
        return {}

    def rest(self, bearer: Bearer, seconds: int) -> None:
        """Nor by limits."""

    def refuse(self, bearer: Bearer, why: str) -> Bearer | None:
        """There is no other token."""


class NoOthers:
    """Nobody else registers: every turn comes at once, no group was checked before.

    Implements ``ports.ledger.Turns`` and ``ports.ledger.CheckedGroups``.
    """

    def take(self, queues: Sequence[str], holder: str, pace: RegistrationPace, now: float) -> Turn:  # noqa: ARG002
        """Give the turn."""
        return Turn(now, 0)

    def checked(self, organization: str) -> tuple[int, float] | None:  # noqa: ARG002
        """Return nothing."""
        return None

    def keep_checked(self, organization: str, group_id: int, at: float) -> None:
        """Keep nothing."""

    def forget_checked(self, organization: str) -> None:
        """Forget nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of GitHub's: what was asked, the status, the headers."""

    method: str
    path: str
    status: int
    headers: httpx.Headers = field(repr=False)


class LiveGitHub:
    """One GitHub through the adapters that the functions use; a context manager.

    ``answers`` are what it answered, oldest first.
    """

    def __init__(self, settings: LiveSettings) -> None:
        self.answers: list[Answer] = []
        self._settings = settings
        clock = SystemClock()
        self.client = github_client(settings.target.api_url, settings.target.ca_bundle)
        self.client.event_hooks = {"response": [self._note]}
        self.api = GitHubApi(self.client, clock)
        others = NoOthers()
        self.runners = GitHubRunners(
            self.api,
            settings.target,
            HeldToken(settings.token),
            RunnerGroups(self.api, settings.target, clock, others),
            others,
            clock=clock,
        )

    def __enter__(self) -> LiveGitHub:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def token(self) -> str:
        """Return the token that manages runners."""
        return self._settings.token

    def answer_to(self, method: str, ending: str) -> Answer | None:
        """Return the newest answer to a call whose path ends so."""
        found = (one for one in reversed(self.answers) if one.method == method and one.path.endswith(ending))
        return next(found, None)

    def a_job(self, label: str) -> WaitingJob:
        """Return a job that asks for one label, as a webhook would have told of it."""
        organization = self._settings.place
        repository = next(iter(self._settings.repositories), f"{organization}/none")
        return WaitingJob(
            key=JobKey(organization.lower(), 0, 1),
            pool="",
            shape=Shape("", Resources(0, 0)),
            label_key=label,
            labels=(label,),
            organization=organization,
            organization_id=0,
            repository=repository,
            run_id=0,
            queued_at=0.0,
        )

    def _note(self, reply: httpx.Response) -> None:
        request = reply.request
        self.answers.append(Answer(request.method, request.url.path, reply.status_code, reply.headers))


def new_name() -> str:
    """Return a runner name, or label, that nobody has."""
    return NAME_PREFIX + uuid.uuid4().hex[:12]
