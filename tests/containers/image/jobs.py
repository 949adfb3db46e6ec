"""Jobs in real containers of the runner image, with the settings of a task definition whose profile has no Docker."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from local.containers.podman import Podman
from slipway.domain.configuration import Docker
from tests.containers.definitions import shipped_flags
from tests.integration.runner_image.loopback import REGION

HANGS_AFTER_SECONDS = 60
PIDS_LIMIT = 128
MEMORY_MIB = 256
# What the ECS agent makes of a task definition with `docker: none`; the limits are small, so that reaching them is quick.
FLAGS = shipped_flags(Docker.NONE, memory_mib=MEMORY_MIB, pids_limit=PIDS_LIMIT)
# How the real listener takes its job: the hook first, the work, the other hook [RUNNER-HOOK-SHELL].
LISTENER = """#!/usr/bin/env bash
bash -e "$ACTIONS_RUNNER_HOOK_JOB_STARTED"
env -u ACTIONS_RUNNER_INPUT_JITCONFIG bash /job.sh
code=$?
bash -e "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"
exit $code
"""
_numbers = itertools.count(1)


@dataclass(slots=True)
class JobContainer:
    """One container; ``output`` holds what was read of its stdout and stderr so far."""

    podman: Podman
    image: str
    folder: Path
    flags: tuple[str, ...] = FLAGS
    environment: dict[str, str] = field(default_factory=dict)
    output: list[str] = field(default_factory=list)
    command: tuple[str, ...] = ()
    name: str = field(default_factory=lambda: f"slipway-test-{os.getpid()}-{next(_numbers)}")
    _process: subprocess.Popen[str] | None = None

    def start_job(
        self, api_url: str, job: str, task: str = "id", listener: str = LISTENER, network: str = "host"
    ) -> None:
        """Start the entrypoint, with a listener that takes ``job`` (a bash script) at once.

        On the machine's network: the claim API is on loopback, the only place where http is allowed.
        """
        mounts = [
            self._mount("listener", listener, "/home/runner/bin/Runner.Listener"),
            self._mount("job.sh", job, "/job.sh"),
        ]
        environment = {
            "AWS_REGION": REGION,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{api_url}/v2/credentials/{task}",
            "SLIPWAY_CLAIM_URL": api_url,
            "SLIPWAY_PROFILE": "medium",
            "SLIPWAY_POOL": "general",
            **self.environment,
        }
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        self._start(*mounts, f"--network={network}", *variables, self.image, *self.command)

    def start_script(self, script: str, network: str = "none") -> None:
        """Start a bash script in place of the entrypoint; both its streams are one, or halves of lines would mingle."""
        mount = self._mount("script.sh", f"exec 2>&1\n{script}", "/script.sh")
        variables = [f"--env={name}={value}" for name, value in self.environment.items()]
        self._start(
            mount, f"--network={network}", *variables, "--entrypoint=/bin/bash", self.image, "/script.sh"
        )

    def read_until(self, text: str) -> None:
        """Read the output up to the line that contains ``text``."""
        for line in self._lines():
            self.output.append(line)
            if text in line:
                return
        raise AssertionError(f"the container ended without {text!r}:\n{self.text}")

    def finish(self) -> int:
        """Read to the end; return the container's exit code."""
        self.output.extend(self._lines())
        assert self._process is not None
        return self._process.wait(timeout=HANGS_AFTER_SECONDS)

    def signal(self, name: str = "TERM") -> None:
        self.podman.run("kill", f"--signal={name}", self.name)

    def remove(self) -> None:
        self.podman.run("rm", "--force", "--time=0", self.name, check=False)
        if self._process is not None:
            self._process.wait(timeout=HANGS_AFTER_SECONDS)
            if self._process.stdout is not None:
                self._process.stdout.close()

    @property
    def text(self) -> str:
        return "".join(self.output)

    def said(self, key: str) -> str:
        """Return what the job printed as ``KEY: VALUE``."""
        found = [
            line.removeprefix(f"{key}: ").rstrip("\n") for line in self.output if line.startswith(f"{key}: ")
        ]
        assert len(found) == 1, f"{key!r} was said {len(found)} times:\n{self.text}"
        return found[0]

    def phases(self) -> list[dict[str, Any]]:
        return [cast(dict[str, Any], json.loads(line)) for line in self.output if line.startswith('{"time"')]

    def phase(self, name: str) -> dict[str, Any]:
        (found,) = [phase for phase in self.phases() if phase["phase"] == name]
        return found

    def _mount(self, name: str, content: str, place: str) -> str:
        path = self.folder / f"{self.name}-{name}"
        path.write_text(content)
        path.chmod(0o755)
        return f"--volume={path}:{place}:ro"

    def _start(self, *arguments: str) -> None:
        self._process = self.podman.popen("run", "--rm", f"--name={self.name}", *self.flags, *arguments)

    def _lines(self) -> Iterator[str]:
        assert self._process is not None, "start comes first"
        assert self._process.stdout is not None
        hanging = threading.Timer(HANGS_AFTER_SECONDS, self._end_hung)
        hanging.start()
        try:
            while line := self._process.stdout.readline():
                yield line
        finally:
            hanging.cancel()

    def _end_hung(self) -> None:
        self.output.append("(killed: it hung)\n")
        self.podman.run("kill", self.name, check=False)
