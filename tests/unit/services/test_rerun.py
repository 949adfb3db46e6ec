"""Working off interrupted jobs where GitHub does not answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from slipway.domain.errors import SlipwayError, ThrottledError, UnavailableError
from slipway.domain.interruptions import Interruption
from slipway.domain.jobs import JobKey
from slipway.domain.readings import JobReading
from slipway.ports.github import WorkflowJobs
from slipway.services.rerun import MOST_FAILURES, Rerun
from tests.builders import a_task_id
from tests.fakes.clock import ManualClock

LIMIT = ThrottledError("slow down", retry_after_seconds=600)


def an_interruption(number: int, repository: str = "alpha/web") -> Interruption:
    """Each of a run of its own; the first is due first."""
    owner = repository.partition("/")[0]
    key = JobKey(owner, number, 1)
    return Interruption(a_task_id(number), key, number, repository, at=0.0, due_at=60.0 + number / 1_000)


@dataclass
class FailingJobs:
    """GitHub, which does not answer for some organizations, and has no run of the others any more."""

    faults: dict[str, SlipwayError]
    asked: list[str] = field(default_factory=list)

    def of_run(self, repository: str, run_id: int) -> list[JobReading]:
        organization = repository.partition("/")[0]
        self.asked.append(organization)
        if organization in self.faults:
            raise self.faults[organization]
        return []


@dataclass
class HeldInterruptions:
    """Implements ``ports.ledger.Interruptions``."""

    items: dict[str, Interruption]

    def pending(self) -> list[Interruption]:
        return sorted(self.items.values(), key=lambda item: item.due_at)

    def look_again(self, interruption: Interruption, at: float) -> None:
        self.items[interruption.task_id] = replace(interruption, due_at=at)

    def settle(self, interruption: Interruption) -> None:
        del self.items[interruption.task_id]


@pytest.mark.parametrize("fault", [UnavailableError("502"), LIMIT], ids=["502", "limit"])
def test_one_organization_that_does_not_answer_holds_up_no_other(fault: SlipwayError) -> None:
    alphas = [an_interruption(number) for number in range(1, 15)]
    beta = an_interruption(99, "beta/web")
    held = HeldInterruptions({item.task_id: item for item in (*alphas, beta)})
    jobs, clock = FailingJobs({"alpha": fault}), ManualClock(100.0)
    rerun = Rerun(cast("WorkflowJobs", jobs), held, clock, limit=3)
    for _ in range(12):
        rerun()
        clock.advance(60.0)
    assert "beta" in jobs.asked
    assert beta.task_id not in held.items
    assert len(held.items) == len(alphas)


def test_where_nobody_answers_few_are_asked() -> None:
    items = [an_interruption(number, f"org{number}/web") for number in range(10)]
    jobs = FailingJobs({f"org{number}": UnavailableError("down") for number in range(10)})
    held = HeldInterruptions({item.task_id: item for item in items})
    reran = Rerun(cast("WorkflowJobs", jobs), held, ManualClock(100.0), limit=3)()
    assert len(reran.errors) == len(jobs.asked) == MOST_FAILURES
