"""How the host tests run a job's container: the flags that its task definition comes to, and what starts in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import CompletedProcess

from local.containers.imitated_host import ImitatedHost
from slipway.domain.configuration import Docker
from tests.containers.definitions import shipped_flags


def _flags(docker: Docker) -> list[str]:
    """Return what its task definition comes to, without sizes: this cgroup tree has no controllers for them.

    ``--init`` stands in for the entrypoint as process 1, which a script takes the place of.
    """
    return [*shipped_flags(docker, has_limits=False), "--init", f"--env=SLIPWAY_DOCKER={docker.value}"]


NONE, NESTED, PRIVILEGED = _flags(Docker.NONE), _flags(Docker.NESTED), _flags(Docker.PRIVILEGED)
# What entrypoint.sh does of it: Docker comes up in the background, and is waited for before the listener starts.
WITH_DOCKER = """
set -uo pipefail
time_scale=1
source /opt/slipway/lib/clock.sh
source /opt/slipway/lib/docker.sh
now; before=$now_ms
start_docker
now; echo "started after $((now_ms - before)) ms"
[[ -S $DOCKER_SOCKET ]] || echo "not yet"
await_docker || exit 24
now; echo "ready after $((now_ms - before)) ms"
exec sleep infinity
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A job's container on an imitated host."""

    host: ImitatedHost
    container_id: str

    def run(self, *command: str, user: str = "0", check: bool = True) -> CompletedProcess[str]:
        """Run a command in the container."""
        return self.host.docker("exec", f"--user={user}", self.container_id, *command, check=check)

    def shell(self, script: str, user: str = "1001", check: bool = True) -> CompletedProcess[str]:
        """Run a shell script in it, as the job's user."""
        return self.run("bash", "-euc", script, user=user, check=check)

    def python(self, source: str, check: bool = True) -> CompletedProcess[str]:
        """Run Python in it, as the container's root."""
        return self.host.run(
            *("docker", "exec", "-i", "--user=0", self.container_id, "python3", "-"),
            check=check,
            given=source,
        )

    @property
    def pid(self) -> int:
        """The container's first process, as the host numbers it."""
        return int(self.host.docker("inspect", "--format={{.State.Pid}}", self.container_id).stdout)

    @property
    def address(self) -> str:
        """Its address on docker0."""
        return self.host.docker(
            "inspect", "--format={{.NetworkSettings.Networks.bridge.IPAddress}}", self.container_id
        ).stdout.strip()

    def logs(self) -> str:
        return self.host.docker("logs", self.container_id).stdout


@contextmanager
def job(
    host: ImitatedHost, image: str, flags: list[str], script: str = "exec sleep infinity"
) -> Iterator[Job]:
    """Run a job's container on a host, and take it away in the end."""
    started = host.docker("run", "--detach", *flags, "--entrypoint=bash", image, "-c", script)
    running = Job(host, started.stdout.strip())
    try:
        yield running
    finally:
        host.docker("rm", "--force", "--volumes", running.container_id, check=False)


@contextmanager
def job_with_docker(host: ImitatedHost, image: str, flags: list[str]) -> Iterator[Job]:
    """Run a job's container, and wait until the Docker in it answers."""
    with job(host, image, ["--volume=/bin/busybox:/busybox:ro", *flags], WITH_DOCKER) as running:
        give_up_at = time.monotonic() + 60
        while "ready after" not in (said := running.logs()):
            alive = host.docker("inspect", "--format={{.State.Running}}", running.container_id).stdout.strip()
            assert alive == "true", said
            assert time.monotonic() < give_up_at, said
            time.sleep(0.1)
        running.shell(TINY_IMAGE)
        yield running


# An image inside the job, made of one static program: nothing can be pulled here.
TINY_IMAGE = """
mkdir -p /tmp/tiny/bin /tmp/tiny/www && cd /tmp/tiny && cp /busybox bin/ && echo served >www/index.html
for name in sh cat echo httpd id ls mkdir mount nc sleep test touch true wget; do ln -s busybox bin/$name; done
tar -c . | docker import - tiny >/dev/null
"""
