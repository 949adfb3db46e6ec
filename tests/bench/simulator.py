"""The simulator: how long a day takes, calls for each job at every size of day, and which limit comes first.

Counts and rates are the simulated loop's, in model time; only the first figure is a time of this machine. Run with
``make bench`` or ``python -m tests.bench.simulator [volumes | speed | largest [MINUTES]]``; ``largest`` only
runs when it is asked for: an hour of it (``largest 60``) takes some thirty minutes.
"""

from __future__ import annotations

import math
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from local.memory_ledger import MemoryStore, MemoryTable
from local.simulator.configuration import configuration_for
from local.simulator.outcome import Outcome
from local.simulator.policies.policy import Task
from local.simulator.policies.slipway import run_slipway
from local.simulator.workload.jobs import SimulatedJob
from local.simulator.workload.scenarios import make_workload
from local.simulator.workload.windows import Size, Window
from local.simulator.world import World
from local.twin.aws.attribute_values import item_size
from local.twin.latency import LatencyModel
from slipway.adapters.ledger.table import Item, Key, to_wire
from slipway.domain.configuration import Configuration, Registration

SEED = 1
FIRST_HOUR = 8.0  # UTC: Tokyo's late afternoon and Berlin's morning
# (jobs a day, hours of the day that are simulated): a whole day would only repeat itself.
VOLUMES = ((1_000, 8.0), (10_000, 2.0), (100_000, 0.25))
# A day of a million jobs has some 76,000 in such an hour, of which four minutes are counted when three have gone by,
# unless more are asked for.
LARGEST, WARM_UP_MINUTES, SAMPLE_MINUTES = 1_000_000, 3, 4
SECTION_MINUTES = 10  # of a longer sample each such part is told of by itself
# One organization's credential registers 1.4 runners a second [GH-LIMIT-SECONDARY], and six would have to register 17:
# so many jobs come from ten times as many organizations.
SPLIT = 10
# What AWS and GitHub let through for ever, a second [ECS-THROTTLE] [EC2-THROTTLE] [GH-REGISTRATION-1500]
# [DDB-PARTITION], and the calls that use it up.
LIMITS: dict[str, tuple[float, tuple[str, ...]]] = {
    "ECS changes": (40.0, ("ecs.RunTask", "ecs.StopTask", "ecs.UpdateContainerInstancesState")),
    "ECS reads": (
        20.0,
        (
            "ecs.DescribeTasks",
            "ecs.ListTasks",
            "ecs.DescribeContainerInstances",
            "ecs.ListContainerInstances",
        ),
    ),
    "EC2 changes": (5.0, ("ec2.CreateFleet",)),
    "EC2 reads": (20.0, ("ec2.DescribeInstances", "ec2.DescribeLaunchTemplates")),
    "GitHub registrations of one organization": (5.0, ("registrations",)),
    "read units of one pool's partition": (3_000.0, ("read units",)),
    "write units of one pool's partition": (1_000.0, ("write units",)),
}


