"""Containers as processes: each ECS task runs the real ``runner-image/entrypoint.sh`` with a stub listener."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from local.demo.scaled_time import Lock, ScaledTime
from local.twin.aws.ecs import TaskView
from local.twin.clock import VirtualClock

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRYPOINT = REPOSITORY / "runner-image" / "entrypoint.sh"
LISTENER = REPOSITORY / "local" / "twin" / "listener" / "bin" / "Runner.Listener"
Exited = Callable[[str, int], None]


@dataclass(slots=True)
class Containers:
    """Implements the twin's ``ContainerRuntime`` with processes, each in its own session and folder.

    ``exited`` is called under the lock with task ARN and exit code. ``logs`` holds what each printed.
    """

    folder: Path
    scaled: ScaledTime
    clock: VirtualClock
    lock: Lock
    environment: dict[str, str]
    credentials_url: str
    exited: Exited = lambda _arn, _code: None
    exit_codes: dict[str, int] = field(default_factory=dict)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _starter: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(4, thread_name_prefix="containers")
    )
    _stopping: set[str] = field(default_factory=set)

    def start(self, task: TaskView) -> None:
        """Start a task's container without making the caller, who holds the lock, wait for the fork."""
        self._starter.submit(self._start, task)

    def stop(self, task_id: str, grace_seconds: float) -> None:
        """Send SIGTERM, and SIGKILL after the grace; a grace of 0 is a host that is gone."""
        self._stopping.add(task_id)
        self._signal(task_id, signal.SIGTERM if grace_seconds else signal.SIGKILL)
        self.clock.schedule(grace_seconds, lambda: self._signal(task_id, signal.SIGKILL))

    def close(self) -> None:
        """Kill what is left."""
        for task_id in list(self._processes):
            self._signal(task_id, signal.SIGKILL)
        self._starter.shutdown()

    def log_of(self, task_id: str) -> Path:
        """Return the file with a container's output."""
        return self.folder / f"{task_id}.log"

    def _start(self, task: TaskView) -> None:
        home = self.folder / task.task_id
        (home / "bin").mkdir(parents=True)
        shutil.copy2(LISTENER, home / "bin" / LISTENER.name)
        environment = {
            **self.environment,
            **task.environment,
            "SLIPWAY_DOCKER": "none",  # a process has no Docker of its own: it would start the machine's
            "HOME": str(home),
            "RUNNER_HOME": str(home),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.credentials_url}/{task.task_id}",
            "SLIPWAY_TIME_SCALE": str(self.scaled.scale),
            "TWIN_CLOCK_SCALE": str(self.scaled.scale),
        }
        with self.log_of(task.task_id).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own script
                ["/bin/bash", str(ENTRYPOINT)],
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes[task.task_id] = process
        if task.task_id in self._stopping:
            self._signal(task.task_id, signal.SIGTERM)
        threading.Thread(target=self._wait, args=(task, process), daemon=True).start()

    def _wait(self, task: TaskView, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a container takes everything in it along
        self._processes.pop(task.task_id, None)
        shutil.rmtree(self.folder / task.task_id, ignore_errors=True)
        exit_code = code if code >= 0 else 128 - code
        self.exit_codes[task.task_id] = exit_code
        with self.lock:
            self.exited(task.task_arn, exit_code)

    def _signal(self, task_id: str, number: signal.Signals) -> None:
        process = self._processes.get(task_id)
        if process is None or process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
