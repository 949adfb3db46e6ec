"""The task definitions that ship, as container flags: what every test here runs a job's container with."""

from __future__ import annotations

from local.containers.task_flags import Host, task_flags
from local.infrastructure.places import Places
from local.infrastructure.task_definitions import task_definitions
from slipway.domain.configuration import Docker, Isolation
from slipway.domain.resources import Resources
from tests.builders import a_configuration, a_pool, a_profile

PLACES = Places("111122223333", "https://claims.example/stage", "eu-west-1", "a1b2c3d4e5")
HIGHEST_ULIMIT = 4096  # a test machine may not raise its own
# The tests' own: networks differ, and a container has only the variables that its test gives.
_OF_THE_TEST = ("--network=", "--env=")


def shipped_flags(
    docker: Docker, *, memory_mib: int = 2_048, pids_limit: int | None = None, has_limits: bool = True
) -> tuple[str, ...]:
    """Return the flags of a job's container with this Docker, but for its network and its environment."""
    isolation = Isolation.INSTANCE if docker is Docker.PRIVILEGED else Isolation.SHARED
    profile = a_profile(docker=docker, isolation=isolation, size=Resources(2_048, memory_mib))
    definition = task_definitions(a_configuration([profile], [a_pool()]), PLACES)[profile.name]
    host = Host(pids_limit=pids_limit, has_limits=has_limits, highest_ulimit=HIGHEST_ULIMIT)
    return tuple(flag for flag in task_flags(definition, host) if not flag.startswith(_OF_THE_TEST))
