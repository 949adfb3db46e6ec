"""A seed's recipe: which deployment, which jobs, which faults at which rates. All of it is drawn from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from local.simulator.chaos.faults import FAULTS
from local.simulator.configuration import read_configuration
from slipway.domain.configuration import (
    Bounds,
    Configuration,
    Headroom,
    Market,
    Pool,
    Profile,
    Registration,
)
from slipway.domain.resources import Resources

STARTS_AT: Final = 1_767_571_200.0  # 2026-01-05 00:00 UTC, a Monday
JOBS: Final = (200, 215)
GIB: Final = 1024
APP_SECRET: Final = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:slipway/app-GhIjKl"  # noqa: S105
_ORGANIZATIONS: Final = ("alpha", "beta", "gamma", "delta")
_FORBIDDEN: Final = "forbidden"
_LEVELS: Final = (
    *[Registration.ENTERPRISE] * 5,
    *[Registration.ORGANIZATION] * 3,
    *[Registration.REPOSITORY] * 2,
)


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job of a recipe; ``at`` and ``cancelled_after`` are seconds from the start and from when it is queued."""

    at: float
    repository: str
    labels: tuple[str, ...]
    seconds: float
    cancelled_after: float | None = None
    is_announced: bool = True
    """Whether GitHub tells of its cancellation [GH-WJ-7]."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a run is made of. ``rates`` are probabilities or numbers an hour, by the name of the fault."""

    seed: int
    configuration: Configuration
    repositories: tuple[str, ...]
    public: tuple[str, ...]
    jobs: tuple[PlannedJob, ...]
    rates: dict[str, float]
    storm_seconds: float
    clock_skew_seconds: float
    routes_at_random: bool

    @property
    def has_app(self) -> bool:
        """Say whether failed webhooks come again by themselves: an App's hook has deliveries."""
        return self.configuration.github.app_secret is not None

    @property
    def sweeps(self) -> bool:
        """Say whether jobs are learned of that no webhook told of; then nothing that we lose ourselves shows."""
        return self.configuration.github.sweep_calls_per_hour > 0


def recipe_of(seed: int) -> Recipe:
    """Return the recipe of a seed, always the same."""
    rng = random.Random(f"chaos/{seed}")
    configuration = _configuration(rng)
    organizations = _ORGANIZATIONS[: rng.randint(2, 4)]
    repositories = [f"{owner}/{name}" for owner in organizations for name in ("web", "api", "app")]
    github = configuration.github
    if rng.random() < 0.7:
        allowed = tuple(repositories)
        configuration = replace(configuration, github=replace(github, allowed_repositories=allowed))
        repositories += [f"{owner}/{_FORBIDDEN}" for owner in organizations]
    public = (f"{organizations[0]}/site",)
    storm_seconds = rng.uniform(1_500.0, 3_600.0)
    jobs = _jobs(rng, configuration, repositories, public, storm_seconds)
    return Recipe(
        seed=seed,
        configuration=configuration,
        repositories=tuple(repositories),
        public=public,
        jobs=jobs,
        rates=_rates(rng, configuration),
        storm_seconds=storm_seconds,
        clock_skew_seconds=rng.choice((0.0, 1.0, 3.0, 5.0)),
        routes_at_random=rng.random() < 0.3,
    )


@cache
def _template() -> Configuration:
    return read_configuration()


def _configuration(rng: random.Random) -> Configuration:
    template = _template()
    registration = rng.choice(_LEVELS)
    has_app = registration is not Registration.ENTERPRISE or rng.random() < 0.8
    github = replace(
        template.github,
        registration=registration,
        app_secret=APP_SECRET if has_app else None,
        runner_token_secrets=template.github.runner_token_secrets
        if registration is Registration.ENTERPRISE
        else (),
        sweep_calls_per_hour=rng.choice((0, 300, 600)) if has_app else 0,
    )
    profiles = {name: _profile(rng, profile) for name, profile in template.profiles.items()}
    pools = {name: _pool(rng, pool) for name, pool in template.pools.items()}
    return replace(template, github=github, profiles=profiles, pools=pools)


