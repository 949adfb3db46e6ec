"""Single flight at scale: 5,000 queued jobs and 300 claims at once, counted on the DynamoDB twin.

Counts and sizes are the table's own and hold on AWS; the times are this machine's and the twin's, never
DynamoDB's. Run with ``make bench`` or ``python -m tests.bench.single_flight``.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.identity import TaskIdentity
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.jobs import JobEvent, JobState
from slipway.domain.matching import Route, Shape
from slipway.domain.planner import plan
from slipway.domain.policy import policy_of
from slipway.domain.resources import Resources
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import WaitingJob
from slipway.ports.github import JitConfig
from slipway.ports.ledger import Ledger
from slipway.services.claim import Claim
from tests.support.loop import LABELS, START, a_configuration

JOBS, CLAIMS, ORGANIZATIONS = 5_000, 300, 20
SHAPE = Shape("small", Resources(1024, 3072))
CONFIGURATION = replace(
    a_configuration(),
    profiles={
        **a_configuration().profiles,
        "small": replace(a_configuration().profiles["small"], max_runners=JOBS),
    },
)


class LockedClient:
    """The twin behind a lock, so that threads may call it; counts what each thread read and wrote."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self._lock = threading.Lock()
        self.usage = dynamodb.usage
        self.mine = threading.local()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._dynamodb, name)

        def call(**parameters: Any) -> Any:
            with self._lock:
                before = (self.usage.items_read, self.usage.items_written)
                try:
                    return operation(**parameters)
                finally:
                    read, written = self.usage.items_read, self.usage.items_written
                    self.mine.calls = getattr(self.mine, "calls", 0) + 1
                    self.mine.read = getattr(self.mine, "read", 0) + read - before[0]
                    self.mine.written = getattr(self.mine, "written", 0) + written - before[1]

        return call


class InstantGitHub:
    """Mints at once: GitHub's share of a claim is not measured here."""

    def mint(self, job: WaitingJob, name: str) -> JitConfig:
        """Return a JIT config."""
        return JitConfig(job.key.job_id, f"jit-of-{name}")

    def calls_left(self) -> dict[str, int]:
        """Tell nothing of limits."""
        return {}


class NoWakeups:
    """Nobody to wake: the one convergence is measured by itself."""

    def wake(self, pool: str, *, delay_seconds: int = 0, attempt: int = 0) -> None:
        """Do nothing."""


def main() -> None:
    """Measure and print a table and one JSON object."""
    clock = VirtualClock(START)
    aws = AwsTwin(clock, latency=LatencyModel.none(), seed=1)
    aws.client("dynamodb").create_table(
        TableName="slipway",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
    client = LockedClient(aws.client("dynamodb"))
    ledger = dynamo_ledger(client, "slipway")  # type: ignore[arg-type]
    usage = aws.dynamodb.usage
    result: dict[str, Any] = {"jobs": JOBS, "claims": CLAIMS}

    written = usage.write_units
    for number in range(JOBS):
        ledger.jobs.record(_event(number), Route(SHAPE, "general", "k"))
    result["write_units_per_job_recorded"] = round((usage.write_units - written) / JOBS, 2)
    result["waiting_job_bytes"] = usage.largest_item
    _add_runners(ledger)

    read, began = usage.read_units, time.perf_counter()
    snapshot = ledger.snapshots.read("general", START)
    result["snapshot"] = {
        "read_units": usage.read_units - read,
        "items": len(snapshot.jobs) + len(snapshot.runners) + len(snapshot.instances),
        "own_ms": round(1000 * (time.perf_counter() - began)),
    }
    began = time.perf_counter()
    decided = plan(snapshot, policy_of(CONFIGURATION, "general", START))
    result["plan_own_ms"] = round(1000 * (time.perf_counter() - began))
    written = usage.write_units
    ledger.offers.read("general").replace(decided.offers)
    offered = sum(map(len, decided.offers.values()))
    result["offers"] = {"published": offered, "write_units": usage.write_units - written}
    read, written = usage.read_units, usage.write_units
    ledger.offers.read("general").replace(decided.offers)
    result["offers_again_unchanged"] = {
        "read_units": usage.read_units - read,
        "write_units": usage.write_units - written,
    }
    result["claim"] = _claims(ledger, client, clock, usage)
    _print(result)


def _event(number: int) -> JobEvent:
    login = f"organization-{number % ORGANIZATIONS:02d}"
    return JobEvent(
        action=JobState.QUEUED,
        job_id=40_000_000_000 + number,
        run_id=11_000_000_000 + number // 50,
        run_attempt=1,
        organization=login,
        organization_id=1_000 + number % ORGANIZATIONS,
        repository=f"{login}/repository-{number % 7}",
        repository_id=number % 140,
        public=False,
        labels=LABELS,
        received_at=START,
        created_at=START - JOBS + number,
        installation_id=55_000_000,
    )


def _add_runners(ledger: Ledger) -> None:
    instances = [
        Instance(
            f"i-{n:017x}",
            "general",
            InstanceState.READY,
            Resources(16_384, 62_000),
            START,
            arn=f"arn/{n}",
            connected=True,
            version=1,
        )
        for n in range(20)
    ]
    ledger.instances.add(instances)
    tasks = [
        Runner(_task_id(n), "general", SHAPE, RunnerState.STARTING, START, "intent", f"arn/{n % 20}")
        for n in range(CLAIMS)
    ]
    for first in range(0, CLAIMS, 10):
        ledger.runners.add(tasks[first : first + 10])


def _claims(ledger: Ledger, client: LockedClient, clock: VirtualClock, usage: Any) -> dict[str, Any]:
    github: Any = InstantGitHub()
    claim = Claim(CONFIGURATION, ledger, github, {}, clock, wakeups=NoWakeups(), account_id="1" * 12)
    start = threading.Barrier(CLAIMS)
    per_claim: list[tuple[int, int, int, float, int]] = []

    def one(number: int) -> None:
        start.wait()
        began = time.perf_counter()
        answer = claim(TaskIdentity("1" * 12, "slipway-general-task", _task_id(number)))
        mine = client.mine
        per_claim.append((mine.calls, mine.read, mine.written, time.perf_counter() - began, answer.status))

    read, written, failed = usage.read_units, usage.write_units, usage.conditions_failed
    with ThreadPoolExecutor(CLAIMS) as pool:
        list(pool.map(one, range(CLAIMS)))
    waits = sorted(wait for *_, wait, _ in per_claim)
    return {
        "answered_200": sum(status == 200 for *_, status in per_claim),
        "calls_each_max": max(calls for calls, *_ in per_claim),
        "items_read_each_max": max(items for _, items, *_ in per_claim),
        "items_written_each_max": max(items for _, _, items, *_ in per_claim),
        "read_units_each": round((usage.read_units - read) / CLAIMS, 2),
        "write_units_each": round((usage.write_units - written) / CLAIMS, 2),
        "conditions_failed": usage.conditions_failed - failed,
        "largest_item_bytes": usage.largest_item,
        "wait_own_ms_p50": round(1000 * waits[len(waits) // 2]),
        "wait_own_ms_max": round(1000 * waits[-1]),
    }


def _task_id(number: int) -> str:
    return f"{number:032x}"


def _print(result: dict[str, Any]) -> None:
    for name, value in result.items():
        for part, figure in value.items() if isinstance(value, dict) else (("", value),):
            print(f"{name + (' ' + part if part else ''):44} {figure}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
