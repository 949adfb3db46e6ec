"""The compiled configuration: what an operator asked for, checked and in plain units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from slipway.domain.resources import Resources


class Registration(StrEnum):
    """At which level of GitHub runners are registered."""

    ENTERPRISE = "enterprise"
    ORGANIZATION = "organization"
    REPOSITORY = "repository"


class Isolation(StrEnum):
    """What a job shares its host with."""

    SHARED = "shared"
    INSTANCE = "instance"


class Docker(StrEnum):
    """Which Docker a job has: none, one of its own without privilege, or one that is root on the host."""

    NONE = "none"
    NESTED = "nested"
    PRIVILEGED = "privileged"


class Market(StrEnum):
    """How EC2 capacity is bought."""

    SPOT = "spot"
    ON_DEMAND = "on-demand"


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A webhook secret by ARN or name, and which organizations it may speak for (none named: all)."""

    secret_id: str
    organizations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GitHubTarget:
    """The GitHub whose jobs are served: host, registration level, allow list, credentials' places.

    ``deployment`` begins the names of our runners and runner groups.
    ``runner_group`` is ``None`` for one runner group per organization. Allow lists are lower-case;
    ``("*",)`` allows every organization, an empty ``allowed_repositories`` every repository, empty
    ``allowed_workflows`` every workflow. ``organization_hooks`` are hook ids by login.
    """

    web_url: str
    api_url: str
    enterprise: str
    registration: Registration
    runner_group: str | None = None
    allowed_organizations: tuple[str, ...] = ("*",)
    allowed_repositories: tuple[str, ...] = ()
    allow_public_repositories: bool = False
    allowed_workflows: tuple[str, ...] = ()
    ca_bundle: str | None = None
    webhook_secrets: tuple[WebhookSecret, ...] = ()
    app_secret: str | None = None
    runner_token_secrets: tuple[str, ...] = ()
    organization_hooks: Mapping[str, int] = field(default_factory=dict)
    sweep_calls_per_hour: int = 0
    rerun_interrupted: int = 0
    deployment: str = "slipway"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The smallest and the largest size which a label may ask for."""

    smallest: Resources
    largest: Resources


@dataclass(frozen=True, slots=True)
class Schedule:
    """Working hours: weekdays (0 = Monday), minutes after midnight, an IANA time zone."""

    weekdays: tuple[int, ...]
    start_minute: int
    end_minute: int
    timezone: str


@dataclass(frozen=True, slots=True)
class WaitTarget:
    """The wait that nine in ten jobs should stay under, in seconds, and when that counts."""

    p90_wait_seconds: int
    hours: Schedule | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a label set buys. ``labels`` are lower-case, as are the organizations and repositories whose jobs
    without labels it serves."""

    name: str
    labels: frozenset[str]
    size: Resources
    image: str
    pool: str
    isolation: Isolation = Isolation.SHARED
    docker: Docker = Docker.NONE
    bounds: Bounds | None = None
    standby: int = 0
    max_runners: int = 100
    max_runners_per_repository: int | None = None
    idle_timeout_seconds: int = 120
    job_timeout_seconds: int = 21_600
    wait_target: WaitTarget | None = None
    unlabelled_jobs_of: frozenset[str] = frozenset()
    kvm: bool = False
    worker_logs: str | None = None


MAX_TASKS_ON_A_BRIDGE = 1_000  # the containers that share a host's docker0 [ECS-BRIDGE-PORTS]


@dataclass(frozen=True, slots=True)
class InstanceType:
    """An EC2 instance type: what ECS registers of it, its list price in USD, how many tasks its network takes."""

    name: str
    registered: Resources
    usd_per_hour: float
    max_tasks: int = MAX_TASKS_ON_A_BRIDGE


@dataclass(frozen=True, slots=True)
class Headroom:
    """Free slots to keep on running instances, always or in working hours."""

    slots: int
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """Where capacity comes from: one ECS cluster, one launch template, one task role.

    What its hosts run (``operating_system``, ``uid_ranges``, ``registry_mirror``, ``git_cache``, ``disk_quota_gib``)
    no function reads: it is for task definitions and user data; ``disk_key`` for launch templates and policies.
    """

    name: str
    region: str
    cluster: str
    task_role: str
    launch_template: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    architecture: str
    instance_types: tuple[InstanceType, ...]
    market: Market = Market.SPOT
    max_instances: int = 10
    headroom: Headroom | None = None
    stopped_instances: int = 0
    idle_timeout_seconds: int = 300
    max_age_seconds: int = 86_400
    exclusive: bool = False
    task_policy: str | None = None
    operating_system: str = "al2023"
    uid_ranges: str = "shared"
    registry_mirror: str | None = None
    git_cache: bool = False
    disk_quota_gib: int | None = None
    disk_key: str | None = None


@dataclass(frozen=True, slots=True)
class Fairness:
    """How organizations share what is scarce.

    Weights by login (default 1), a cap on queued jobs, and how many runners of one repository may be between
    RunTask and their job at once: the start ramp that spares GitHub the stampede of a matrix.
    """

    weights: Mapping[str, int] = field(default_factory=dict)
    max_queued_per_organization: int = 5_000
    max_starting_per_repository: int = 200


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that an operator configured, by name; ``tags_tasks``: with what they cost whom."""

    deployment: str
    github: GitHubTarget
    profiles: Mapping[str, Profile]
    pools: Mapping[str, Pool]
    fairness: Fairness = field(default_factory=Fairness)
    tags_tasks: bool = False

    def pool_of_cluster(self, cluster: str) -> Pool | None:
        """Return the pool which owns the ECS cluster of this name, if any."""
        return next((pool for pool in self.pools.values() if pool.cluster == cluster), None)

    def pool_of_task_role(self, role: str) -> Pool | None:
        """Return the pool whose tasks assume the role of this name, if any."""
        return next((pool for pool in self.pools.values() if pool.task_role == role), None)