def _profile(rng: random.Random, profile: Profile) -> Profile:
    is_shared = profile.pool == "general"
    bounds = Bounds(Resources(1024, 2 * GIB), Resources(8192, 28 * GIB)) if profile.name == "medium" else None
    return replace(
        profile,
        bounds=bounds,
        standby=rng.randint(1, 2) if is_shared and rng.random() < 0.06 else 0,
        max_runners=rng.choice((8, 20, 60)) if is_shared else rng.choice((3, 6)),
        max_runners_per_repository=rng.choice((None, None, 4, 10)),
        idle_timeout_seconds=rng.choice((30, 60, 120)),
        job_timeout_seconds=rng.choice((3_600, 21_600)),
    )


def _pool(rng: random.Random, pool: Pool) -> Pool:
    is_tiny = rng.random() < 0.2
    return replace(
        pool,
        market=rng.choice((Market.SPOT, Market.SPOT, Market.ON_DEMAND)),
        max_instances=rng.choice((3, 5)) if is_tiny else rng.choice((6, 12)),
        headroom=Headroom(rng.randint(1, 4)) if not pool.exclusive and rng.random() < 0.3 else None,
        stopped_instances=rng.randint(1, 2) if rng.random() < 0.35 else 0,
        idle_timeout_seconds=rng.choice((60, 120, 300)),
        max_age_seconds=rng.choice((3_600, 86_400)),
    )


def _jobs(
    rng: random.Random,
    configuration: Configuration,
    repositories: list[str],
    public: tuple[str, ...],
    storm_seconds: float,
) -> tuple[PlannedJob, ...]:
    jobs: list[PlannedJob] = []
    wanted = rng.randint(*JOBS)
    greedy = rng.choice(repositories)
    cancels = rng.choice((0.0, 0.05, 0.2))
    while len(jobs) < wanted:
        at = rng.uniform(0.0, storm_seconds)
        burst = rng.choice((1, 1, 1, 2, 5, 20))
        repository = rng.choice(repositories) if rng.random() < 0.7 else greedy
        labels = _labels(rng, configuration)
        for _ in range(burst):
            late = rng.expovariate(1 / 60.0) if rng.random() < cancels else None
            moment = at + rng.uniform(0.0, 3.0)
            announced = configuration.github.app_secret is None or rng.random() < 0.7
            jobs.append(PlannedJob(moment, repository, labels, _seconds(rng), late, announced))
    jobs += [
        PlannedJob(rng.uniform(0.0, storm_seconds), rng.choice(public), _labels(rng, configuration), 60.0)
        for _ in range(3)
    ]
    return tuple(sorted(jobs, key=lambda job: job.at))


def _labels(rng: random.Random, configuration: Configuration) -> tuple[str, ...]:
    kind = rng.choices(("small", "medium", "large", "docker", "sized"), (40, 20, 10, 15, 15))[0]
    if kind == "sized":
        cpu = rng.choice((1, 2, 4, 8))
        return (f"slipway/medium/cpu={cpu}/memory={rng.choice((2, 4, 7, 14, 28))}GiB",)
    return tuple(sorted(configuration.profiles[kind].labels))


def _seconds(rng: random.Random) -> float:
    return min(1_500.0, rng.lognormvariate(4.0, 1.1))


def _rates(rng: random.Random, configuration: Configuration) -> dict[str, float]:
    """Return about half of the faults, each at a third to three times its usual rate."""
    rates = {}
    has_app = configuration.github.app_secret is not None
    sweeps = configuration.github.sweep_calls_per_hour > 0
    for fault in FAULTS:
        is_on = rng.random() < fault.share
        factor = rng.choice((0.3, 1.0, 3.0))
        is_learned_of = (has_app or not fault.needs_app) and (sweeps or not fault.needs_sweep)
        if is_on and is_learned_of:
            rates[fault.name] = fault.rate * factor
    return rates
