"""The simulator: how long a day takes, calls for each job at every size of day, and which limit comes first.

Counts and rates are the simulated loop's, in model time; only the first figure is a time of this machine. Run with
``make bench`` or ``python -m tests.bench.simulator [volumes | speed | largest [MINUTES]]``; ``largest`` only
runs when it is asked for; more minutes than its four cost ever more, for thousands of runners are there at once.
"""

from __future__ import annotations

import json
import math
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
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
from local.twin.latency import LatencyModel
from slipway.adapters.ledger.table import Item, Key
from slipway.domain.configuration import Registration

SEED = 1
FIRST_HOUR = 8.0  # UTC: Tokyo's late afternoon and Berlin's morning
# (jobs a day, hours of the day that are simulated): a whole day would only repeat itself.
VOLUMES = ((1_000, 8.0), (10_000, 2.0), (100_000, 0.25))
# A day of a million jobs has some 76,000 in such an hour, of which four minutes are counted when three have gone by,
# unless more are asked for.
LARGEST, WARM_UP_MINUTES, SAMPLE_MINUTES = 1_000_000, 3, 4
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
        """Count the units that the pools' partitions use, by the sizes of items as JSON [DDB-CAPACITY]."""
        put, query = MemoryStore.put, MemoryTable.query

        def counted_put(store: MemoryStore, key: Key, item: Item) -> None:
            if key.pk.startswith("POOL#"):
                self.count("write units", key.pk, math.ceil(len(json.dumps(item)) / 1024))
            put(store, key, item)

        def counted_query(table: MemoryTable, pk: str, prefix: str = "") -> Iterator[Item]:
            found = list(query(table, pk, prefix))
            if pk.startswith("POOL#"):
                self.count("read units", pk, math.ceil(sum(len(json.dumps(item)) for item in found) / 4096))
            yield from found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MemoryStore, "put", counted_put)
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


class EnoughError(Exception):
    """The sample is whole: nobody waits for the jobs that still run."""


@dataclass(slots=True)
class Sample:
    """Counts calls and jobs between two moments of a world, both in seconds from its start; then ends the run."""

    begins: float
    ends: float
    counts: list[Counter[str]] = field(default_factory=list)

    def look(self, world: World) -> None:
        """Read the counters of a world at both moments."""

        def read() -> None:
            calls = Counter(by_service(world.loop.aws.calls))
            calls["dynamodb"] += by_service(world.loop.calls.counts)["dynamodb"]
            calls["github"] += sum(world.github.calls.values())
            self.counts.append(calls | Counter(jobs=len(world.github.jobs.by_id)))
            if len(self.counts) > 1:
                raise EnoughError

        world.clock.schedule(self.begins, read)
        world.clock.schedule(self.ends, read)

    def calls_a_job(self) -> tuple[int, dict[str, float]]:
        """Return how many jobs were queued meanwhile, and the calls for each."""
        begun, ended = self.counts
        jobs = ended["jobs"] - begun["jobs"]
        return jobs, {name: (ended[name] - begun[name]) / jobs for name in sorted(ended) if name != "jobs"}


def largest(minutes: float = SAMPLE_MINUTES) -> None:
    """Print calls for each job in a sampled part of an hour of the largest day, and what the sample cost."""
    task = a_task(LARGEST, (WARM_UP_MINUTES + minutes) / 60)
    jobs = tuple(split_up(job) for job in task.workload.jobs)
    task = replace(task, workload=replace(task.workload, jobs=jobs))
    sample = Sample(WARM_UP_MINUTES * 60, (WARM_UP_MINUTES + minutes) * 60)
    began = time.process_time()
    with suppress(EnoughError):
        run_slipway(task, look=sample.look)
    used = time.process_time() - began
    queued, calls = sample.calls_a_job()
    each = ", ".join(f"{name} {count:.2f}" for name, count in calls.items())
    print(
        f"{LARGEST:,} jobs a day, {queued:,} of them in {minutes:g} minutes after "
        f"{WARM_UP_MINUTES}; calls a job: {each}"
    )
    print(f"    {sample.counts[-1]['jobs']:,} jobs in all took {used:.0f} s of one processor")


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
        for limit, (a_second, names) in LIMITS.items():
            peak = meter.peak(names)
            print(
                f"    {limit}: {peak:.2f} a second in the busiest minute, {peak / a_second:.0%} of {a_second:g}"
            )


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
