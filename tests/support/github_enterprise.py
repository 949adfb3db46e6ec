"""A small enterprise on the twin of GitHub, with credentials of every kind, for tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import jwt

from local.twin.clock import VirtualClock
from local.twin.github.deliveries import Delivery
from local.twin.github.keys import app_keys
from local.twin.github.listener import VirtualListener
from local.twin.github.model import JobRequest, WorkflowJob
from local.twin.github.twin import GitHubTwin
from local.twin.github.wire import Pending, Response

START = 1_790_000_000.0
LABELS = ("self-hosted", "linux", "x64")
ENTERPRISE = "/enterprises/acme/actions"


@dataclass
class Acme:
    """Two organizations; ``alpha/web`` is private, ``alpha/site`` public, ``beta/api`` private."""

    server: str = "ghec"
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))

    def __post_init__(self) -> None:
        self.twin = twin = GitHubTwin(self.clock, server=self.server)
        self.alpha, self.beta = twin.add_organization("alpha"), twin.add_organization("beta")
        twin.add_repository("alpha/web")
        twin.add_repository("alpha/site", private=False)
        twin.add_repository("beta/api")
        self.alpha_group = twin.add_enterprise_group("slipway-alpha", [self.alpha])
        self.beta_group = twin.add_enterprise_group("slipway-beta", [self.beta])
        self.pat = twin.add_personal_token()
        self.app = twin.add_app(app_keys()[1])
        self.installation = twin.install(self.app, self.alpha)
        self.delivered: list[tuple[float, Delivery]] = []
        twin.deliveries.deliver = self._receive

    def _receive(self, delivery: Delivery) -> int:
        self.delivered.append((self.clock.now(), delivery))
        return 202

    def call(
        self,
        method: str,
        path: str,
        content: Any = None,
        *,
        token: str | None = "",
        query: dict[str, str] | None = None,
    ) -> Response:
        """One REST call, by default with the enterprise's personal token."""
        chosen = self.pat if token == "" else token
        headers = {"Authorization": f"Bearer {chosen}"} if chosen is not None else {}
        body = json.dumps(content).encode() if content is not None else b""
        reply = self.twin.handle(method, path, query or {}, headers, body)
        assert not isinstance(reply, Pending)
        return reply

    def mint(self, name: str = "runner-1", labels: tuple[str, ...] = LABELS, group: int | None = None) -> str:
        """The JIT config of a new enterprise runner for alpha."""
        content = {"name": name, "runner_group_id": group or self.alpha_group.id, "labels": list(labels)}
        reply = self.call("POST", f"{ENTERPRISE}/runners/generate-jitconfig", content)
        assert reply.status == 201, reply.body
        return str(reply.json()["encoded_jit_config"])

    def listener(self, name: str = "runner-1", **minted: Any) -> VirtualListener:
        """A listener that holds a new JIT config; its exit code lands in ``exits``."""
        self.exits: dict[str, int] = getattr(self, "exits", {})
        return VirtualListener(
            self.twin, self.mint(name, **minted), lambda code: self.exits.update({name: code})
        )

    def job(
        self, repository: str = "alpha/web", labels: tuple[str, ...] = LABELS, **asked: Any
    ) -> WorkflowJob:
        return self.twin.queue_job(JobRequest(repository, labels, **asked))

    def app_jwt(self, **changed: Any) -> str:
        now = int(self.clock.now())
        claims = {"iat": now - 60, "exp": now + 540, "iss": self.app.client_id} | changed
        return jwt.encode(claims, app_keys()[0], algorithm="RS256")

    def installation_token(self) -> str:
        path = f"/app/installations/{self.installation.id}/access_tokens"
        return str(self.call("POST", path, token=self.app_jwt()).json()["token"])

    def events(self) -> list[tuple[str, str | None]]:
        """(action, conclusion) of the workflow_job events delivered, in order."""
        bodies = [json.loads(delivery.body) for _, delivery in self.delivered]
        return [(body["action"], body["workflow_job"]["conclusion"]) for body in bodies]
