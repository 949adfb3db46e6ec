"""The form of a snapshot file: keys, kinds of values, defaults. docs/plan.md tells what they mean.

A value which cannot be true but is in form (an instance without a size, a time ahead of ``now``) passes: what the
planner makes of such a snapshot is worth seeing.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from local.configuration import fields as f
from local.planning import fields as s


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Job(_Section):
    """A queued job."""

    id: s.Number
    attempt: s.Number = 1
    run_id: s.Number
    organization: f.Login
    repository: f.Repository
    labels: list[str]
    queued_at: s.Time
    untaken: f.Count = 0
    retry_at: s.Time | None = None
    offered_to: s.TaskId | None = None


class Runner(_Section):
    """A runner task."""

    task: s.TaskId
    profile: str
    cpu: f.Cpu | None = None
    memory: f.Memory | None = None
    state: Literal["starting", "registered", "busy", "gone"]
    instance: str | None = None
    organization: f.Login | None = None
    repository: f.Repository | None = None
    labels: list[str] | None = None
    intent: s.Token | None = None
    started_at: s.Time | None = None
    running_at: s.Time | None = None
    claimed_at: s.Time | None = None
    busy_at: s.Time | None = None
    ended_at: s.Time | None = None


class Size(_Section):
    """An amount of CPU units, MiB and GPUs."""

    cpu_units: s.Amount
    memory_mib: s.Amount
    gpus: s.Amount = 0


class Instance(_Section):
    """A container instance."""

    id: s.InstanceId
    type: str
    state: Literal["warming", "stopped", "launching", "ready", "draining", "gone"]
    launched_at: s.Time
    pool: f.PoolName | None = None
    subnet: f.Subnet | None = None
    market: s.MarketName | None = None
    registered: Size | None = None
    connected: bool | None = None
    ready_at: s.Time | None = None
    idle_since: s.Time | None = None
    disconnected_at: s.Time | None = None
    stopped_at: s.Time | None = None
    lost_at: s.Time | None = None
    full_until: s.Time | None = None
    template_version: s.Number | None = None
    for_stopped_tier: bool = False
    for_: s.LoadOf = Field(default_factory=dict, alias="for")


class ShapeOf(_Section):
    """What makes tasks interchangeable: profile and size, the profile's own where none is given."""

    profile: str
    cpu_units: s.Amount | None = None
    memory_mib: s.Amount | None = None
    gpus: s.Amount | None = None


class LoadShare(_Section):
    """How many of the instances of a launch are wanted for a load."""

    for_: s.LoadOf = Field(alias="for")
    instances: f.PositiveCount


class Start(_Section):
    """A stopped instance that is started, and what for."""

    instance: str
    for_: s.LoadOf = Field(default_factory=dict, alias="for")


class Intent(_Section):
    """A call without an answer, in the words in which a plan prints it."""

    kind: Literal["start_tasks", "launch", "start_stopped"]
    token: s.Token
    created_at: s.Time | None = None
    shape: ShapeOf | None = None
    count: f.PositiveCount | None = None
    exclusive: bool = False
    avoid: list[s.InstanceId] = Field(default_factory=list)
    market: s.MarketName | None = None
    offerings: list[s.Pair] = Field(default_factory=list)
    each: Size | None = None
    loads: list[LoadShare] = Field(default_factory=list)
    for_stopped_tier: bool = False
    offering: s.Pair | None = None
    starts: list[Start] = Field(default_factory=list)


class Unavailable(_Section):
    """Capacity that EC2 refused a moment ago."""

    type: str
    subnet: str
    market: s.MarketName
    until: s.Time


class LaunchFailures(_Section):
    """Launches that failed one after another."""

    count: f.PositiveCount
    last_at: s.Time
    why: str = Field(min_length=1)


class GitHubPause(_Section):
    """GitHub asked to register no runner of an organization or a repository for a while."""

    reach: str
    until: s.Time
    why: str | None = None


class SnapshotFile(_Section):
    """A whole snapshot file."""

    configuration: str | None = None
    pool: str
    now: s.Time
    control: Literal["run", "pause", "drain"] = "run"
    jobs: list[Job] = Field(default_factory=list)
    runners: list[Runner] = Field(default_factory=list)
    instances: list[Instance] = Field(default_factory=list)
    intents: list[Intent] = Field(default_factory=list)
    unavailable: list[Unavailable] = Field(default_factory=list)
    launch_failures: LaunchFailures | None = None
    tier_failures: LaunchFailures | None = None
    template_version: s.Number | None = None
    github_pauses: list[GitHubPause] = Field(default_factory=list)
