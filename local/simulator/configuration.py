"""The configuration of the simulator's own enterprise, for any number of jobs a day."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from local.configuration.check import check_file
from local.configuration.compilation import compiled_body
from local.configuration.model import SlipwayFile
from local.simulator.bad_input import BadInputError
from local.simulator.workload.enterprise import JOBS_PER_DAY
from slipway.config import decode_configuration
from slipway.domain.configuration import Configuration, Pool, Profile

CONFIGURATION: Final = Path(__file__).with_name("slipway.yaml")


def read_file(file: Path) -> SlipwayFile:
    """Read a ``slipway.yaml``; BadInputError tells every fault."""
    verdict = check_file(file)
    if verdict.file is None:
        raise BadInputError([fault.sentence(str(file)) for fault in verdict.faults])
    return verdict.file


def read_configuration(file: Path = CONFIGURATION) -> Configuration:
    """Read and compile a ``slipway.yaml``, the simulator's own by default; BadInputError as ``read_file``."""
    return decode_configuration(compiled_body(read_file(file)))


@cache
def configuration_for(jobs_per_day: int = JOBS_PER_DAY) -> Configuration:
    """Return the simulator's own configuration for so many jobs a day.

    A busier enterprise has larger limits and more headroom, in proportion; a calmer one keeps those of 10,000.
    """
    configuration = read_configuration()
    factor = max(1.0, jobs_per_day / JOBS_PER_DAY)
    return replace(
        configuration,
        profiles={name: _profile(each, factor) for name, each in configuration.profiles.items()},
        pools={name: _pool(each, factor) for name, each in configuration.pools.items()},
    )


def _profile(profile: Profile, factor: float) -> Profile:
    return replace(profile, max_runners=math.ceil(profile.max_runners * factor))


def _pool(pool: Pool, factor: float) -> Pool:
    headroom = pool.headroom and replace(pool.headroom, slots=math.ceil(pool.headroom.slots * factor))
    return replace(pool, max_instances=math.ceil(pool.max_instances * factor), headroom=headroom)
