"""Real containers: each ECS task runs the runner image with the flags that its task definition means."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.containers.podman import Podman
from local.containers.task_flags import Host, task_flags
from local.demo.scaled_time import Lock, ScaledTime
from local.twin.aws.ecs import TaskView
from local.twin.clock import VirtualClock

HIGHEST_ULIMIT = 4_096  # what a machine without CAP_SYS_RESOURCE may give
MOST_PROCESSES = 4_096
AT_ONCE = 2  # podman commands: a start takes a processor core for a few tenths of a second
SIGNAL_AGAIN_SECONDS = 0.1


@dataclass(slots=True)
class PodmanContainers:
    """Implements the twin's ``ContainerRuntime`` with podman.

    They share the machine's network, because the demo's servers listen on its loopback alone. ``exited`` is called
    under the lock with task ARN and exit code. ``definitions`` are RegisterTaskDefinition requests by family.
    """

    podman: Podman
    image: str
    folder: Path
    scaled: ScaledTime
    clock: VirtualClock
    lock: Lock
    definitions: Mapping[str, dict[str, Any]]
    credentials_url: str
    exited: Callable[[str, int], None]
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _commands: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(AT_ONCE, thread_name_prefix="podman")
    )
    _stopping: set[str] = field(default_factory=set)
    _is_closed: threading.Event = field(default_factory=threading.Event)

    def start(self, task: TaskView) -> None:
        """Start a task's container; the caller, who holds the lock, does not wait."""
        self._commands.submit(self._start, task)

    def stop(self, task_id: str, grace_seconds: float) -> None:
        """Send SIGTERM, and SIGKILL after the grace; a grace of 0 is a host that is gone."""
        self._stopping.add(task_id)
        self._signal_soon(task_id, "TERM" if grace_seconds else "KILL")
        self.clock.schedule(grace_seconds, lambda: self._signal_soon(task_id, "KILL"))

    def close(self) -> None:
        """Remove what is left."""
        self._is_closed.set()
        self._commands.shutdown(cancel_futures=True)
        left = [_name(task_id) for task_id in self._processes]
        if left:
            self.podman.run("rm", "--force", "--ignore", "--time=0", *left, check=False)

    def _start(self, task: TaskView) -> None:
        host = Host(
            network="host",
            pids_limit=MOST_PROCESSES,
            highest_ulimit=HIGHEST_ULIMIT,
            environment={
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.credentials_url}/{task.task_id}",
                "SLIPWAY_TIME_SCALE": str(self.scaled.scale),
                "TWIN_CLOCK_SCALE": str(self.scaled.scale),
            },
        )
        # A sized label changes the task's size, as RunTask's override does.
        sized = {
            **self.definitions[task.family],
            "cpu": str(task.cpu_units),
            "memory": str(task.memory_mib),
        }
        command = self.podman.command(
            *("run", "--rm", "--pull=never", "--log-driver=none", f"--name={_name(task.task_id)}"),
            *task_flags(sized, host),
            self.image,
        )
        with (self.folder / f"{task.task_id}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                command,
                env=self.podman.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # an interrupt at the terminal is for the demo, which then ends them
            )
        self._processes[task.task_id] = process
        if task.task_id in self._stopping:
            self._signal_soon(task.task_id, "TERM")
        threading.Thread(target=self._wait, args=(task, process), daemon=True).start()

    def _wait(self, task: TaskView, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        self._processes.pop(task.task_id, None)
        with self.lock:
            self.exited(task.task_arn, code)

    def _signal_soon(self, task_id: str, name: str) -> None:
        if not self._is_closed.is_set():
            threading.Thread(target=self._signal, args=(task_id, name), daemon=True).start()

    def _signal(self, task_id: str, name: str) -> None:
        """Signal a container; one that podman is still making cannot be signalled yet, so ask again."""
        process = self._processes.get(task_id)
        while process is not None and process.poll() is None and not self._is_closed.is_set():
            if self.podman.run("kill", f"--signal={name}", _name(task_id), check=False).returncode == 0:
                return
            self._is_closed.wait(SIGNAL_AGAIN_SECONDS)


def _name(task_id: str) -> str:
    return f"slipway-demo-{task_id}"
