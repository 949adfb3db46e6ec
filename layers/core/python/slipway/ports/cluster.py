"""A pool's ECS cluster, in domain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from slipway.domain.instances import Instance
from slipway.domain.intents import Intent
from slipway.domain.matching import Shape
from slipway.domain.runners import Runner, RunnerState


@dataclass(frozen=True, slots=True)
class Task:
    """A task of ours as ECS has it now; ``intent`` and ``shape`` are read from what it was started with."""

    task_id: str
    shape: Shape
    intent: str
    status: str
    instance_arn: str | None
    created_at: float

    @property
    def is_stopped(self) -> bool:
        """Say whether ECS has stopped it."""
        return self.status == "STOPPED"


def starting(task: Task, pool: str) -> Runner:
    """Return the runner that a task which has claimed nothing yet stands for."""
    return Runner(
        task_id=task.task_id,
        pool=pool,
        shape=task.shape,
        state=RunnerState.STARTING,
        started_at=task.created_at,
        intent=task.intent,
        instance_arn=task.instance_arn,
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a container instance took no task, in ECS's words; no ARN where there is none at all."""

    reason: str
    instance_arn: str | None = None

    @property
    def is_for_room(self) -> bool:
        """Say whether it had too little room, rather than an agent that is away or not known yet."""
        return self.reason.startswith("RESOURCE:")


@dataclass(frozen=True, slots=True)
class RunResult:
    """What RunTask did: the tasks that were placed, and who refused the others."""

    tasks: tuple[Task, ...]
    refusals: tuple[Refusal, ...] = ()


class Cluster(Protocol):
    """Runs and stops runner tasks on one pool's instances."""

    def run(self, intent: Intent) -> RunResult:
        """Start the tasks of a ``RunTasks`` intent; the same intent again starts nothing new.

        Raises:
            RefusedError: a definite no. UnavailableError: throttled or down. UnknownOutcomeError: no reply.
        """

    def stop(self, task_id: str, why: str) -> None:
        """Stop a task; a task that is already gone is no error."""

    def tag(self, task_id: str, instance_arn: str, tags: Mapping[str, str]) -> None:
        """Tag a task on an instance, for the bill; a task that is already gone is no error."""

    def find_task(self, task_id: str) -> Task | None:
        """Return a task of ours by id, also for some time after it stopped."""

    def tasks(self) -> list[Task]:
        """List the tasks of ours that are not stopped."""

    def task_ids_on(self, instance_arn: str) -> list[str]:
        """List every task on an instance, whoever started it: what must be empty, or alone, is asked here."""

    def drain(self, instance_arn: str) -> None:
        """Let an instance take no new task; an instance that is already gone is no error.

        Raises:
            UnavailableError: ECS did not do it.
        """

    def instances(self, *, arn: str | None = None, instance_id: str | None = None) -> list[Instance]:
        """List the registered container instances, or only the one of an ARN or EC2 id: without reading all others."""
