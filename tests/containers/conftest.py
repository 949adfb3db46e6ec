"""What every test in real containers starts from. Where containers cannot run, all of them skip and say why."""

from __future__ import annotations

import os

import pytest

from local.containers.podman import STORE, Podman, why_not

REQUIRED = "SLIPWAY_REQUIRE_CONTAINERS"  # set where a skip would hide something: continuous integration


@pytest.fixture(scope="session")
def podman() -> Podman:
    reason = why_not()
    if reason is not None and os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, but {reason}")
    if reason is not None:
        pytest.skip(reason)
    return Podman(STORE)
