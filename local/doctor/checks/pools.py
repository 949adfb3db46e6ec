"""What does the ledger know of each pool: launches and containers that fail, GitHub's refusals, orders?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from local.doctor.deployment import absence, reading
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings
from slipway.domain.snapshot import Control, Snapshot


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    for pool in surroundings.pools():
        yield Look(f"pool {pool.name}", partial(_judge, surroundings, pool.name))


def _judge(surroundings: Surroundings, pool: str) -> Iterator[Verdict]:
    with absence() as found, reading(surroundings) as ledger:
        found.append(ledger.snapshots.read(pool, time.time()))
    if not found:
        return  # there is no table, which another check tells
    snapshot: Snapshot = found[0]
    yield from _launches(snapshot)
    yield from _starts(snapshot)
    yield from _refusals(snapshot)
    if snapshot.control is not Control.RUN:
        mend = f"slipway resume {pool}"
        yield warning("pool-stopped", f"somebody ordered it to {snapshot.control}: nothing new starts", mend)
    yield ok(
        f"{len(snapshot.jobs)} jobs wait, {len(snapshot.runners)} runners, {len(snapshot.instances)} instances"
    )


def _launches(snapshot: Snapshot) -> Iterator[Verdict]:
    for what, known in (("", snapshot.launch_failures), (" of the stopped tier", snapshot.tier_failures)):
        if known and known.is_circuit_open:
            message = f"{known.count} launches{what} in a row failed: {known.why}"
            mend = "see the launch template, the hosts' role, quotas and routes: docs/operations.md"
            yield failed("launches-fail", message, mend)


def _starts(snapshot: Snapshot) -> Iterator[Verdict]:
    for known in snapshot.start_failures:
        if known.is_circuit_open:
            waves = f"{known.count} waves in a row"
            message = f"containers of profile {known.profile} end before they take a job, {waves}: "
            mend = "see the image, the execution role, and whether the claim API is reached from the pool's subnets"
            yield failed("starts-fail", message + known.why, mend)


def _refusals(snapshot: Snapshot) -> Iterator[Verdict]:
    for pause in snapshot.github_pauses:
        if pause.why:
            message = f"GitHub registers no runner for {pause.reach}: {pause.why}"
            mend = "docs/github.md, when GitHub refuses, has the cure for each of its words"
            yield failed("runners-refused", message, mend)


CHECK = Check(
    name="pools",
    about="no pool's launches or containers fail, none is refused runners by GitHub, none was ordered to stop",
    permissions=("dynamodb:Query",),
    looks=_looks,
)
