from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local.containers.images import runner_image
from local.containers.podman import Podman
from tests.containers.image.jobs import JobContainer
from tests.integration.runner_image.loopback import Answer, ClaimApi, serve_claim_api

GRANT: dict[str, Any] = {"jit_config": "Y2FuYXJ5LWppdA==", "runner_name": "r-1", "idle_timeout_seconds": 3600}
NewJob = Callable[[], JobContainer]


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    return runner_image(podman, "slim")


@pytest.fixture(scope="session")
def full_image(podman: Podman) -> str:
    return runner_image(podman, "full")


@pytest.fixture
def api() -> Iterator[ClaimApi]:
    with serve_claim_api() as api:
        api.claims, api.releases = [Answer(200, GRANT), Answer(409)], [Answer(200)]
        yield api


@pytest.fixture
def new_job(podman: Podman, image: str, tmp_path: Path) -> Iterator[NewJob]:
    """Make containers that are removed with the test, whatever became of it."""
    tmp_path.chmod(0o755)
    with ExitStack() as stack:

        def make() -> JobContainer:
            container = JobContainer(podman, image, tmp_path)
            stack.callback(container.remove)
            return container

        yield make


@pytest.fixture
def container(new_job: NewJob) -> JobContainer:
    return new_job()
