"""Random but valid pools for property tests: a snapshot and the configuration under which it arose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from slipway.domain.configuration import (
    Configuration,
    Fairness,
    GitHubTarget,
    Headroom,
    InstanceType,
    Market,
    Pool,
    Registration,
)
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import Intent
from slipway.domain.launches import LaunchFailures
from slipway.domain.matching import Shape
from slipway.domain.reach import reach_of
from slipway.domain.resources import Resources
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import (
    ANY,
    Control,
    GitHubPause,
    Snapshot,
    StartFailures,
    UnavailableOffering,
    WaitingJob,
)
from tests.builders import (
    NOW,
    POOL,
    a_booting_instance,
    a_configuration,
    a_github,
    a_job,
    a_launch_intent,
    a_pool,
    a_profile,
    a_run_intent,
    a_runner,
    a_snapshot,
    a_task_id,
    an_instance,
)

REPOSITORIES = ("acme/one", "acme/two", "Globex/one", "Globex/two", "initech/one")
TYPES = (InstanceType("four", Resources(8192, 28672), 0.4), InstanceType("six", Resources(12288, 43008), 0.6))
SMALL, MEDIUM, LARGE = Resources(1024, 3584), Resources(2048, 7168), Resources(4096, 21504)
RUNNING_INTENTS = ("run-0", "run-1")

# A pool is a large thing to draw; the machine's speed is not under test.
of_pools = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

START_FAILURES = StartFailures("medium", 3, NOW - 60, "CannotPullContainerError")
GITHUB_PAUSES = (GitHubPause("acme", NOW + 600, NOW), GitHubPause("acme", NOW + 60, NOW - 30, "mend it"))


@dataclass(frozen=True, slots=True)
class Situation:
    """A pool as it may be found."""

    snapshot: Snapshot
    configuration: Configuration

    @property
    def pool(self) -> Pool:
        """Return the configuration of the snapshot's pool."""
        return self.configuration.pools[self.snapshot.pool]


@st.composite
def configurations(draw: st.DrawFn, *, uniform: bool = False) -> Configuration:
    """Return a configuration; a ``uniform`` one has a single size of task and of instance."""
    caps = st.none() | st.integers(1, 4)
    profiles = [
        a_profile(
            max_runners=draw(st.integers(1, 15)),
            max_runners_per_repository=draw(caps),
            standby=draw(st.integers(0, 2)),
        )
    ]
    if not uniform:
        profiles.append(
            a_profile(
                name="large",
                size=LARGE,
                max_runners=draw(st.integers(1, 15)),
                max_runners_per_repository=draw(caps),
            )
        )
        profiles.append(a_profile(name="other", pool="elsewhere", standby=2))
    slots, stopped = draw(st.integers(0, 3)), draw(st.integers(0, 2))
    pool = a_pool(
        headroom=Headroom(slots) if slots else None,
        stopped_instances=stopped,
        instance_types=TYPES[:1] if uniform else draw(st.sampled_from([TYPES, TYPES[::-1], TYPES[:1]])),
        max_instances=draw(st.integers(1, 6)),
        exclusive=draw(st.booleans()),
        market=draw(st.sampled_from(Market)),
    )
    fairness = Fairness(
        draw(st.dictionaries(st.sampled_from(["acme", "globex"]), st.integers(1, 4))),
        draw(st.integers(1, 20)),
        draw(st.sampled_from([1, 3, 50])),
    )
    return a_configuration(profiles, [pool, a_pool(name="elsewhere")], draw(_githubs()), fairness)


@st.composite
def situations(draw: st.DrawFn, *, uniform: bool = False) -> Situation:
    """Return a pool with anything in it that can be there: tasks fit on their instances, ids are unique."""
    configuration = draw(configurations(uniform=uniform))
    shapes = _shapes(configuration, uniform=uniform)
    instances = draw(_instances(configuration.pools[POOL]))
    runners = draw(_runners(configuration, shapes, instances))
    snapshot = a_snapshot(
        jobs=draw(_jobs(shapes)),
        runners=runners,
        instances=instances,
        intents=draw(_intents(configuration.pools[POOL], shapes)),
        unavailable=draw(st.lists(_offerings(), max_size=3).map(tuple)),
        control=draw(st.sampled_from([Control.RUN] * 6 + [Control.PAUSE, Control.DRAIN])),
        launch_failures=draw(_launch_failures()),
        template_version=draw(st.none() | st.integers(1, 2)),
        tier_failures=draw(_launch_failures()),
        start_failures=draw(
            st.sampled_from([()] * 4 + [(START_FAILURES,), (replace(START_FAILURES, count=1),)])
        ),
        github_pauses=draw(st.sampled_from([()] * 6 + [(pause,) for pause in GITHUB_PAUSES])),
    )
    return Situation(snapshot, configuration)


