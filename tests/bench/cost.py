"""What the control plane costs: 1,000 jobs at list prices, from counted calls, and the empty system by the month.

Calls, invocations and table units are counted in the simulated loop, in model time; durations are its model of them.
Nothing here is a bill. Run with ``make bench`` or ``python -m tests.bench.cost``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from local.costs.prices import Price, prices_of, regions
from local.costs.sheet import (
    HOURS_A_MONTH,
    Line,
    Used,
    by_service,
    less,
    lines,
    standing,
    told_at_most,
    total,
    without_logs,
)
from local.infrastructure import host_scripts
from local.infrastructure.description import describe
from local.infrastructure.places import Places
from local.memory_ledger import MemoryStore
from local.simulator.configuration import configuration_for, read_configuration
from local.simulator.policies.policy import Task
from local.simulator.policies.slipway import run_slipway, without_headroom, without_standby, without_stopped
from local.simulator.workload.scenarios import make_workload
from local.simulator.workload.windows import Size, Window
from local.simulator.world import World, build_world
from local.twin.aws.attribute_values import item_size
from local.twin.latency import LatencyModel
from slipway.adapters.ledger.table import to_wire
from tests.support.metering import Meter

SEED = 1
FIRST_HOUR = 8.0
# (jobs a day, hours of the day that are simulated), as in the benchmark of the simulator.
VOLUMES = ((1_000, 8.0), (10_000, 2.0))
EMPTY_HOURS = 4.0
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "getting-started.yaml"
# Both mappings poll at all times with five connections of 20 s [LAMBDA-SQS-POLLERS]: one of them a fair queue.
POLLS = {"sqs_request": 2 * 5 * 180.0, "sqs_fair_request": 5 * 180.0}
SCHEDULED = {"schedule": 3 * 60.0}  # tick, reaper and redelivery, once a minute each
USAGE_KEPT_MONTHS, ELSE_KEPT_MONTHS = 13.0, 8 / 30  # docs/ledger.md
CONTAINER_LOG_GB = 100 / 1024**2  # for each 100 KB that a job's container logs
CHOSEN = {
    "kms_key_month": 1.0,
    "nat_hour": HOURS_A_MONTH,
    "address_hour": HOURS_A_MONTH,
    "endpoint_hour": HOURS_A_MONTH,
}


def empty_hour() -> Used:
    """Return what the functions use in an hour in which nobody has a job, and no tier is kept."""
    configuration = without_stopped(without_standby(without_headroom(read_configuration())))
    meter = Meter()
    world = build_world(
        configuration,
        ["acme-web/shop"],
        starts_at=FIRST_HOUR * 3600,
        seed=SEED,
        latency=LatencyModel.modelled(),
    )
    with meter.metered_table():
        meter.look(world)
        world.clock.advance(EMPTY_HOURS * 3600)
    return {key: quantity / EMPTY_HOURS for key, quantity in meter.used().items()}


def of_jobs(jobs_per_day: int, hours: float, idle: Used) -> tuple[Used, dict[str, float]]:
    """Return what a thousand jobs use beyond the empty system, and what was counted, most of it for each job."""
    workload = make_workload("working-day", SEED, Size(jobs_per_day, Window(FIRST_HOUR, hours)))
    meter = Meter()
    worlds: list[World] = []

    def look(world: World) -> None:
        worlds.append(world)
        meter.look(world)

    task = Task(workload, configuration_for(jobs_per_day), LatencyModel.modelled(), SEED)
    with meter.metered_table():
        jobs = len(run_slipway(task, look=look).jobs)
    (world,) = worlds
    took_hours = (world.clock.now() - workload.starts_at) / 3600
    used = less(meter.used(), times(idle, took_hours))
    used["table_gb_month"] = used["recovery_gb_month"] = kept_gb_months(world.store)
    each = {
        "events of AWS": float(meter.sent_by_aws),
        "convergences": meter.convergences,
        **{f"invocations of {name}": count for name, count in sorted(meter.invocations.items())},
        **{f"seconds of {name}": seconds for name, seconds in sorted(meter.seconds.items())},
    }
    return times(used, 1_000 / jobs), {"jobs": jobs, "hours": took_hours, **times(each, 1 / jobs)}


def times(used: Mapping[str, float], factor: float) -> Used:
    """Return so many times as much."""
    return {key: quantity * factor for key, quantity in used.items()}


def kept_gb_months(store: MemoryStore) -> float:
    """Return what is left of jobs that are over, for as long as it is kept; an item costs a hundred bytes more."""
    kept = (
        (item_size(to_wire(item)) + 100)
        * (USAGE_KEPT_MONTHS if item["pk"].startswith("USAGE#") else ELSE_KEPT_MONTHS)
        for item in store.items()
    )
    return sum(kept) / 1024**3


def empty_month(idle: Used) -> Used:
    """Return what the empty system uses by the month, and what it has, from the example's description."""
    month = times(idle, HOURS_A_MONTH)
    for key, an_hour in {**POLLS, **SCHEDULED}.items():
        month[key] = month.get(key, 0.0) + an_hour * HOURS_A_MONTH
    return month | standing(description())


