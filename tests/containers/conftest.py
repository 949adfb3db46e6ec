"""What every test in real containers starts from. Where containers cannot run, all of them skip and say why."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Run a test that asks for ``kernel_alone`` while no other worker runs a test in containers.

    The kernel is the machine's: a host that boots would put right what such a test lowers, and miss it meanwhile.
    """
    if Path(__file__).parent not in item.path.parents:
        return (yield)
    is_alone = "kernel_alone" in getattr(item, "fixturenames", ())
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / "kernel-lock").open("w") as lock:
        # Through one door, so that whoever wants to be alone is not passed again and again by those who share.
        with (STORE / "kernel-door").open("w") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH)
        return (yield)


@pytest.fixture
def kernel_alone() -> None:
    """Asked for by a test that lowers settings of the machine's kernel; ``pytest_runtest_protocol`` sees to it."""
