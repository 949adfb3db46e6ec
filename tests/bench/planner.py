"""The planner at three sizes: its time, and how far its launches are from the cheapest there could be.

Time is this machine's; instances, cost and waste are the same everywhere, for the seed is fixed. Run with
``make bench`` or ``python -m tests.bench.planner``. docs/capacity.md defines the bound.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections import Counter
from typing import Any

from local.catalogue.file import shipped
from slipway.domain.configuration import Fairness, InstanceType, Market
from slipway.domain.filling import content_of, resource_prices
from slipway.domain.instances import Instance
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.offerings import Refusals, host_sizes
from slipway.domain.plan import Plan
from slipway.domain.planner import plan
from slipway.domain.policy import Policy, policy_of
from slipway.domain.reasons import Why
from slipway.domain.resources import Resources
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Snapshot, WaitingJob
from tests.builders import NOW, a_configuration, a_job, a_pool, a_profile, a_runner, an_arn, an_instance

SIZES = ((1_000, 100, 10), (10_000, 1_000, 40), (100_000, 5_000, 40))  # jobs, instances, instance types
SEED, ROUNDS = 7, 5
# vCPU and GiB, from CPU-heavy to memory-heavy, small ones more often than large ones.
MIX = {
    (1, 2): 5,
    (1, 3): 8,
    (1, 7): 3,
    (2, 4): 5,
    (2, 7): 8,
    (2, 14): 3,
    (4, 7): 3,
    (4, 14): 4,
    (4, 28): 2,
    (8, 28): 2,
}
FAMILIES = ("m7i", "c7i", "r7i", "m7a", "c7a", "r7a", "m6i", "c6i", "r6i")
STEPS = ("4xlarge", "2xlarge", "8xlarge", "xlarge", "16xlarge")
ORGANIZATIONS, REPOSITORIES = 40, 20


def main() -> None:
    """Measure and print a table and one JSON object."""
    results = [measure(*size) for size in SIZES]
    for result in results:
        print(
            f"{result['jobs']:>7} jobs × {result['instances']:>5} instances × {result['types']} types: "
            f"{result['own_ms']:>6} ms, {result['launched']} launched in {result['calls']} calls, "
            f"cost {100 * result['cost_over_bound'] - 100:.1f} % over the bound, "
            f"waste {result['waste_cpu_percent']} % CPU, {result['waste_memory_percent']} % memory"
        )
    print(json.dumps({"seed": SEED, "rounds": ROUNDS, "planner": results}))


def measure(jobs: int, instances: int, types: int) -> dict[str, Any]:
    """Plan one pool several times; the median counts."""
    snapshot, policy = scene(jobs, instances, types)
    took = []
    decided = Plan()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        decided = plan(snapshot, policy)
        took.append(1_000 * (time.perf_counter() - began))
    return {
        "jobs": jobs,
        "instances": instances,
        "types": types,
        "own_ms": round(statistics.median(took)),
        "started": sum(request.count for request in decided.run),
        **judged(decided, snapshot, policy),
    }


def judged(decided: Plan, snapshot: Snapshot, policy: Policy) -> dict[str, Any]:
    """Compare what is launched, at the list price of the preferred types, with the fractional bound."""
    offered = {kind.name: kind for kind in policy.pool.instance_types}
    loads: Counter[Shape] = Counter()
    room = Resources(0, 0)
    cost, launched = 0.0, 0
    for request in decided.launch:
        preferred = offered[request.types[0]]
        cost += request.count * preferred.usd_per_hour
        launched += request.count
        for load, count in request.loads:
            loads.update({shape: number * count for shape, number in load})
        room += Resources(
            preferred.registered.cpu_units * request.count, preferred.registered.memory_mib * request.count
        )
    content = content_of(tuple(loads.items()))
    hosts = host_sizes(policy.pool, Market.ON_DEMAND, Refusals((), NOW))
    per_cpu, per_mib = resource_prices(content, hosts)
    bound = per_cpu * content.cpu_units + per_mib * content.memory_mib
    waiting = sum(reason.code is Why.INSTANCE_STARTING for reason in decided.reasons.values())
    assert loads.total() == waiting, "every job that waits for an instance is in exactly one load"
    assert set(decided.reasons) == {job.key for job in snapshot.jobs}
    return {
        "launched": launched,
        "calls": len(decided.launch),
        "cost_usd_per_hour": round(cost, 2),
        "bound_usd_per_hour": round(bound, 2),
        "cost_over_bound": round(cost / bound, 4),
        "waste_cpu_percent": round(100 - 100 * content.cpu_units / room.cpu_units, 1),
        "waste_memory_percent": round(100 - 100 * content.memory_mib / room.memory_mib, 1),
    }


def scene(jobs: int, instances: int, types: int) -> tuple[Snapshot, Policy]:
    """Return a pool under load: instances nearly full, jobs of mixed sizes of many repositories."""
    rng = random.Random(SEED)
    names = [f"{family}.{step}" for step in STEPS for family in FAMILIES][:types]
    known = shipped().lists["us-east-1"].entries
    kinds = sorted((known[name] for name in names), key=lambda kind: kind.on_demand_usd_per_hour)
    profiles = [
        a_profile(name=f"{cpu}-{gib}", size=Resources(1_024 * cpu, 1_024 * gib), max_runners=10**6)
        for cpu, gib in MIX
    ]
    pool = a_pool(
        instance_types=tuple(InstanceType(k.name, k.registered, k.on_demand_usd_per_hour) for k in kinds),
        market=Market.ON_DEMAND,
        subnets=("subnet-1", "subnet-2", "subnet-3"),
        max_instances=10**6,
    )
    shapes = [Shape(profile.name, profile.size) for profile in profiles]
    weights = list(MIX.values())
    fairness = Fairness(max_queued_per_organization=10**6, max_starting_per_repository=10**6)
    hosts = [_host(number, rng.choice(pool.instance_types)) for number in range(instances)]
    snapshot = Snapshot(
        pool=pool.name,
        now=NOW,
        jobs=tuple(_job(number, rng.choices(shapes, weights)[0], rng) for number in range(jobs)),
        instances=tuple(hosts),
        runners=tuple(runner for host in hosts for runner in _tasks(host, shapes, weights, rng)),
    )
    return snapshot, policy_of(a_configuration(profiles, [pool], fairness=fairness), pool.name, NOW)


def _job(number: int, shape: Shape, rng: random.Random) -> WaitingJob:
    login = f"organization-{min(ORGANIZATIONS, int(rng.paretovariate(1.0)))}"
    return a_job(
        number + 1,
        shape=shape,
        key=JobKey(login, number + 1, 1),
        organization=login,
        repository=f"{login}/repository-{rng.randrange(REPOSITORIES)}",
        queued_at=NOW - rng.uniform(0, 600),
    )


def _host(number: int, kind: InstanceType) -> Instance:
    name = f"i-{number:017x}"
    return an_instance(name, registered=kind.registered, instance_type=kind.name, arn=an_arn(name))


def _tasks(host: Instance, shapes: list[Shape], weights: list[int], rng: random.Random) -> list[Runner]:
    """Fill a host until the next task does not fit, or by chance a little less."""
    free = host.registered
    tasks: list[Runner] = []
    while rng.random() > 0.04:
        shape = rng.choices(shapes, weights)[0]
        if not shape.size.fits(free):
            break
        free -= shape.size
        number = int(host.instance_id[2:], 16) * 1_000 + len(tasks)
        tasks.append(a_runner(number, RunnerState.BUSY, shape=shape, instance_arn=host.arn))
    return tasks


if __name__ == "__main__":
    main()
