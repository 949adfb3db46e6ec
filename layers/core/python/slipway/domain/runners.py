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


# Why a registration ended that its container released: nobody took it, or the container went before its idle timeout.
RELEASED, GIVEN_BACK = "released", "given back"


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
    asked_at: float | None = None  # when a standby container last said that it waits, noted now and then
    claimed_at: float | None = None  # when it was last given a job, also one that GitHub then refused
    runner_id: int | None = None
    reach: str | None = None
    label_key: str | None = None
    organization: str | None = None
    repository: str | None = None
    made_for: JobKey | None = None  # the job it was minted for; GitHub may have given it another
    job: JobKey | None = None  # the job it was minted for, then the job that it runs
    run_id: int | None = None  # the workflow run of the job that it runs
    busy_at: float | None = None
    ended_at: float | None = None
    ended_why: str | None = None
    waits_for: str | None = None  # the reach in which its turn to register comes at ``waits_until``
    waits_until: float | None = None

    @property
    def is_idle(self) -> bool:
        """Say whether it is registered and waits for GitHub to give it a job."""
        return self.state is RunnerState.REGISTERED


@dataclass(frozen=True, slots=True)
class Registration:
    """A runner registration as GitHub lists it; ``reach`` says where it was listed.

    ``version`` is what its listener last told of itself, none before it first connects [GH-JIT-FRESH]. ``task_id`` is
    that of its name, where it bears a name of ours.
    """

    runner_id: int
    name: str
    is_online: bool
    is_busy: bool
    reach: str
    group_id: int | None = None
    version: str | None = None
    task_id: str | None = None


_REST = re.compile(r"([a-z0-9][a-z0-9_-]{0,19})-([0-9a-f]{32})", re.ASCII)
_TASK = re.compile(r".+-[0-9a-f]{32}", re.ASCII)
_TASK_ID_LENGTH = 32
# Of a deployment and a profile together: a runner's name has 64 characters, two of them hyphens between its parts.
MAX_NAMES_LENGTH = 64 - _TASK_ID_LENGTH - 2


def task_family(deployment: str, profile: str) -> str:
    """Return the family of a profile's task definition; two deployments in one account share none."""
    return f"{deployment}-{profile}"


def runner_name(deployment: str, profile: str, task_id: str) -> str:
    """Return the name under which a task's runner registers: unique, readable, at most 64 characters.

    It begins with the deployment's, so that two deployments in one enterprise do not take each other's for ghosts; a
    deployment's name has no hyphen.
    """
    return f"{deployment}-{profile}-{task_id}"


def parse_runner_name(deployment: str, name: str) -> tuple[str, str] | None:
    """Return profile and task id of a runner name of a deployment, or ``None``."""
    prefix = f"{deployment}-"
    match = _REST.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None
    return (match[1], match[2]) if match else None


def runs_one_job(name: str) -> bool:
    """Say whether a runner's name ends with a task id, as each of ours does: it never runs a second job."""
    return _TASK.fullmatch(name) is not None


def task_id_of(name: str) -> str:
    """Return the task id with which a runner name of ours ends; of another's name, whatever it ends with."""
    return name[-_TASK_ID_LENGTH:]


@dataclass(frozen=True, slots=True)
class TaskHost:
    """Where a task that stopped had been placed, as its end told, and whether it ended because that host is lost."""

    instance_arn: str | None = None
    is_lost: bool = False


UNKNOWN_HOST = TaskHost()