@dataclass(slots=True)
class Meter:
    """Counts by model minute: calls by name, registrations of the busiest organization, units of the busiest pool."""

    minutes: dict[str, Counter[tuple[int, str]]] = field(default_factory=dict)
    world: World | None = None

    def look(self, world: World) -> None:
        """Begin to count what happens in a world."""
        self.world = world
        world.loop.calls.meddle = lambda name, is_after: None if is_after else self.count(name)
        handle = world.github.handle

        def counted(method: str, path: str, *rest: object) -> object:
            if path.endswith("/generate-jitconfig"):
                self.count("registrations", path)
            return handle(method, path, *rest)  # type: ignore[arg-type]

        world.github.handle = counted  # type: ignore[method-assign, assignment]

    def count(self, name: str, of: str = "", amount: int = 1) -> None:
        """Count something, of one of several places that each have the limit."""
        assert self.world is not None
        minute = int(self.world.clock.now() // 60)
        self.minutes.setdefault(name, Counter())[minute, of] += amount

    def peak(self, names: tuple[str, ...]) -> float:
        """Return the busiest minute's rate of these calls together, a second."""
        together: Counter[tuple[int, str]] = Counter()
        for name in names:
            together.update(self.minutes.get(name, Counter()))
        return max(together.values(), default=0) / 60

    @contextmanager
    def table(self) -> Iterator[None]:
        """Count the units that the pools' partitions use, by DynamoDB's rules of sizes [DDB-CAPACITY] [DDB-ITEM-SIZE]."""
        put, delete, query = MemoryStore.put, MemoryStore.delete, MemoryTable.query
        sizes: dict[Key, int] = {}
        # Of each partition: thousands of items need not be measured at each reading.
        whole: Counter[str] = Counter()

        def measured(key: Key, size: int) -> None:
            whole[key.pk] += size - sizes.pop(key, 0)
            if size:
                sizes[key] = size

        def counted_put(store: MemoryStore, key: Key, item: Item) -> None:
            if key.pk.startswith("POOL#"):
                size = item_size(to_wire(item))
                measured(key, size)
                self.count("write units", key.pk, math.ceil(size / 1024))
            put(store, key, item)

        def counted_delete(store: MemoryStore, key: Key) -> None:
            measured(key, 0)
            delete(store, key)

        def counted_query(table: MemoryTable, pk: str, prefix: str = "") -> Iterator[Item]:
            found = list(query(table, pk, prefix))
            if pk.startswith("POOL#"):
                size = sum(sizes[Key(pk, item["sk"])] for item in found) if prefix else whole[pk]
                self.count("read units", pk, math.ceil(size / 4096))
            yield from found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MemoryStore, "put", counted_put)
            patch.setattr(MemoryStore, "delete", counted_delete)
            patch.setattr(MemoryTable, "query", counted_query)
            yield


def a_task(jobs_per_day: int, hours: float, first_hour: float = FIRST_HOUR) -> Task:
    """Return some hours of a working day; runners register with the organizations, whose limits are their own."""
    configuration = configuration_for(jobs_per_day)
    github = replace(configuration.github, registration=Registration.ORGANIZATION)
    size = Size(jobs_per_day, Window(first_hour, hours))
    workload = make_workload("working-day", SEED, size)
    return Task(workload, replace(configuration, github=github), LatencyModel.modelled(), SEED)


def calls_by_service(outcome: Outcome) -> dict[str, float]:
    """Return the calls for each job."""
    calls = {"github": outcome.github_calls} | by_service(outcome.aws_calls)
    return {name: count / len(outcome.jobs) for name, count in calls.items()}


def by_service(aws_calls: Mapping[str, int]) -> dict[str, int]:
    """Add up calls by the service that they go to."""
    calls: Counter[str] = Counter()
    for name, count in sorted(aws_calls.items()):
        calls[name.partition(".")[0]] += count
    return dict(calls)


def split_up(job: SimulatedJob) -> SimulatedJob:
    """Return the job in one of several organizations that its own has become, by its repository."""
    part = zlib.crc32(job.repository.encode()) % SPLIT
    return replace(job, organization=f"{job.organization}-{part}")


def with_a_pool_each(configuration: Configuration) -> Configuration:
    """Give each profile a pool of its own, those that shared one a part of its limits.

    So would whoever runs so many: what a plan reads grows with its pool, and one pool for all would read more units a
    second than one partition gives.
    """
    sharing = Counter(profile.pool for profile in configuration.profiles.values())
    pools = {}
    for profile in configuration.profiles.values():
        pool, shares = configuration.pools[profile.pool], sharing[profile.pool]
        pools[profile.name] = replace(
            pool,
            name=profile.name,
            cluster=f"{configuration.deployment}-{profile.name}",
            task_role=f"{configuration.deployment}-{profile.name}-task",
            launch_template=f"{configuration.deployment}-{profile.name}",
            max_instances=math.ceil(pool.max_instances / shares),
            headroom=pool.headroom and replace(pool.headroom, slots=math.ceil(pool.headroom.slots / shares)),
        )
    profiles = {name: replace(profile, pool=name) for name, profile in configuration.profiles.items()}
    return replace(configuration, profiles=profiles, pools=pools)


class EnoughError(Exception):
    """The sample is whole: nobody waits for the jobs that still run."""


