"""Runners: one ECS task each, one job each, then gone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape


class RunnerState(StrEnum):
    """The states of a runner, in the only direction in which it moves."""

    STARTING = "starting"  # a task that knows nothing yet
    REGISTERED = "registered"  # a JIT config was, or may have been, minted for it
    BUSY = "busy"  # it runs a job
    GONE = "gone"  # it will never run a job again; its task may still have to end


@dataclass(frozen=True, slots=True)
class Runner:
    """What the ledger knows of one runner task. Times are epoch seconds.

    ``reach`` and ``label_key`` say which queued jobs the registered runner may be given by GitHub.
    """

    task_id: str
    pool: str
    shape: Shape
    state: RunnerState
    started_at: float
    intent: str
    instance_arn: str | None = None
    running_at: float | None = None
    claimed_at: float | None = None
    runner_id: int | None = None
    reach: str | None = None
    label_key: str | None = None
    organization: str | None = None
    repository: str | None = None
    job: JobKey | None = None  # the job it was minted for, then the job that it runs
    run_id: int | None = None  # the workflow run of the job that it runs
    busy_at: float | None = None
    ended_at: float | None = None
    ended_why: str | None = None

    @property
    def is_idle(self) -> bool:
        """Say whether it is registered and waits for GitHub to give it a job."""
        return self.state is RunnerState.REGISTERED

    @property
    def name(self) -> str:
        """Return its name at GitHub."""
        return runner_name(self.shape.profile, self.task_id)


@dataclass(frozen=True, slots=True)
class Registration:
    """A runner registration as GitHub lists it; ``reach`` says where it was listed.

    ``version`` is what its listener last told of itself, none before it first connects [GH-JIT-FRESH].
    """

    runner_id: int
    name: str
    is_online: bool
    is_busy: bool
    reach: str
    group_id: int | None = None
    version: str | None = None


_NAME = re.compile(r"slipway-([a-z0-9][a-z0-9_-]{0,19})-([0-9a-f]{32})", re.ASCII)


def runner_name(profile: str, task_id: str) -> str:
    """Return the name under which a task's runner registers: unique, readable, at most 64 characters."""
    return f"slipway-{profile}-{task_id}"


def parse_runner_name(name: str) -> tuple[str, str] | None:
    """Return profile and task id of a runner name of ours, or ``None``."""
    match = _NAME.fullmatch(name)
    return (match[1], match[2]) if match else None
