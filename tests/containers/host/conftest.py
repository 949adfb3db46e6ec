"""Imitated hosts for the tests: one of nested Docker that all workers share, since images take half a minute to load."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.containers.images import runner_image
from local.containers.imitated_host import ImitatedHost, await_boot, boot, host_image, remove
from local.containers.podman import Podman
from local.infrastructure.user_data import HostSettings
from tests.containers.host.shapes import NESTED, Job, job_with_docker

NESTED_POOL = HostSettings(cluster="slipway-general", pool="general", docker="nested")
SHARED_NAME = "host-shared"


def look_when_asked(host: ImitatedHost) -> None:
    """Stop the look at the guards that comes every minute: it would come between a test that takes one away and its own."""
    host.run("systemctl", "stop", "slipway-recheck.timer", "slipway-recheck.service")


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    """The runner image, under the name that it has on the hosts too."""
    name = runner_image(podman, "full")
    host_image(podman)
    return name


@pytest.fixture(scope="session")
def host(podman: Podman, image: str) -> Iterator[ImitatedHost]:
    """A host of a nested pool, with the runner image loaded. Leave its guards alone: others use it at the same time."""
    with _alone(podman) as users:
        shared = ImitatedHost(podman, SHARED_NAME)
        if not _living(users):
            remove(shared)  # one that a killed run left behind
            boot(podman, NESTED_POOL, name=SHARED_NAME)
            await_boot(shared)
            look_when_asked(shared)
            shared.load(image)
        (users / str(os.getpid())).touch()
    try:
        yield shared
    finally:
        with _alone(podman) as users:
            (users / str(os.getpid())).unlink()
            if not _living(users):
                remove(shared)


@pytest.fixture(scope="session")
def nested(host: ImitatedHost, image: str) -> Iterator[Job]:
    """A job with Docker on the shared host, its images and containers its own."""
    with job_with_docker(host, image, NESTED) as running:
        yield running


@contextmanager
def _alone(podman: Podman) -> Iterator[Path]:
    users = podman.folder / "shared-host-users"
    users.mkdir(parents=True, exist_ok=True)
    with (podman.folder / "shared-host-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield users


def _living(users: Path) -> list[Path]:
    """Return the notes of workers that live; those of dead ones are thrown away."""
    for note in users.iterdir():
        if not Path("/proc", note.name).exists():
            note.unlink()
    return list(users.iterdir())
