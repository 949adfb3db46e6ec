"""What a run of the reaper reads, in a few words, and what it finds stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from slipway.domain.configuration import Configuration
from slipway.domain.findings import Ec2Instance, Facts, PoolFacts, What
from slipway.domain.instances import Instance
from slipway.domain.reach import EVERYONE
from slipway.domain.reaping import find_stale
from slipway.domain.runners import Registration, Runner, RunnerState
from slipway.domain.snapshot import Snapshot
from tests.builders import (
    a_configuration,
    a_profile,
    a_runner,
    a_snapshot,
    a_task_id,
    name_of,
)

CONFIGURATION = a_configuration([a_profile(idle_timeout_seconds=120, job_timeout_seconds=3_600)])
STARTING, REGISTERED = RunnerState.STARTING, RunnerState.REGISTERED
BUSY, GONE = RunnerState.BUSY, RunnerState.GONE
DAY = 86_400


def facts(
    snapshot: Snapshot | None = None,
    *,
    tasks: Iterable[str] | None = None,
    instances: Mapping[str, float | Ec2Instance] | None = None,
    registered: Iterable[Instance] | None = None,
    registrations: Iterable[Registration] | None = None,
    **changes: Any,
) -> Facts:
    """Return what was read: by default ECS, EC2 and GitHub have exactly what the ledger has."""
    known = snapshot or a_snapshot()
    if tasks is None:
        tasks = [runner.task_id for runner in known.runners]
    if instances is None:
        instances = {instance.instance_id: instance.launched_at for instance in known.instances}
    if registered is None:
        registered = [instance for instance in known.instances if instance.arn is not None]
    ec2 = {
        name: item if isinstance(item, Ec2Instance) else Ec2Instance(item) for name, item in instances.items()
    }
    pool = PoolFacts(known, frozenset(tasks), ec2, {item.instance_id: item for item in registered})
    if registrations is None:
        registrations = [
            registration_of(runner) for runner in known.runners if runner.state in (REGISTERED, BUSY)
        ]
    read: dict[str, Any] = {"registrations": tuple(registrations), "listed": frozenset({EVERYONE}), **changes}
    return Facts(known.now, (pool,), **read)


def registration_of(runner: Runner, **changes: Any) -> Registration:
    """The registration of a runner as GitHub lists it when all is well."""
    listed = Registration(
        runner.runner_id or 0,
        name_of(runner),
        is_online=True,
        is_busy=runner.state is BUSY,
        reach=EVERYONE,
        task_id=runner.task_id,
    )
    return replace(listed, **changes)


def at(later: Facts, seconds: float) -> Facts:
    """Return the same reading some seconds later."""
    pools = tuple(
        replace(pool, snapshot=replace(pool.snapshot, now=pool.snapshot.now + seconds))
        for pool in later.pools
    )
    return replace(later, now=later.now + seconds, pools=pools)


def stale(
    reading: Facts,
    configuration: Configuration = CONFIGURATION,
    suspects: Mapping[str, float] | None = None,
) -> list[tuple[What, str, str]]:
    reaps, _ = find_stale(reading, configuration, suspects or {})
    return [(reap.what, reap.id, reap.why) for reap in reaps]


def twice(reading: Facts, apart: float = 60) -> list[tuple[What, str, str]]:
    """Return what is stale at the second of two equal readings, after nothing was at the first."""
    first, suspects = find_stale(reading, CONFIGURATION, {})
    assert first == []
    return stale(at(reading, apart), suspects=suspects)


def a_registration(number: int = 1, *, is_busy: bool = False, name: str | None = None) -> Registration:
    ours = name_of(a_runner(number))
    task_id = a_task_id(number) if name is None else None
    return Registration(40 + number, ours if name is None else name, False, is_busy, "acme", task_id=task_id)
