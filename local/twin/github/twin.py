"""GitHub as one object: what tests, the simulator and the demo mount."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from local.twin.clock import VirtualClock
from local.twin.github import broker
from local.twin.github.broker import Broker
from local.twin.github.credentials import App, Credentials, Installation
from local.twin.github.deliveries import Deliveries, Hook, HookKind
from local.twin.github.jobs import Jobs
from local.twin.github.limits import LimitSettings, RateLimits
from local.twin.github.model import JobRequest, Organization, Repository, RunnerGroup, WorkflowJob
from local.twin.github.pulls import Pulls
from local.twin.github.registry import Registry
from local.twin.github.rest.api import RestApi
from local.twin.github.rest.apps import AppCalls, DeliveryCalls, JobCalls
from local.twin.github.rest.groups import GroupCalls
from local.twin.github.rest.operations import Handler
from local.twin.github.rest.pulls import PullCalls
from local.twin.github.rest.repositories import RepositoryCalls
from local.twin.github.rest.reruns import RerunCalls
from local.twin.github.rest.runners import RunnerCalls
from local.twin.github.rest.runs import RunCalls
from local.twin.github.rest.users import UserCalls
from local.twin.github.routing import Router
from local.twin.github.state import World
from local.twin.github.wire import Pending, Request, Response

APP_PERMISSIONS = {"actions": "read", "metadata": "read", "organization_self_hosted_runners": "write"}


class GitHubTwin:
    """One enterprise on one server (``ghec`` or ``ghes-3.17`` to ``3.19``); same seed, same behaviour."""

    def __init__(
        self, clock: VirtualClock, *, enterprise: str = "acme", seed: int = 0, server: str = "ghec"
    ) -> None:
        self.world = World(clock, random.Random(seed), Organization(1, enterprise), server)
        self.credentials = Credentials(self.world)
        self.deliveries = Deliveries(self.world, self.credentials, random.Random(seed + 1))
        self.jobs = Jobs(self.world, self.deliveries.workflow_job)
        self.pulls = Pulls(self.world, self.deliveries.pull_request)
        self.registry = Registry(self.world)
        self.router = Router(self.world, self.jobs, self.registry)
        self.jobs.listeners.queued = self.router.place
        self.jobs.listeners.withdrawn = self.router.withdraw
        self._broker = Broker(self.world, self.jobs, self.registry, self.router)
        self.limits = RateLimits(LimitSettings(primary=not self.world.is_enterprise_server))
        self.runner_calls = RunnerCalls(self.world, self.registry)
        self.rerun_calls = RerunCalls(self.world, self.jobs)
        self.api = RestApi(self.world, self.credentials, self.limits, self._handlers())
        self.faults = self.api.faults
        self.calls = self.api.calls
        self.calls_by_credential = self.api.calls_by_credential

    def handle(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Response | Pending:
        """Answer one request of the REST API (also below ``/api/v3``) or of a listener.

        Only a listener's long polls come back ``Pending``.
        """
        lowered = {name.lower(): value for name, value in headers.items()}
        request = Request(method.upper(), path, query, lowered, body)
        if path.startswith(broker.PREFIX):
            return self._broker.handle(request)
        return self.api.handle(request)

    def listen(self, method: str, path: str, token: str, content: dict[str, Any]) -> Response | Pending:
        """Answer one request of a listener in this process: what it says needs no bytes."""
        return self._broker.answer(method, path, token, content)

    def add_organization(self, login: str) -> Organization:
        organization = Organization(self.world.new_id(), login)
        self.world.organizations[login.lower()] = organization
        return organization

    def add_repository(self, full_name: str, *, private: bool = True) -> Repository:
        """A repository of an organization that exists already."""
        owner, _, name = full_name.partition("/")
        repository = Repository(self.world.new_id(), self.world.organizations[owner.lower()], name, private)
        self.world.repositories[full_name.lower()] = repository
        return repository

    def add_enterprise_group(
        self, name: str, organizations: Iterable[Organization], *, allows_public_repositories: bool = False
    ) -> RunnerGroup:
        """An enterprise runner group for ``organizations`` only."""
        group = RunnerGroup(
            id=self.world.new_id(),
            scope=self.world.enterprise_scope,
            name=name,
            visibility="selected",
            allows_public_repositories=allows_public_repositories,
            selected_ids={organization.id for organization in organizations},
        )
        self.world.groups_of(group.scope)[group.id] = group
        return group

    def add_personal_token(
        self,
        user: str = "runner-bot",
        scopes: Iterable[str] = ("manage_runners:enterprise",),
        expires_at: float | None = None,
    ) -> str:
        return self.credentials.add_personal_token(user, frozenset(scopes), expires_at)

    def add_app(self, public_key: str, slug: str = "slipway") -> App:
        """An App whose JWTs are signed by the private half of ``public_key`` (PEM)."""
        app_id = self.world.new_id()
        app = App(app_id, slug, f"Iv23li{app_id:014d}", public_key)
        self.credentials.apps[app.id] = app
        return app

    def install(
        self, app: App, organization: Organization, permissions: Mapping[str, str] | None = None
    ) -> Installation:
        """Install ``app`` on all repositories of ``organization``."""
        granted = dict(APP_PERMISSIONS if permissions is None else permissions)
        now = self.world.clock.now()
        installation = Installation(self.world.new_id(), app, organization, granted, now)
        self.credentials.installations[installation.id] = installation
        return installation

    def install_on_enterprise(self, app: App) -> Installation:
        """Install ``app`` on the enterprise itself [GH-APP-ENTERPRISE]."""
        installation = self.install(app, self.world.enterprise, {})
        installation.is_enterprise = True
        return installation

    def suspend(self, installation: Installation) -> None:
        """Let the owner of an organization suspend an App there [GH-APP-SUSPENDED]."""
        installation.suspended_at = self.world.clock.now()

    def add_hook(self, kind: HookKind, target_id: int, url: str, secret: str) -> Hook:
        """Subscribe ``url`` to workflow jobs: of an App (its id), an organization or the enterprise."""
        hook = Hook(self.world.new_id(), kind, target_id, url, secret)
        self.deliveries.hooks.append(hook)
        return hook

    def queue_job(self, request: JobRequest) -> WorkflowJob:
        return self.jobs.queue(request)

    def _handlers(self) -> dict[tuple[str, str], Handler]:
        return {
            **self.runner_calls.handlers(),
            **GroupCalls(self.world, self.registry).handlers(),
            **AppCalls(self.world, self.credentials).handlers(),
            **DeliveryCalls(self.world, self.deliveries).handlers(),
            **JobCalls(self.world, self.jobs, self.limits).handlers(),
            **UserCalls().handlers(),
            **self.rerun_calls.handlers(),
            **RunCalls(self.world, self.jobs).handlers(),
            **RepositoryCalls(self.world).handlers(),
            **PullCalls(self.world, self.pulls).handlers(),
        }
