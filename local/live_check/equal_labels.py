"""Who gets a runner that two jobs wait for: the older job, or not [GH-JIT-NOT-BOUND]."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local.live_check.github import LiveGitHub, new_name
from local.live_check.registrations import Finding
from local.live_check.settings import DISPATCH_TOKEN, LiveSettings
from slipway.domain.errors import SlipwayError

PATIENCE_SECONDS = 180
WORKFLOW = """\
name: slipway live check
on:
  workflow_dispatch:
    inputs:
      label: {required: true, type: string}
jobs:
  wait:
    runs-on: ${{ inputs.label }}
    steps:
      - run: sleep 5
"""
_HOOK = '#!/bin/bash\nprintf %s "$GITHUB_REPOSITORY" > "$LIVE_CHECK_TAKEN"\n'


@dataclass(frozen=True, slots=True)
class Runner:
    """GitHub's own listener; ``run`` returns the repository whose job it took, or None if it took none."""

    directory: Path

    def run(self, jit_config: str) -> str | None:
        """Run one listener to its end, or for so long as patience lasts."""
        with tempfile.TemporaryDirectory() as folder:
            taken, hook = Path(folder) / "taken", Path(folder) / "started.sh"
            hook.write_text(_HOOK, "utf-8")
            environment = {
                "PATH": os.environ.get("PATH", ""),
                "HOME": folder,
                "ACTIONS_RUNNER_INPUT_JITCONFIG": jit_config,  # [RUNNER-JIT-INPUT]
                "ACTIONS_RUNNER_HOOK_JOB_STARTED": str(hook),  # [RUNNER-HOOKS]
                "LIVE_CHECK_TAKEN": str(taken),
            }
            listener = [str(self.directory / "bin" / "Runner.Listener"), "run"]
            try:
                subprocess.run(  # noqa: S603 - the program that the user named, no shell
                    listener,
                    cwd=self.directory,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=PATIENCE_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return None
            return taken.read_text("utf-8") if taken.exists() else None


def missing(settings: LiveSettings) -> list[str]:
    """Return what this part of the check is not given."""
    needed = {
        "--repositories": bool(settings.repositories),
        "--runner-dir": settings.runner_directory is not None,
        DISPATCH_TOKEN: settings.dispatch_token is not None,
    }
    return [name for name, is_given in needed.items() if not is_given]


def check(
    github: LiveGitHub,
    settings: LiveSettings,
    sleep: Callable[[float], None],
    run: Callable[[str], str | None],
) -> Iterator[Finding]:
    """Let two jobs of two repositories wait for one label, and see which of them one runner gets."""
    older_first = rounds = 0
    for number in range(settings.rounds):
        # In turn, so that it is the age that decides and not the repository.
        older, newer = settings.repositories if number % 2 == 0 else reversed(settings.repositories)
        try:
            first, second = _round(github, settings, (older, newer), sleep, run)
        except SlipwayError as fault:
            yield Finding("failed", str(fault))
            return
        if {first, second} != {older, newer}:
            yield Finding(
                "failed",
                f"within {PATIENCE_SECONDS} s the runners got jobs of {first or 'nobody'} and {second or 'nobody'}: is "
                f"{settings.workflow} on branch {settings.ref} of both, and may both use the group {settings.group}? "
                "Cancel the runs that are left",
            )
            return
        rounds += 1
        older_first += first == older
        yield Finding(
            "ok", f"round {number + 1}: of {older} (older) and {newer}, {first} got the first runner"
        )
    yield Finding(
        "note", f"the older job got the runner in {older_first} of {rounds} rounds [GH-JIT-NOT-BOUND]"
    )


def _round(
    github: LiveGitHub,
    settings: LiveSettings,
    repositories: tuple[str, str],
    sleep: Callable[[float], None],
    run: Callable[[str], str | None],
) -> tuple[str | None, str | None]:
    label = new_name()
    for repository in repositories:
        path = f"/repos/{repository}/actions/workflows/{settings.workflow}/dispatches"
        body = {"ref": settings.ref, "inputs": {"label": label}}
        github.api.call("POST", path, lambda: settings.dispatch_token or "", json=body)
        sleep(settings.wait_seconds)
    first, second = (run(github.runners.mint(github.a_job(label), new_name()).encoded) for _ in range(2))
    return first, second
