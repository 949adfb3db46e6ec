"""Webhook deliveries: signed, sent once, recorded, and sent again only when asked."""

from __future__ import annotations

import hmac
import random
import re
import urllib.parse
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from local.twin.github.credentials import Credentials, Installation
from local.twin.github.faults import DeliveryFaults
from local.twin.github.model import JobState, Repository, WorkflowJob
from local.twin.github.payloads import Payloads, compact, node_id
from local.twin.github.pull_payloads import PullPayloads
from local.twin.github.pulls import PullRequest
from local.twin.github.state import World

HookKind = Literal["integration", "organization", "business"]
_DAY_SECONDS = 86_400.0
_PERMISSIONS = {"workflow_job": "actions", "pull_request": "pull_requests"}
_FAILED_TO_CONNECT = ("failed to connect", 502)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where events go: ``integration`` means an App, ``business`` an enterprise [GH-HOOK-TARGET-TYPE]."""

    id: int
    kind: HookKind
    target_id: int
    url: str
    secret: str = field(repr=False)
    content_type: Literal["json", "form"] = "json"


@dataclass(slots=True, eq=False)
class Delivery:
    """One attempt to deliver one event to one hook; ``status_code`` is None until it is settled."""

    id: int
    guid: str
    hook: Hook
    event: str
    action: str | None
    installation_id: int | None
    repository_id: int | None
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    delivered_at: float = 0.0
    place: int = 0  # among all attempts
    redelivery: bool = False
    status: str = "pending"
    status_code: int | None = None
    duration_seconds: float = 0.0
    job_id: int | None = None


Deliver = Callable[[Delivery], int | None]
"""Takes a delivery to its hook's URL; returns the status, or None to report it by ``answered`` later."""