@st.composite
def shuffled(draw: st.DrawFn, situation: Situation) -> Situation:
    """Return the same situation with every tuple of its snapshot in another order."""
    old = situation.snapshot
    snapshot = replace(
        old,
        jobs=tuple(draw(st.permutations(old.jobs))),
        runners=tuple(draw(st.permutations(old.runners))),
        instances=tuple(draw(st.permutations(old.instances))),
        intents=tuple(draw(st.permutations(old.intents))),
        unavailable=tuple(draw(st.permutations(old.unavailable))),
    )
    return replace(situation, snapshot=snapshot)


def waiting_jobs(max_size: int = 30) -> st.SearchStrategy[tuple[WaitingJob, ...]]:
    """Return jobs of one shape from several organizations and repositories."""
    return _jobs((Shape("medium", MEDIUM),), max_size)


def _githubs() -> st.SearchStrategy[GitHubTarget]:
    return st.sampled_from(
        [
            *(a_github(registration=level) for level in Registration),
            a_github(registration=Registration.ENTERPRISE, runner_group="slipway"),
        ]
    )


def _shapes(configuration: Configuration, *, uniform: bool) -> tuple[Shape, ...]:
    shapes = tuple(
        Shape(profile.name, profile.size)
        for profile in configuration.profiles.values()
        if profile.pool == POOL
    )
    return shapes if uniform else (*shapes, Shape("medium", SMALL))


@st.composite
def _jobs(draw: st.DrawFn, shapes: tuple[Shape, ...], max_size: int = 12) -> tuple[WaitingJob, ...]:
    numbers = draw(st.lists(st.integers(1, 60), max_size=max_size, unique=True))
    found = []
    for number in numbers:
        repository = draw(st.sampled_from(REPOSITORIES))
        shape = draw(st.sampled_from(shapes))
        offered = draw(st.none() | st.integers(1, 30).map(a_task_id))
        found.append(
            a_job(
                number,
                shape=shape,
                label_key=f"labels-{shape}",
                organization=repository.partition("/")[0],
                repository=repository,
                queued_at=NOW - draw(st.integers(0, 20)),
                offered_to=offered,
                offered_at=None if offered is None else NOW - 10,
            )
        )
    return tuple(found)


def _launch_failures() -> st.SearchStrategy[LaunchFailures | None]:
    few = st.builds(LaunchFailures, st.integers(1, 2), st.just(NOW - 60), st.just("why"))
    many = st.builds(
        LaunchFailures, st.integers(3, 5), st.sampled_from([NOW - 60, NOW - 9_000]), st.just("why")
    )
    return st.sampled_from(range(8)).flatmap(lambda n: {0: few, 1: many}.get(n, st.none()))


_BIRTHS: tuple[Callable[[str, Resources], Instance], ...] = (
    lambda name, room: an_instance(name, registered=room),
    lambda name, room: an_instance(name, registered=room, idle_since=NOW - 1_000),
    lambda name, room: an_instance(name, registered=room, connected=False),
    lambda name, room: an_instance(name, registered=room, state=InstanceState.DRAINING, draining_at=NOW - 9),
    lambda name, room: a_booting_instance(name, registered=room),
    lambda name, room: a_booting_instance(name, registered=room, load=((Shape("medium", MEDIUM), 2),)),
    lambda name, room: a_booting_instance(name, registered=room, launched_at=NOW - 500),
    lambda name, room: a_booting_instance(name, registered=room, state=InstanceState.WARMING),
    lambda name, room: a_booting_instance(
        name, registered=room, state=InstanceState.STOPPED, stopped_at=NOW - 60, launched_at=NOW - 200
    ),
    lambda name, room: an_instance(name, registered=room, for_stopped_tier=True, ready_at=NOW - 9),
    lambda name, room: an_instance(name, registered=room, full_until=NOW + 30),
    lambda name, room: an_instance(name, registered=room, launched_at=NOW - 200_000),
    lambda name, room: an_instance(name, registered=room, template_version=1),
    lambda name, room: an_instance(name, registered=room, ready_at=NOW - 30),
    lambda name, room: an_instance(
        name, registered=room, state=InstanceState.DRAINING, draining_at=NOW - 9, lost_at=NOW - 9
    ),
)


