"""Repair in one run: its parts share the time, and none that fails stops another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from local.twin.http.aws import AwsServer
from slipway.domain.errors import RefusedError, UnavailableError
from slipway.domain.interruptions import Interruption
from slipway.domain.jobs import JobKey
from slipway.domain.readings import JobReading
from slipway.domain.redelivery import FailedDelivery
from slipway.ports.ledger import Ledger
from slipway.services.redeliver import Redeliver
from slipway.services.repair import Repair, Repaired
from slipway.services.rerun import Rerun
from slipway.services.sweep import Sweep
from tests.builders import NOW, a_configuration, a_github, a_task_id
from tests.contract.ledger_cases import ledger_case
from tests.fakes.clock import ManualClock
from tests.fakes.deliveries import FakeDeliveries
from tests.fakes.job_queue import MemoryJobQueue
from tests.fakes.queued_jobs import FakeQueuedJobs, repository

COUNT = 5


@dataclass
class Interrupted:
    """Interrupted jobs and their runs in memory: implements ``Interruptions`` and ``WorkflowJobs``."""

    items: list[Interruption] = field(default_factory=list)
    errors: dict[int, Exception] = field(default_factory=dict)
    again: list[int] = field(default_factory=list)
    looked: list[int] = field(default_factory=list)

    def pending(self) -> list[Interruption]:
        return list(self.items)

    def look_again(self, interruption: Interruption, at: float) -> None:
        self.looked.append(interruption.run_id)

    def settle(self, interruption: Interruption) -> None:
        self.items.remove(interruption)

    def find(self, repository: str, job_id: int) -> JobReading | None:
        raise AssertionError(f"re-runs read whole runs, never the single job {job_id} of {repository}")

    def of_run(self, repository: str, run_id: int) -> list[JobReading]:
        if run_id in self.errors:
            raise self.errors[run_id]
        name = f"slipway-small-{a_task_id(run_id)}"
        return [JobReading(run_id, run_id, 1, "completed", ("small",), "failure", runner_name=name)]

    def run_again(self, repository: str, job_id: int) -> None:
        self.again.append(job_id)

    def run_failed_again(self, repository: str, run_id: int) -> None:
        self.again.append(run_id)


@dataclass
class Stage:
    """Five interrupted jobs, five failed deliveries and five jobs of which nobody told."""

    ledger: Ledger
    interrupted: Interrupted = field(default_factory=Interrupted)
    hook: FakeDeliveries = field(default_factory=FakeDeliveries)
    github: FakeQueuedJobs = field(default_factory=FakeQueuedJobs)

    def __post_init__(self) -> None:
        clock, configuration = (
            ManualClock(NOW),
            a_configuration(github=a_github(sweep_calls_per_hour=10_000)),
        )
        for number in range(1, COUNT + 1):
            key = JobKey("acme", number, 1)
            self.interrupted.items.append(
                Interruption(a_task_id(number), key, number, "acme/one", NOW - 600, NOW)
            )
            self.hook.failed.append(FailedDelivery(number, f"guid-{number}", NOW - 100, "queued"))
        labels = ("self-hosted", "linux", "x64", "medium")
        self.github.repositories_of["acme"] = [repository("acme/one", 7, NOW)]
        self.github.jobs_of["acme/one"] = [
            JobReading(n, n, 1, "queued", labels, created_at=NOW - 600) for n in range(1, COUNT + 1)
        ]
        self.queue = MemoryJobQueue()
        memory = self.ledger.housekeeping
        sweep = Sweep(configuration, self.github, self.ledger.jobs, memory, self.queue, clock)
        sweep()  # the first run ever earns nothing yet
        clock.advance(60)
        self.repair = Repair(
            Rerun(self.interrupted, self.interrupted, clock, limit=1),
            Redeliver({"app": self.hook}, memory, clock),
            sweep,
        )


def no_server() -> AwsServer:
    raise AssertionError("the twin in process needs none")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with ledger_case("twin", no_server) as case:
        yield Stage(case.ledger)


def counts(done: Repaired) -> tuple[int, int, int]:
    return len(done.settled), done.resent, len(done.found)


def breaking(fault: Exception) -> Callable[..., None]:
    def broken(*_: object) -> None:
        raise fault

    return broken


@pytest.mark.parametrize("fault", [UnavailableError("the ledger is down"), KeyError("a bug")], ids=repr)
@pytest.mark.parametrize("part", range(3), ids=["rerun", "redeliver", "sweep"])
def test_a_part_that_fails_stops_no_other_and_its_fault_is_told(
    stage: Stage, part: int, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = stage.ledger.housekeeping
    owner, name = ((stage.interrupted, "pending"), (memory, "cursor"), (memory, "sweep_state"))[part]
    monkeypatch.setattr(owner, name, breaking(fault))
    done = stage.repair()
    assert counts(done) == tuple(0 if number == part else COUNT for number in range(3))
    assert done.errors == [fault]


@pytest.mark.parametrize("fault", [RefusedError("may not", code="403"), KeyError("a bug")], ids=repr)
def test_what_a_part_did_before_and_after_a_fault_is_told(stage: Stage, fault: Exception) -> None:
    stage.interrupted.errors[3] = fault
    done = stage.repair()
    assert counts(done) == (COUNT - 1, COUNT, COUNT)
    assert stage.interrupted.looked == [3], "put off, and still to be looked at"
    assert done.errors == [fault]


def test_what_the_sweep_found_is_told_also_when_its_place_could_not_be_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = UnavailableError("the ledger is down")
    monkeypatch.setattr(stage.ledger.housekeeping, "keep_sweep_state", breaking(fault))
    done = stage.repair()
    assert counts(done) == (COUNT, COUNT, COUNT)
    assert done.errors == [fault]


def test_without_time_github_is_asked_nothing_and_all_is_still_due(stage: Stage) -> None:
    before = stage.github.calls
    assert counts(stage.repair(lambda: False)) == (0, 0, 0)
    assert (stage.interrupted.again, stage.hook.listed_since) == ([], [])
    assert stage.github.calls == before
    assert counts(stage.repair()) == (COUNT, COUNT, COUNT)


def test_each_part_stops_when_the_time_is_up_and_the_next_run_goes_on(stage: Stage) -> None:
    done = []
    for _ in range(30):
        steps = itertools.count()
        done.append(stage.repair(lambda steps=steps: next(steps) < 4))  # type: ignore[misc]
    assert max(sum(counts(each)) for each in done) <= 4
    assert tuple(map(sum, zip(*map(counts, done), strict=True))) == (COUNT, COUNT, COUNT)
    assert [error for each in done for error in each.errors] == []
    assert sorted(stage.hook.asked) == [1, 2, 3, 4, 5]


def test_no_part_takes_the_time_of_the_others_for_ever(stage: Stage) -> None:
    """Each run begins with another, also while the first alone would use all of it."""
    seen = []
    for _ in range(2):
        steps = itertools.count()
        seen.append(counts(stage.repair(lambda steps=steps: next(steps) < 4)))  # type: ignore[misc]
    assert [[count > 0 for count in each] for each in seen] == [[True, False, False], [False, True, False]]