class Deliveries:
    """Sends events to hooks through the ``deliver`` callback of whoever mounts the twin."""

    def __init__(self, world: World, credentials: Credentials, rng: random.Random) -> None:
        self._world = world
        self._credentials = credentials
        self._rng = rng
        self._payloads = Payloads(world)
        self._pulls = PullPayloads(world)
        self._log: deque[Delivery] = deque()
        self._failed: list[Delivery] = []
        self._attempts = 0
        self._open: dict[int, Delivery] = {}
        self.hooks: list[Hook] = []
        self.faults = DeliveryFaults()
        self.deliver: Deliver = lambda _: 202
        self.share_guids = True
        self.keeps_bodies = True
        """Whether what was delivered keeps its payload and can be sent again; a simulated week lets it go."""
        self.counts: Counter[str] = Counter()

    def workflow_job(self, action: str, job: WorkflowJob, state: JobState) -> None:
        """Tell every hook that may know of a job."""
        self._tell("workflow_job", action, job, lambda: self._payloads.workflow_job(action, job, state))

    def pull_request(self, action: str, pull: PullRequest) -> None:
        """Tell every hook that may know of a pull request [GH-PULL-EVENTS]."""
        self._tell("pull_request", action, pull, lambda: self._pulls.event(action, pull))

    def _tell(
        self, event: str, action: str, about: WorkflowJob | PullRequest, make: Callable[[], dict[str, Any]]
    ) -> None:
        payload: dict[str, Any] | None = None
        guid = self._world.new_guid()
        for hook in self.hooks:
            installation = self._installation_for(hook, about.repository, _PERMISSIONS[event])
            if not self._concerns(hook, about.repository, installation):
                continue
            payload = payload or make()
            own = {"installation": _installation(installation)} if installation else {}
            delivery = self._new(hook, guid, event, action, self._payloads.text(payload | own))
            delivery.installation_id = installation.id if installation else None
            delivery.repository_id = about.repository.id
            delivery.job_id = about.id if event == "workflow_job" else None
            self._send(delivery)

    def ping(self, hook: Hook) -> None:
        payload = self._payloads.ping(hook.id, hook.url, ["workflow_job"])
        self._send(self._new(hook, self._world.new_guid(), "ping", None, compact(payload)))

    def answered(self, delivery_id: int, status_code: int) -> None:
        """Settle a delivery that ``deliver`` left open; an answer after the time-out is ignored."""
        code_text = "OK" if 200 <= status_code < 300 else f"Invalid HTTP Response: {status_code}"
        self._settle(delivery_id, code_text, status_code)

    def settled_of(
        self, kind: HookKind, target_id: int, hook_id: int | None = None, *, failed_alone: bool = False
    ) -> list[Delivery]:
        """A hook's settled deliveries within the window, newest first [GH-HOOK-WINDOW].

        The hook is its target's only one, as an App's is, or the one of ``hook_id``. Those that failed are asked for
        every minute, and are few among thousands: they are kept apart.
        """
        oldest = self._world.clock.now() - (7 if self._world.is_enterprise_server else 3) * _DAY_SECONDS
        while self._log and self._log[0].delivered_at < oldest:
            self._log.popleft()
        self._failed = [d for d in self._failed if d.delivered_at >= oldest]
        log = sorted(self._failed, key=lambda d: d.place) if failed_alone else self._log
        mine = (d for d in reversed(log) if (d.hook.kind, d.hook.target_id) == (kind, target_id))
        return [d for d in mine if hook_id in (None, d.hook.id) and d.status_code is not None]

    def redeliver(self, delivery: Delivery) -> None:
        """Send once more, under the same GUID [GH-HOOK-GUID]."""
        again = replace(
            delivery, id=self._world.new_id(), redelivery=True, status="pending", status_code=None
        )
        self.counts["redelivered"] += 1
        self._schedule(again, 0.0)

    def _installation_for(self, hook: Hook, repository: Repository, permission: str) -> Installation | None:
        """The App's installation that sees ``repository``; for jobs it needs Actions: read [GH-APP-ACTIONS-READ]."""
        if hook.kind != "integration":
            return None
        for installation in self._credentials.installations.values():
            if (
                installation.app.id == hook.target_id
                and installation.suspended_at is None
                and permission in installation.permissions
                and installation.covers(repository)
            ):
                return installation
        return None

    @staticmethod
    def _concerns(hook: Hook, repository: Repository, installation: Installation | None) -> bool:
        if hook.kind == "integration":
            return installation is not None
        return hook.kind == "business" or hook.target_id == repository.organization.id

    def _new(self, hook: Hook, guid: str, event: str, action: str | None, payload: str) -> Delivery:
        own_guid = guid if self.share_guids else self._world.new_guid()
        is_form = hook.content_type == "form"
        body = (urllib.parse.urlencode({"payload": payload}) if is_form else payload).encode()
        headers = self._headers(hook, own_guid, event, body)
        return Delivery(self._world.new_id(), own_guid, hook, event, action, None, None, headers, body)

    def _headers(self, hook: Hook, guid: str, event: str, body: bytes) -> dict[str, str]:
        form = hook.content_type == "form"
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
            "User-Agent": "GitHub-Hookshot/5ecb1a7",
            "X-GitHub-Delivery": guid,
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": str(hook.id),
            "X-GitHub-Hook-Installation-Target-ID": str(hook.target_id),
            "X-GitHub-Hook-Installation-Target-Type": hook.kind,
            "X-Hub-Signature-256": signature(hook.secret, body),
        }
        if self._world.is_enterprise_server:  # [GH-HOOK-GHES-HEADERS]
            headers["X-GitHub-Enterprise-Version"] = self._world.server.removeprefix("ghes-") + ".0"
            headers["X-GitHub-Enterprise-Host"] = urllib.parse.urlsplit(self._world.url).hostname or ""
        return headers

    def _send(self, delivery: Delivery) -> None:
        if delivery.action in self.faults.lost_actions or self._happens(self.faults.lost):
            self.counts["lost"] += 1
            return
        usual = self.faults.delay
        delay = usual(self._rng) if usual else self._rng.uniform(*self.faults.latency_seconds)
        if self._happens(self.faults.reordered):
            self.counts["reordered"] += 1
            delay += self._rng.uniform(*self.faults.reorder_seconds)
        if self._happens(self.faults.late):
            self.counts["late"] += 1
            delay += self._rng.uniform(*self.faults.late_seconds)
        self._schedule(delivery, delay)
        if self._happens(self.faults.doubled):
            self.counts["doubled"] += 1
            self._schedule(replace(delivery, id=self._world.new_id()), delay + self._rng.uniform(0.0, 2.0))

    def _schedule(self, delivery: Delivery, delay: float) -> None:
        self._world.clock.schedule(delay, lambda: self._attempt(delivery))

    def _attempt(self, delivery: Delivery) -> None:
        delivery.delivered_at = self._world.clock.now()
        delivery.place = self._attempts = self._attempts + 1
        self._log.append(delivery)
        self._open[delivery.id] = delivery
        self.counts["sent"] += 1
        if self._happens(self.faults.failed):
            self.counts["failed"] += 1
            self._settle(delivery.id, *_FAILED_TO_CONNECT)
            return
        timeout = 30.0 if self._world.is_enterprise_server else 10.0  # [GH-HOOK-TIMEOUT]
        self._world.clock.schedule(timeout, lambda: self._settle(delivery.id, "timed out", 504))
        code = self.deliver(delivery)
        if code is not None:
            self.answered(delivery.id, code)

    def _settle(self, delivery_id: int, status: str, status_code: int) -> None:
        delivery = self._open.pop(delivery_id, None)
        if delivery is not None:
            delivery.status, delivery.status_code = status, status_code
            if status != "OK":
                self._failed.append(delivery)
            if not self.keeps_bodies and 200 <= status_code < 300:
                delivery.body, delivery.headers = b"", {}
            delivery.duration_seconds = round(self._world.clock.now() - delivery.delivered_at, 2)

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._rng.random() < probability


def signature(secret: str, body: bytes) -> str:
    """The value of ``X-Hub-Signature-256`` [GH-HOOK-SIGNATURE]."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def _installation(installation: Installation) -> dict[str, Any]:
    return {"id": installation.id, "node_id": node_id("MDIz", installation.id)}


def cursor_of(delivery: Delivery) -> str:
    return f"v1_{delivery.id}"


def before_cursor(deliveries: Iterable[Delivery], cursor: str | None) -> list[Delivery]:
    """The deliveries from ``cursor`` on; raises ``ValueError`` for a cursor that we never gave."""
    everything = list(deliveries)
    if cursor is None:
        return everything
    match = re.fullmatch(r"v1_([0-9]+)", cursor)
    place = next((i for i, d in enumerate(everything) if match and d.id == int(match[1])), None)
    if place is None:
        raise ValueError("unknown cursor")
    return everything[place:]
