from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.runner_image.container import Container, new_container
from tests.integration.runner_image.loopback import ClaimApi, serve_claim_api


@pytest.fixture
def api() -> Iterator[ClaimApi]:
    with serve_claim_api() as api:
        yield api


@pytest.fixture
def container(api: ClaimApi, tmp_path: Path) -> Iterator[Container]:
    with new_container(api, tmp_path) as container:
        yield container
