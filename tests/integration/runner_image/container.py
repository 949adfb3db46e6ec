"""The real entrypoint as a process, with a listener written as a shell script."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests.integration.runner_image.loopback import REGION, ClaimApi

RUNNER_IMAGE = Path(__file__).parents[3] / "runner-image"
HANGS_AFTER_SECONDS = 60

# Takes its job as the real listener does: the hook first, then the work [RUNNER-HOOK-SHELL].
TAKES_A_JOB = 'bash -e "$ACTIONS_RUNNER_HOOK_JOB_STARTED" || exit 99\n'
# Only from here on does the listener answer SIGINT as its script says.
IS_READY = "touch ../ready\n"
LONG_POLLS = IS_READY + "while true; do sleep 0.02; done\n"
# Long-polls until SIGINT, and says that it saw one.
WAITS_FOR_SIGINT = "trap 'echo saw-sigint; exit 0' INT\n" + LONG_POLLS


@dataclass(slots=True)
class Container:
    """One run of the entrypoint; ``output`` holds what was read of its stdout and stderr so far."""

    api: ClaimApi
    directory: Path
    time_scale: int = 100
    # Requests are not scaled: a test of something else never meets the end of the patience.
    environment: dict[str, str] = field(default_factory=lambda: {"SLIPWAY_CLAIM_PATIENCE_SECONDS": "999999"})
    command_prefix: tuple[str, ...] = ()
    image: Path = RUNNER_IMAGE
    output: list[str] = field(default_factory=list)
    hung: bool = False
    _process: subprocess.Popen[str] | None = None

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "start() comes first"
        return self._process

    def install_listener(self, script: str) -> None:
        self._write_script(self.home / "bin" / "Runner.Listener", script)

    def wrap_command(self, name: str, script: str) -> None:
        """Put a stand-in before ``name`` on PATH; inside it, ``$real`` is the real command's path."""
        real = subprocess.run(["which", name], check=True, capture_output=True, text=True).stdout.strip()
        self.put_command(name, f"real={real}\n{script}")

    def put_command(self, name: str, script: str) -> None:
        """Put a command before all others on PATH."""
        self._write_script(self.directory / "path" / name, script)

    def change_image(self, name: str, content: str) -> None:
        """Run a copy of the scripts in which one is replaced."""
        self.image = self.directory / "image"
        shutil.copytree(RUNNER_IMAGE, self.image, dirs_exist_ok=True)
        (self.image / name).write_text(content)

    def fake_cgroup(self) -> Path:
        """Let the scripts read a cgroup whose files a test and its listener write."""
        cgroup = self.directory / "cgroup"
        cgroup.mkdir()
        library = (RUNNER_IMAGE / "lib" / "usage.sh").read_text()
        assert "CGROUP=/sys/fs/cgroup\n" in library
        self.change_image("lib/usage.sh", library.replace("CGROUP=/sys/fs/cgroup", f"CGROUP={cgroup}"))
        return cgroup

    def start(self) -> None:
        self.start_command(str(self.image / "entrypoint.sh"))

    def start_command(self, *command: str) -> None:
        environment = {
            "PATH": f"{self.directory / 'path'}:{os.environ['PATH']}",
            "TMPDIR": str(self.directory),
            "AWS_REGION": REGION,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.api.url}/v2/credentials/id",
            "SLIPWAY_CLAIM_URL": self.api.url,
            "SLIPWAY_TIME_SCALE": str(self.time_scale),
            "RUNNER_HOME": str(self.home),
        }
        self._process = subprocess.Popen(
            [*self.command_prefix, *command],
            env={**environment, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_until_listening(self) -> None:
        self.wait_for(self.directory / "ready")

    def wait_for(self, path: Path) -> None:
        deadline = time.monotonic() + HANGS_AFTER_SECONDS
        while not path.exists():
            assert time.monotonic() < deadline, f"no {path.name} appeared"
            time.sleep(0.005)

    def read_until(self, text: str) -> None:
        """Read the output up to the line that contains ``text``."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            if text in line:
                return
        raise AssertionError(f"the entrypoint ended without {text!r}:\n{''.join(self.output)}")

    def finish(self) -> int:
        """Read to the end: also the end of every process that inherited stdout."""
        self.output.extend(self.process.stdout or ())
        code = self.process.wait()
        assert not self.hung, f"it, or what held its output, had to be killed:\n{''.join(self.output)}"
        return code

    def run(self) -> int:
        self.start()
        return self.finish()

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def phases(self) -> list[dict[str, Any]]:
        return [cast(dict[str, Any], json.loads(line)) for line in self.output if line.startswith("{")]

    def phase_names(self) -> list[str]:
        return [phase["phase"] for phase in self.phases()]

    def delays_ms(self) -> list[int]:
        return [phase["retry_in_ms"] for phase in self.phases() if "retry_in_ms" in phase]

    def kill_hung(self) -> None:
        self.hung = True
        self.kill()

    def kill(self) -> None:
        if self._process is None:
            return
        for pid in _session_members(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def close_output(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def _write_script(self, path: Path, script: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/usr/bin/env bash\n{script}")
        path.chmod(0o755)


def _session_members(session: int) -> Iterator[int]:
    """The listener has a process group of its own, so a failed test is cleaned up by session."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                yield int(stat.parent.name)


@contextmanager
def new_container(api: ClaimApi, directory: Path) -> Iterator[Container]:
    container = Container(api, directory)
    container.install_listener("exit 0\n")
    hanging = threading.Timer(HANGS_AFTER_SECONDS, container.kill_hung)
    hanging.start()
    try:
        yield container
    finally:
        hanging.cancel()
        hanging.join()
        container.kill()
        container.close_output()
