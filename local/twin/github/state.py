"""The world that all parts of the twin share: clock, identities, organizations and settings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from local.twin.clock import VirtualClock, aware
from local.twin.github.model import Organization, Repository, RunnerGroup, Scope, Status
from local.twin.uuids import random_uuid


@dataclass(slots=True)
class Timers:
    """How long GitHub waits, in seconds."""

    take_job: float = 60.0  # [GH-JOB-TAKE-60S]
    queue_timeout: float = 86_400.0  # [GH-JOB-24H]
    lost_communication: float = 600.0  # [RUNNER-LOST-10M]
    ephemeral_unconnected: float = 86_400.0  # [GH-JIT-1DAY]
    cancel_grace: float = 300.0  # [GH-JOB-CANCEL-5M]
    long_poll: float = 50.0  # [RUNNER-LONG-POLL]
    offline_after: float = 60.0
    hosted_start: float = 5.0


@dataclass(slots=True)
class Lags:
    """By how many seconds REST answers lag the truth [GH-WJ-12], [GH-RUNNER-BUSY-STALE]."""

    job_status: float = 0.0
    busy_flag: float = 0.0


@dataclass(slots=True)
class World:
    """One enterprise on one server. ``server`` names a schema extract: ``ghec`` or ``ghes-3.19``."""

    clock: VirtualClock
    rng: random.Random
    enterprise: Organization
    server: str = "ghec"
    url: str = "https://github.test"
    timers: Timers = field(default_factory=Timers)
    lags: Lags = field(default_factory=Lags)
    random_routing: bool = False
    mixed_run_status: Status = "queued"
    """How a run shows of which some jobs are queued and others are not: both were seen [GH-RUN-STATUS]."""
    organizations: dict[str, Organization] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    groups: dict[Scope, dict[int, RunnerGroup]] = field(default_factory=dict)
    pushed_at: dict[int, float] = field(default_factory=dict)
    """When the repository of this id was last pushed to; one that is not named never was."""
    is_enterprise_server: bool = field(init=False)
    _next_id: int = 1000

    def __post_init__(self) -> None:
        self.is_enterprise_server = self.server.startswith("ghes")

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v3" if self.is_enterprise_server else self.url

    @property
    def enterprise_scope(self) -> Scope:
        return Scope("enterprise", self.enterprise.login.lower())

    def new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def new_guid(self) -> str:
        return random_uuid(self.rng)

    def organization_of(self, organization_id: int) -> Organization | None:
        return next((org for org in self.organizations.values() if org.id == organization_id), None)

    def groups_of(self, scope: Scope) -> dict[int, RunnerGroup]:
        """The groups of ``scope`` by id; each scope has a Default group, here id 1 [GH-GROUP-DEFAULT]."""
        if scope not in self.groups:
            self.groups[scope] = {1: RunnerGroup(id=1, scope=scope, name="Default", default=True)}
        return self.groups[scope]

    def scopes(self) -> Iterator[Scope]:
        yield self.enterprise_scope
        yield from (Scope("organization", login) for login in self.organizations)
        yield from (Scope("repository", full_name) for full_name in self.repositories)


@lru_cache(maxsize=10_000)
def timestamp(epoch_seconds: float) -> str:
    """GitHub's way to write a moment: whole seconds, ``Z``."""
    return aware(epoch_seconds).isoformat(timespec="seconds").replace("+00:00", "Z")