def description() -> dict[str, Any]:
    """Return the description of the example's deployment."""
    return describe(read_configuration(EXAMPLE), Places(), host_scripts.read(), sha256="0" * 64)


def show(title: str, used: Used) -> dict[str, Any]:
    """Print a sheet, one column a region; return its sums."""
    sheets = {region: lines(used, prices_of(region)) for region in regions()}
    print(f"\n{title}\n")
    _row("", "quantity", sheets)
    for line in next(iter(sheets.values())):
        usd = [_same(line, sheet).usd for sheet in sheets.values()]
        _row(f"{line.service}: {line.what}", f"{line.quantity:,.2f}", (f"{one:.4f}" for one in usd))
    _row("without logs", "", (f"{total(without_logs(sheet)):.4f}" for sheet in sheets.values()))
    _row("with logs", "", (f"{total(sheet):.4f}" for sheet in sheets.values()))
    return {
        region: {
            "by_service": {name: round(usd, 5) for name, usd in by_service(sheet).items()},
            "without_logs": round(total(without_logs(sheet)), 5),
            "with_logs": round(total(sheet), 5),
        }
        for region, sheet in sheets.items()
    }


def _same(line: Line, sheet: Iterable[Line]) -> Line:
    return next(one for one in sheet if (one.service, one.what) == (line.service, line.what))


def _row(name: str, quantity: str, cells: Iterable[str]) -> None:
    print(f"  {name:54}{quantity:>16}" + "".join(f"{cell:>18}" for cell in cells))


def dates(bases: Iterable[Price]) -> dict[str, list[str]]:
    """Return the dates of prices by how they were read."""
    found: dict[str, set[str]] = {}
    for price in bases:
        found.setdefault(price.basis, set()).add(price.as_of)
    return {basis: sorted(seen) for basis, seen in sorted(found.items())}


def main() -> None:
    report: dict[str, Any] = {"prices": {region: dates(prices_of(region).values()) for region in regions()}}
    idle = empty_hour()
    for jobs_per_day, hours in VOLUMES:
        used, counted = of_jobs(jobs_per_day, hours, idle)
        title = f"USD for 1,000 jobs at {jobs_per_day:,} a day, beyond the empty system"
        report[title] = {**show(title, used), "counted": {key: round(n, 3) for key, n in counted.items()}}
        print("\n  " + "\n  ".join(f"{name}: {count:.2f}" for name, count in counted.items()))
    for title, used in (
        ("USD for 1,000 jobs whose containers log 100 KB each", {"log_gb": CONTAINER_LOG_GB * 1_000}),
        (f"USD for a month of the empty system ({EXAMPLE.name})", empty_month(idle)),
        (
            "USD for a month of every custom metric, if all were written in every hour",
            told_at_most(description()),
        ),
        ("USD for a month of what you may choose, one of each", CHOSEN),
    ):
        report[title] = show(title, used)
    print("\n" + json.dumps(report))


if __name__ == "__main__":
    main()
