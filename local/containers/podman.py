"""Podman, with everything it keeps in one folder, so that the machine's own containers are left alone."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# A virtual machine's root may lack CAP_SYS_RESOURCE: limits above the shell's own are then refused. And crun does
# not know the hybrid of cgroup v1 and v2 that many machines still have, runc does.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
"""
# Kept between runs: making a base image takes longer than all the tests that use it.
STORE = Path(__file__).resolve().parents[2] / "build" / "containers"
NEEDED = ("podman", "runc", "mmdebstrap")
CURE = "make image-check installs what is missing (Debian, as root)"


class PodmanError(Exception):
    """A podman command failed; the message has the command and the end of what it said."""


@dataclass(frozen=True, slots=True)
class Podman:
    """Runs podman on the store in ``folder``; containers, images and volumes of others are not seen."""

    folder: Path

    def run(
        self, *arguments: str, check: bool = True, given: str | None = None, timeout_seconds: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run ``podman ARGUMENTS`` to its end.

        Raises:
            PodmanError: it failed, and ``check`` is set.
            TimeoutExpired: it took longer than the timeout, and was killed.
        """
        done = subprocess.run(  # noqa: S603 - our own arguments
            self.command(*arguments),
            env=self.environment(),
            cwd=self.folder,  # where the container's monitor leaves a file when memory runs out
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout_seconds,
        )
        if check and done.returncode:
            said = (done.stderr or done.stdout)[-2_000:].strip()
            raise PodmanError(f"podman {' '.join(arguments)[:300]} ended with {done.returncode}: {said}")
        return done

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``podman ARGUMENTS`` and leave it running; stdout and stderr are one pipe."""
        return subprocess.Popen(  # noqa: S603 - our own arguments
            self.command(*arguments),
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line."""
        # Under /run and short: podman refuses a runroot of more than 50 characters.
        run = f"/run/slipway-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]}"
        places = ["--root", str(self.folder / "store"), "--runroot", run, "--tmpdir", f"{run}/libpod"]
        return ["podman", *places, "--storage-driver", "overlay", *arguments]

    def environment(self) -> dict[str, str]:
        """Return the environment that podman runs in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "containers.conf"
        if not configuration.exists():
            # Whole or not at all: another process may run podman with it at any moment.
            partial = configuration.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            partial.write_text(CONTAINERS_CONF, "utf-8")
            partial.replace(configuration)
        return {**os.environ, "CONTAINERS_CONF": str(configuration)}

    def has_image(self, name: str) -> bool:
        """Tell whether the store has an image of that name and tag."""
        return self.run("image", "exists", name, check=False).returncode == 0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes that ask for this out: images are built once, by whoever comes first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def why_not() -> str | None:
    """Return why this machine can run no containers for us, with the cure; None when it can try."""
    if os.geteuid() != 0:
        return f"containers need root here; {CURE}"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"missing: {', '.join(missing)}; {CURE}"
    return None