@st.composite
def _instances(draw: st.DrawFn, pool: Pool) -> tuple[Instance, ...]:
    born = draw(st.lists(st.sampled_from(_BIRTHS), max_size=5))
    found = []
    for number, birth in enumerate(born):
        kind = draw(st.sampled_from(pool.instance_types))
        instance = birth(f"i-{number}", kind.registered)
        found.append(replace(instance, instance_type=kind.name, subnet="subnet-1"))
    return tuple(found)


@st.composite
def _runners(
    draw: st.DrawFn, configuration: Configuration, shapes: tuple[Shape, ...], instances: tuple[Instance, ...]
) -> tuple[Runner, ...]:
    found: list[Runner] = []
    most = 1 if configuration.pools[POOL].exclusive else 4
    for instance in instances:
        if instance.arn is None:
            continue
        free = instance.registered
        for shape in draw(st.lists(st.sampled_from(shapes), max_size=most)):
            if shape.size.fits(free):
                free -= shape.size
                found.append(draw(_a_runner_on(instance.arn, len(found) + 1, shape, configuration.github)))
    return tuple(found)


@st.composite
def _turns(draw: st.DrawFn, github: GitHubTarget) -> dict[str, Any]:
    """Return whether a container waits for its turn to register, has it now, or had it long ago."""
    seconds = draw(st.sampled_from([None, None, None, 120, 0, -3_600]))
    if seconds is None:
        return {}
    repository = draw(st.sampled_from(REPOSITORIES))
    return {
        "waits_for": reach_of(github, repository.partition("/")[0], repository),
        "waits_until": NOW + seconds,
    }


@st.composite
def _a_runner_on(draw: st.DrawFn, arn: str, number: int, shape: Shape, github: GitHubTarget) -> Runner:
    state = draw(st.sampled_from(RunnerState))
    intent = draw(st.sampled_from(["settled", *RUNNING_INTENTS]))
    runner = a_runner(number, state, instance_arn=arn, shape=shape, intent=intent)
    if state is RunnerState.STARTING:
        return replace(runner, running_at=draw(st.none() | st.just(NOW - 3)), **draw(_turns(github)))
    repository = draw(st.sampled_from(REPOSITORIES))
    organization = repository.partition("/")[0]
    return replace(
        runner,
        organization=organization,
        repository=repository,
        reach=reach_of(github, organization, repository),
        label_key=f"labels-{shape}",
    )


@st.composite
def _intents(draw: st.DrawFn, pool: Pool, shapes: tuple[Shape, ...]) -> tuple[Intent, ...]:
    run = [
        a_run_intent(
            draw(st.integers(1, 3)), token, shape=draw(st.sampled_from(shapes)), exclusive=pool.exclusive
        )
        for token in draw(st.lists(st.sampled_from(RUNNING_INTENTS), unique=True))
    ]
    launch = [
        a_launch_intent(draw(st.integers(1, 2)), types=(kind.name,), each=kind.registered, market=pool.market)
        for kind in draw(st.lists(st.sampled_from(pool.instance_types), max_size=1))
    ]
    return (*run, *launch)


def _offerings() -> st.SearchStrategy[UnavailableOffering]:
    return st.builds(
        UnavailableOffering,
        st.sampled_from([*(kind.name for kind in TYPES), ANY]),
        st.sampled_from(["subnet-1", ANY]),
        st.sampled_from(Market),
        st.sampled_from([NOW - 10, NOW + 60, NOW + 120]),
    )
