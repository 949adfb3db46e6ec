"""The seam behind which a task's container really runs, or only seems to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from local.twin.clock import Scheduled, VirtualClock


@dataclass(frozen=True, slots=True)
class TaskView:
    """What a container runtime is told of a task: its essential container, with overrides applied."""

    task_arn: str
    task_id: str
    cluster: str
    family: str
    container_name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    task_role_arn: str | None
    ec2_instance_id: str
    cpu_units: int
    memory_mib: int
    started_by: str | None


class ContainerRuntime(Protocol):
    """Starts and stops containers; reports an exit with `Ecs.container_exited(task_arn, exit_code)`."""

    def start(self, task: TaskView) -> None:
        """The task's container starts now. Must not block; may report an exit at once."""

    def stop(self, task_id: str, grace_seconds: float) -> None:
        """Send SIGTERM, then SIGKILL after the grace; a grace of 0 means the host is gone: kill now.

        An unknown or already exited task is no error. After the grace the twin records exit 137 itself.
        """


class IdleRuntime:
    """Containers that run until they are stopped, then exit 0 at once."""

    def __init__(self) -> None:
        self.running: dict[str, TaskView] = {}
        self.exited: Callable[[str, int], None] = lambda _arn, _code: None

    def start(self, task: TaskView) -> None:
        self.running[task.task_id] = task

    def stop(self, task_id: str, grace_seconds: float) -> None:
        task = self.running.pop(task_id, None)
        if task is not None and grace_seconds > 0:
            self.exited(task.task_arn, 0)

    def exit(self, task_id: str, exit_code: int = 0) -> None:
        """The container ends by itself."""
        self.exited(self.running.pop(task_id).task_arn, exit_code)


@dataclass(slots=True)
class ScriptedRuntime:
    """Containers that run for `seconds(task)`, then exit 0; they can be told to ignore SIGTERM."""

    clock: VirtualClock
    seconds: Callable[[TaskView], float]
    ignores_sigterm: bool = False
    exited: Callable[[str, int], None] = lambda _arn, _code: None
    _running: dict[str, tuple[TaskView, Scheduled]] = field(default_factory=dict)

    def start(self, task: TaskView) -> None:
        handle = self.clock.schedule(self.seconds(task), lambda: self._end(task.task_id, 0))
        self._running[task.task_id] = (task, handle)

    def stop(self, task_id: str, grace_seconds: float) -> None:
        if grace_seconds == 0:
            _task, handle = self._running.pop(task_id, (None, None))
            if handle is not None:
                handle.cancel()
        elif not self.ignores_sigterm:
            self._end(task_id, 143)

    def _end(self, task_id: str, exit_code: int) -> None:
        task, handle = self._running.pop(task_id, (None, None))
        if task is not None and handle is not None:
            handle.cancel()
            self.exited(task.task_arn, exit_code)
