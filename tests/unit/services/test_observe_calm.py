"""Which news of a job is calm where its runner was made for another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.jobs import JobState, encode_job_event
from slipway.domain.runners import RunnerState, runner_name
from slipway.services.observe import Observe
from tests.builders import NOW, POOL, a_configuration, a_runner, a_task_id
from tests.contract.ledger_cases import ROUTE, an_event

NAME = runner_name("slipway", "medium", a_task_id(1))


@pytest.mark.parametrize("found_busy", [False, True])
@pytest.mark.parametrize(("of_job", "is_calm"), [(1, True), (2, False)], ids=["its own", "another"])
def test_completed_as_the_first_word_of_a_runner_is_calm_for_the_job_that_it_was_made_for_alone(
    of_job: int, is_calm: bool, *, found_busy: bool
) -> None:
    """What robbed job 1 of its runner may be told of only when it is over: its in_progress comes late, or never."""
    ledger = memory_ledger(MemoryStore())
    made_for = an_event(JobState.QUEUED, 1).key
    runner = a_runner(
        1, RunnerState.REGISTERED, job=made_for, made_for=made_for, organization="acme", reach="acme"
    )
    ledger.runners.add([runner])
    if found_busy:
        ledger.runners.found_busy(POOL, a_task_id(1), NOW)
    wanted = ledger.rows.acquire(POOL, "holder", now=NOW, until=NOW + 60) or 0
    assert ledger.rows.release(POOL, "holder", seen=wanted, rests=True) is None
    event = replace(an_event(JobState.COMPLETED, of_job), runner_name=NAME, runner_id=1)

    observed = Observe(a_configuration(), ledger, {}).job(encode_job_event(event))

    assert observed.pools == (frozenset() if is_calm else frozenset({POOL}))
    found = ledger.runners.find(POOL, a_task_id(1))
    assert found is not None
    assert found.state is RunnerState.GONE


@pytest.mark.parametrize("found_busy", [False, True])
@pytest.mark.parametrize("robbed_waits", [True, False])
def test_a_runner_that_took_another_job_leaves_work_only_while_the_one_it_was_made_for_waits(
    *, robbed_waits: bool, found_busy: bool
) -> None:
    """Two runners that swapped their jobs are told of twice: after the second nobody is short of one [GH-WJ-13]."""
    ledger = memory_ledger(MemoryStore())
    made_for = an_event(JobState.QUEUED, 1)
    ledger.jobs.record(made_for, ROUTE)
    if not robbed_waits:
        ledger.jobs.record(an_event(JobState.IN_PROGRESS, 1), ROUTE)
    ledger.runners.add(
        [
            a_runner(
                1,
                RunnerState.REGISTERED,
                job=made_for.key,
                made_for=made_for.key,
                organization="acme",
                reach="acme",
            )
        ]
    )
    if found_busy:
        ledger.runners.found_busy(POOL, a_task_id(1), NOW)
    wanted = ledger.rows.acquire(POOL, "holder", now=NOW, until=NOW + 60) or 0
    assert ledger.rows.release(POOL, "holder", seen=wanted, rests=True) is None
    event = replace(an_event(JobState.IN_PROGRESS, 2), runner_name=NAME, runner_id=1)

    observed = Observe(a_configuration(), ledger, {}).job(encode_job_event(event))

    assert observed.pools == (frozenset({POOL}) if robbed_waits else frozenset())
