"""Containers on the virtual clock: what ``runner-image/entrypoint.sh`` does, without a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.twin.aws.ecs import TaskView
from local.twin.github.listener import VirtualListener
from local.twin.latency import Phase
from slipway.domain.identity import TaskIdentity
from slipway.services.claim import Answer

if TYPE_CHECKING:
    from local.simulator.loop import Loop

START_SECONDS = 0.3  # from the container's start to its first claim, where no latency model says otherwise
SPREAD_SECONDS = 0.5  # what a container waits at most beyond what it is told, or a tenth of that
EXIT_DONE, EXIT_REFUSED, EXIT_ALREADY_CLAIMED = 0, 11, 12


@dataclass(slots=True)
class VirtualContainer:
    """One runner task: claims, listens, releases when idle, exits."""

    loop: Loop
    task: TaskView
    exited: Callable[[int], None]
    answers: list[Answer] = field(default_factory=list)
    listener: VirtualListener | None = None
    is_alive: bool = True
    asked_at: float = 0.0
    """When RunTask placed the task, epoch seconds; ``up_at`` when its container ran."""
    up_at: float = 0.0
    claimed_at: float | None = None

    @property
    def caller(self) -> TaskIdentity:
        """Return who this task is by its credentials."""
        role = (self.task.task_role_arn or "").rpartition("/")[2]
        return TaskIdentity("123456789012", role, self.task.task_id)

    def claim(self) -> None:
        """Ask for a runner, and act on the answer as the entrypoint does."""
        if self.is_alive:
            self.loop.ask_claim(self.caller, self._claimed)

    def _claimed(self, answer: Answer) -> None:
        if self.loop.keeps_log:
            self.answers.append(answer)
        if answer.status == 200:
            self.claimed_at = self.loop.clock.now()
        if not self.is_alive:
            return
        if answer.status == 200:
            self._listen(answer)
        elif answer.status in (204, 503):
            self.loop.clock.schedule(self._pause(answer.retry_after_seconds or 1), self.claim)
        else:
            self.end({410: EXIT_DONE, 409: EXIT_ALREADY_CLAIMED}.get(answer.status, EXIT_REFUSED))

    def _pause(self, told_seconds: int) -> float:
        """Return how long it waits that is told to: a little longer, by chance, as ``lib/clock.sh`` does."""
        longest = max(told_seconds / 10, SPREAD_SECONDS) if self.loop.latency else 0.0
        return told_seconds + self.loop.rng.uniform(0.0, longest)

    def end(self, code: int) -> None:
        """Exit once."""
        if self.is_alive:
            self.is_alive = False
            self.exited(code)

    def terminate(self) -> None:
        """Take SIGTERM: an idle runner releases itself, a busy one fails its job."""
        if self.listener is None:
            self.end(EXIT_DONE)
        elif self.listener.busy:
            self.listener.shut_down()
        else:
            self.loop.ask_release(self.caller, self._released_by_force)

    def kill(self) -> None:
        """Vanish with the host."""
        self.is_alive = False
        if self.listener:
            self.listener.kill()

    def _released_by_force(self, answer: Answer) -> None:
        if self.is_alive and self.listener is not None and answer.status != 409:
            self.listener.shut_down()

    def _listen(self, answer: Answer) -> None:
        """Start the listener: it has its session, and a job that waits, when GitHub has answered."""
        jit_config = str(answer.body["jit_config"])

        def listen() -> None:
            if self.is_alive:
                self.listener = VirtualListener(self.loop.github, jit_config, self.end)
                self.loop.clock.schedule(float(answer.body["idle_timeout_seconds"]), self._watchdog)

        seconds = self.loop.draw(Phase.LISTENER_SESSION) + self.loop.draw(Phase.JOB_ASSIGNMENT)
        if seconds:
            self.loop.clock.schedule(seconds, listen)
        else:
            listen()

    def _watchdog(self) -> None:
        if not self.is_alive or self.listener is None or self.listener.busy:
            return
        self.loop.ask_release(self.caller, self._released)

    def _released(self, answer: Answer) -> None:
        if not self.is_alive or self.listener is None:
            return
        if answer.status in (200, 410):
            self.listener.shut_down()
        elif answer.status == 503:
            self.loop.clock.schedule(5.0, self._watchdog)


@dataclass(slots=True)
class VirtualContainers:
    """Implements the ECS twin's ``ContainerRuntime``; ``by_task`` keeps every container there ever was.

    ``make`` builds a container and can be replaced, so that tests put a hostile one in its place.
    """

    loop: Loop
    by_task: dict[str, VirtualContainer] = field(default_factory=dict)
    make: Callable[..., VirtualContainer] = VirtualContainer

    def start(self, task: TaskView) -> None:
        """Start a container."""

        def exited(code: int) -> None:
            self.loop.aws.ecs.container_exited(task.task_arn, code)

        container = self.make(self.loop, task, exited)
        container.asked_at = self.loop.aws.ecs.created_at(task.task_id)
        container.up_at = self.loop.clock.now()
        self.by_task[task.task_id] = container
        self.loop.clock.schedule(self.loop.draw(Phase.CONTAINER_TO_CLAIM) or START_SECONDS, container.claim)

    def stop(self, task_id: str, grace_seconds: float) -> None:
        """Send SIGTERM; a grace of 0 is a host that is gone."""
        container: Any = self.by_task.get(task_id)
        if container is not None and container.is_alive:
            (container.terminate if grace_seconds > 0 else container.kill)()