@dataclass(slots=True)
class Sample:
    """Counts calls, jobs and this machine's time at moments of a world, in seconds from its start; then ends the run."""

    moments: Sequence[float]
    counts: list[Counter[str]] = field(default_factory=list)

    def look(self, world: World) -> None:
        """Read the counters of a world at each moment."""

        def read() -> None:
            calls = Counter(by_service(world.loop.aws.calls))
            calls["dynamodb"] += by_service(world.loop.calls.counts)["dynamodb"]
            calls["github"] += sum(world.github.calls.values())
            jobs = Counter(job.status for job in world.github.jobs.by_id.values())
            about = {"jobs": jobs.total(), "waiting": jobs["queued"], "ms": round(time.process_time() * 1000)}
            self.counts.append(calls | Counter(about))
            if len(self.counts) == len(self.moments):
                raise EnoughError

        for moment in self.moments:
            world.clock.schedule(moment, read)

    def between(self, begins: int, ends: int) -> str:
        """Tell of the jobs that were queued between two of the moments, and of the calls for each."""
        begun, ended = self.counts[begins], self.counts[ends]
        jobs = ended["jobs"] - begun["jobs"]
        each = {name: (ended[name] - begun[name]) / jobs for name in sorted(ended)}
        calls = ", ".join(
            f"{name} {each[name]:.2f}" for name in each if name not in ("jobs", "waiting", "ms")
        )
        minutes = (self.moments[ends] - self.moments[begins]) / 60
        return (
            f"{jobs:,} jobs in {minutes:g} minutes after {self.moments[begins] / 60:g}; calls a job: {calls}; "
            f"{each['ms']:.1f} ms of one processor; {ended['waiting']:,} wait at the end"
        )


def moments_of(minutes: float) -> list[float]:
    """Return when a sample is read: after the warm-up, and at the end of each of its parts."""
    parts = max(1, round(minutes / SECTION_MINUTES))
    return [(WARM_UP_MINUTES + minutes * part / parts) * 60 for part in range(parts + 1)]


def largest(minutes: float = SAMPLE_MINUTES) -> None:
    """Print calls for each job in a sampled part of an hour of the largest day, and what the sample cost."""
    task = a_task(LARGEST, (WARM_UP_MINUTES + minutes) / 60)
    jobs = tuple(split_up(job) for job in task.workload.jobs)
    workload = replace(task.workload, jobs=jobs)
    task = replace(task, workload=workload, configuration=with_a_pool_each(task.configuration))
    meter, sample = Meter(), Sample(moments_of(minutes))

    def look(world: World) -> None:
        meter.look(world)
        sample.look(world)

    began = time.process_time()
    with meter.table(), suppress(EnoughError):
        run_slipway(task, look=look)
    used = time.process_time() - began
    last = len(sample.moments) - 1
    print(f"{LARGEST:,} jobs a day: {sample.between(0, last)}")
    for part in range(last if last > 1 else 0):
        print(f"    {sample.between(part, part + 1)}")
    limits(meter)
    print(f"    {sample.counts[-1]['jobs']:,} jobs in all took {used:.0f} s of one processor")


def limits(meter: Meter) -> None:
    """Print how much of each limit the busiest minute used."""
    for limit, (a_second, names) in LIMITS.items():
        peak = meter.peak(names)
        print(
            f"    {limit}: {peak:.2f} a second in the busiest minute, {peak / a_second:.0%} of {a_second:g}"
        )


def volumes() -> None:
    """Print calls for each job, and how much of each limit the busiest minute uses."""
    for jobs_per_day, hours in VOLUMES:
        meter = Meter()
        with meter.table():
            outcome = run_slipway(a_task(jobs_per_day, hours), look=meter.look)
        each = ", ".join(f"{name} {calls:.2f}" for name, calls in calls_by_service(outcome).items())
        print(
            f"{jobs_per_day:,} jobs a day, {len(outcome.jobs):,} of them in {hours:g} h; calls a job: {each}"
        )
        limits(meter)


def speed() -> None:
    """Print how long a day of 10,000 jobs takes on one core."""
    task = Task(make_workload("working-day", SEED), configuration_for(), LatencyModel.modelled(), SEED)
    started, cpu = time.perf_counter(), time.process_time()
    outcome = run_slipway(task)
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    print(f"a day of {len(outcome.jobs):,} jobs: {wall:.1f} s, {used:.1f} s of one processor")


def main() -> None:
    wanted = sys.argv[1:] or ["speed", "volumes"]
    if wanted[0] == "largest":
        largest(*map(float, wanted[1:]))
        return
    for name in wanted:
        {"speed": speed, "volumes": volumes}[name]()


if __name__ == "__main__":
    main()
