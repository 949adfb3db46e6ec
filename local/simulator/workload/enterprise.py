"""The enterprise that the scenarios are about: its organizations, its kinds of job, its day. All of it estimated.

No such enterprise was measured: the figures are what we take for likely, stated so that they can be doubted.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass
from functools import cache
from typing import Final

_Z95: Final = 1.6448536269514722
_SHORTEST_SECONDS: Final = 5.0  # a job that fails at once still checks out
_LONGEST_SECONDS: Final = 21_600.0  # the default job_timeout: whoever runs longer would be ended


@dataclass(frozen=True, slots=True)
class Area:
    """Where people work: hours ahead of UTC, in winter, and what share of its day's jobs each local hour has."""

    name: str
    hours_ahead: int
    day: tuple[float, ...]


# A working day from eight to seven with a lunch break, a few who work late, and almost nobody at night.
_WORKING_DAY: Final = (
    *(0.003, 0.002, 0.002, 0.002, 0.002, 0.004, 0.010, 0.025),  # 0 to 7
    *(0.050, 0.090, 0.110, 0.105, 0.050, 0.090, 0.110, 0.110),  # 8 to 15
    *(0.100, 0.075, 0.030, 0.012, 0.007, 0.005, 0.004, 0.002),  # 16 to 23
)
JAPAN: Final = Area("Japan", 9, _WORKING_DAY)
EUROPE: Final = Area("Europe", 1, _WORKING_DAY)
#: What a Saturday or a Sunday has of a working day's pushes.
WEEKEND_SHARE: Final = 0.06


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization: its share of all jobs, where its people are, its repositories at 10,000 jobs a day."""

    login: str
    share: float
    area: Area
    repositories: int


# Six tenths of the jobs come from Japan; the largest organization has six times as many as the smallest.
ORGANIZATIONS: Final = (
    Organization("acme-platform", 0.30, JAPAN, 40),
    Organization("acme-mobile", 0.22, EUROPE, 25),
    Organization("acme-web", 0.18, JAPAN, 30),
    Organization("acme-data", 0.13, EUROPE, 15),
    Organization("acme-games", 0.12, JAPAN, 6),
    Organization("acme-labs", 0.05, EUROPE, 10),
)
#: The number of jobs a day for which the numbers of repositories are given.
JOBS_PER_DAY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job: what it asks for, and how long it runs (lognormal, seconds)."""

    name: str
    profile: str
    p50_seconds: float
    p95_seconds: float
    is_late: bool = False
    """Whether it waits for its run's other jobs (``needs``)."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Return what its ``runs-on`` says: the labels of a profile of ``local/simulator/slipway.yaml``."""
        return ("self-hosted", "linux", "x64", self.profile)

    def duration_seconds(self, rng: random.Random) -> float:
        """Draw how long one job runs, to a tenth of a second."""
        sigma = math.log(self.p95_seconds / self.p50_seconds) / _Z95
        seconds = rng.lognormvariate(math.log(self.p50_seconds), sigma)
        return round(min(max(seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS), 1)


LINT: Final = Kind("lint", "small", 45, 150)
UNIT_TESTS: Final = Kind("unit tests", "medium", 180, 720)
INTEGRATION_TESTS: Final = Kind("integration tests", "medium", 600, 1_800, is_late=True)
BUILD: Final = Kind("build", "large", 420, 1_500, is_late=True)
CONTAINER_IMAGE: Final = Kind("container image", "docker", 300, 900, is_late=True)
MATRIX_CELL: Final = Kind("matrix cell", "small", 240, 900)
NIGHTLY: Final = Kind("nightly", "medium", 900, 3_600)

#: What the jobs of a push are, by share.
PUSH_KINDS: Final = (LINT, UNIT_TESTS, INTEGRATION_TESTS, BUILD, CONTAINER_IMAGE)
PUSH_KIND_WEIGHTS: Final = (0.35, 0.35, 0.15, 0.11, 0.04)
#: How many jobs a push brings: most a few, 3.5 at the mean.
FAN_OUTS: Final = (1, 2, 3, 4, 6, 8, 12)
FAN_OUT_WEIGHTS: Final = (0.20, 0.25, 0.20, 0.15, 0.10, 0.07, 0.03)

#: Of all jobs of a working day: those of matrix bursts, and those of nightly crons; the others come from pushes.
MATRIX_SHARE: Final = 0.15
CRON_SHARE: Final = 0.05
#: The largest matrix that GitHub runs [GH-MATRIX].
LARGEST_MATRIX: Final = 256
#: What is smaller is a push like any other.
SMALLEST_MATRIX: Final = 12
#: How many jobs a matrix has: lognormal, cut at both ends.
MATRIX_P50: Final = 48.0
MATRIX_P95: Final = 256.0
#: When crons run, by local hour: people write round hours, midnight most of all.
CRON_HOURS: Final = {0: 0.4, 2: 0.3, 3: 0.2, 6: 0.1}
#: GitHub queues a round hour's crons over some seconds, a push's jobs at once or nearly so.
CRON_SPREAD_SECONDS: Final = 30.0
PUSH_SPREAD_SECONDS: Final = 2.0
#: A matrix of 256 is queued within this time.
MATRIX_SPREAD_SECONDS: Final = 10.0


def repository_of(organization: Organization, jobs_per_day: int, rng: random.Random) -> str:
    """Draw one of an organization's repositories: few have most of the work (Zipf).

    A busier enterprise has more repositories, in proportion to its jobs.
    """
    cumulative = _popularity(max(2, round(organization.repositories * jobs_per_day / JOBS_PER_DAY)))
    (index,) = rng.choices(range(len(cumulative)), cum_weights=cumulative)
    return f"service-{index + 1:03d}"


@cache
def _popularity(repositories: int) -> tuple[float, ...]:
    return tuple(itertools.accumulate(1 / (rank + 1) for rank in range(repositories)))


def matrix_size(rng: random.Random) -> int:
    """Draw how many jobs a matrix has, 12 to 256."""
    sigma = math.log(MATRIX_P95 / MATRIX_P50) / _Z95
    return min(max(round(rng.lognormvariate(math.log(MATRIX_P50), sigma)), SMALLEST_MATRIX), LARGEST_MATRIX)
