"""GitHub as the adapter can meet it: each of its editions, every request and every answer held against its schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx

from local.twin.aws.account import AwsTwin
from local.twin.github.credentials import Installation
from local.twin.github.keys import app_keys
from local.twin.github.model import Runner
from local.twin.github.transport import TwinTransport
from local.twin.github.twin import GitHubTwin
from local.twin.http.github import GitHubServer
from local.twin.latency import LatencyModel
from slipway.adapters.github.app_tokens import AppTokens
from slipway.adapters.github.enterprise_tokens import EnterpriseTokens
from slipway.adapters.github.http import GitHubApi, github_client
from slipway.adapters.github.runner_census import GitHubRunnerCensus
from slipway.adapters.github.runner_groups import RunnerGroups
from slipway.adapters.github.runners import GitHubRunners
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.configuration import GitHubTarget, Registration
from slipway.domain.jobs import JobKey
from slipway.domain.reach import EVERYONE
from slipway.domain.snapshot import WaitingJob
from slipway.ports.github import Listing
from slipway.ports.ledger import Ledger
from tests.builders import a_github, a_job, a_task_id
from tests.contract.aws_faces import create_table
from tests.contract.ledger_cases import TABLE
from tests.fakes.secret_store import MemorySecrets, MemoryTokenStore
from tests.support.github_enterprise import LABELS, Acme
from tests.support.github_schema import hold_to_schema

APP, TOKEN = "arn:app", "arn:token"
#: Where the twin of each edition is mounted: one of them behind a real connection.
FACES: Final = {"ghec": "transport", "ghes-3.17": "transport", "ghes-3.18": "transport", "ghes-3.19": "http"}
NAME = f"slipway-medium-{a_task_id(1)}"


@dataclass
class Case:
    """One enterprise, and our adapter registered at one of its levels."""

    acme: Acme
    api: GitHubApi
    level: Registration
    places: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.secrets = MemorySecrets({TOKEN: f"{self.acme.pat}\n", APP: app_secret(self.acme)})
        self.store = MemoryTokenStore()
        self.tokens = self.app_tokens()
        self.ledger = self.new_ledger()
        self.service = self.runners()
        self.census = self.new_census()
        self._ids = 0

    def _new_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    @property
    def twin(self) -> GitHubTwin:
        return self.acme.twin

    def new_ledger(self) -> Ledger:
        """Return an empty ledger on the case's clock."""
        aws = AwsTwin(self.acme.clock, latency=LatencyModel.none(), seed=1)
        create_table(aws.client("dynamodb"), TABLE)
        return dynamo_ledger(aws.client("dynamodb"), TABLE)

    def app_tokens(self) -> AppTokens:
        """Return the App's tokens as a fresh process has them."""
        return AppTokens(self.secrets, APP, self.api, self.acme.clock, self._new_id, store=self.store)

    def enterprise_tokens(self, *arns: str) -> EnterpriseTokens:
        """Return the classic tokens as a fresh process has them."""
        target = a_github(enterprise="acme", runner_token_secrets=arns or (TOKEN,))
        return EnterpriseTokens(self.secrets, target, self.api, self.acme.clock, self.ledger.tokens)

    def runners(self, ledger: Ledger | None = None, **changes: Any) -> GitHubRunners:
        """Our adapter as a fresh process has it, with ``changes`` to the target; what it shares lies in ``ledger``."""
        shared = ledger or self.new_ledger()
        target, credentials, groups = self._at_github(shared, **changes)
        return GitHubRunners(self.api, target, credentials, groups, shared.turns, clock=self.acme.clock)

    def new_census(self, **changes: Any) -> GitHubRunnerCensus:
        """Our listing as a fresh process has it, with ``changes`` to the target."""
        return GitHubRunnerCensus(self.api, *self._at_github(self.ledger, **changes))

    def listing(self, census: GitHubRunnerCensus | None = None) -> Listing:
        """List the whole enterprise, or the case's places."""
        places = [EVERYONE] if self.level is Registration.ENTERPRISE else self.places
        return (census or self.census).registrations(places)

    def _at_github(
        self, shared: Ledger, **changes: Any
    ) -> tuple[GitHubTarget, AppTokens | EnterpriseTokens, RunnerGroups]:
        given = {"enterprise": "acme", "registration": self.level, "runner_token_secrets": (TOKEN,)}
        target, clock = a_github(**{**given, **changes}), self.acme.clock
        classic = EnterpriseTokens(self.secrets, target, self.api, clock, shared.tokens)
        credentials = classic if self.level is Registration.ENTERPRISE else self.tokens
        return target, credentials, RunnerGroups(self.api, target, clock, shared.groups)

    def job(self, repository: str = "alpha/web", number: int = 1, **changes: Any) -> WaitingJob:
        """Return a waiting job of a repository, as its webhook tells of it."""
        login = repository.partition("/")[0]
        organization = self.twin.world.organizations[login]
        facts = {
            "key": JobKey(login, number, 1),
            "organization": login,
            "organization_id": organization.id,
            "repository": repository,
            "labels": LABELS,
        }
        return a_job(number, **{**facts, **changes})

    def installed_anew(self) -> Installation:
        """Let the App be taken off alpha and installed anew: its tokens of before are worth nothing."""
        old, twin = self.acme.installation, self.twin
        for token in twin.credentials.tokens_of(old):
            twin.credentials.revoke(token)
        del twin.credentials.installations[old.id]
        self.acme.installation = twin.install(self.acme.app, self.acme.alpha)
        return self.acme.installation

    @property
    def place(self) -> str:
        """Where a runner for alpha/web is registered, as ``remove`` wants it."""
        return "alpha/web" if self.level is Registration.REPOSITORY else "alpha"

    def registered(self) -> list[Runner]:
        return list(self.twin.registry.by_id.values())

    def calls(self, ending: str) -> int:
        """How often GitHub was called where the path ends so."""
        return sum(count for name, count in self.twin.calls.items() if name.endswith(ending))


def app_secret(acme: Acme) -> str:
    """Return the App's secret as an operator stores it."""

    return json.dumps({"app_id": acme.app.id, "private_key": app_keys()[0]})


def github_case(face: str, level: Registration, serve: Callable[[], GitHubServer]) -> Case:
    """Mount a fresh enterprise, where the App may manage the repositories of alpha too.

    ``serve`` answers with the server of all tests.
    """
    acme = Acme(face)
    acme.installation.permissions["administration"] = "write"
    if FACES[face] == "transport":
        client = httpx.Client(base_url=acme.twin.world.api_url, transport=TwinTransport(acme.twin))
        return Case(acme, GitHubApi(hold_to_schema(client, face), acme.clock), level)
    server = serve()
    with server.lock:
        server.twin = acme.twin
        acme.twin.world.url = server.url
    return Case(acme, GitHubApi(_client(acme.twin.world.api_url, face), acme.clock), level)


@cache
def _client(api_url: str, edition: str) -> httpx.Client:
    """One client an address and process, as in a warm function: making one reads every CA certificate."""
    return hold_to_schema(github_client(api_url, None), edition)
