"""A job in flight while the configuration changes: it goes on where it waited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.configuration import Configuration
from slipway.domain.jobs import JobState, encode_job_event
from slipway.domain.usage import JobUsage, utc_day
from slipway.services.observe import Observe
from tests.builders import NOW, POOL, a_configuration, a_pool, a_profile
from tests.contract.ledger_cases import an_event

STATES = (JobState.IN_PROGRESS, JobState.COMPLETED)
OTHER_LABELS = frozenset({"self-hosted", "linux", "x64", "medium-2"})
CHANGED = {
    "no profile serves its labels": a_configuration([a_profile(labels=OTHER_LABELS)]),
    "another profile of another pool serves them": a_configuration(
        [a_profile(labels=OTHER_LABELS), a_profile(name="wide", pool="other")],
        [a_pool(), a_pool(name="other")],
    ),
    "its pool is gone": a_configuration([a_profile(pool="other")], [a_pool(name="other")]),
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_a_job_in_flight_when_labels_change_goes_on_where_it_waited(changed: Configuration) -> None:
    ledger = memory_ledger(MemoryStore())
    Observe(a_configuration(), ledger, {}).job(encode_job_event(an_event()))
    told = [Observe(changed, ledger, {}).job(encode_job_event(an_event(state))) for state in STATES]
    assert not ledger.jobs.waits(POOL, an_event().key)
    record = ledger.jobs.find(an_event().key)
    assert record is not None
    assert (record.state, record.pool, record.profile) == (JobState.COMPLETED, POOL, "medium")
    [line] = ledger.usage.of_day(utc_day(NOW + 60))
    assert isinstance(line, JobUsage)
    assert (line.pool, line.profile) == (POOL, "medium")
    facts = [one.facts for observed in told for one in (observed.started, observed.completed) if one]
    assert [(of.pool, of.profile) for of in facts] == [(POOL, "medium")] * 2


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_only_pools_that_there_are_are_looked_at(changed: Configuration) -> None:
    ledger = memory_ledger(MemoryStore())
    Observe(a_configuration(), ledger, {}).job(encode_job_event(an_event()))
    over = replace(an_event(JobState.COMPLETED), runner_name=None, conclusion="cancelled")
    touched = Observe(changed, ledger, {}).job(encode_job_event(over)).pools
    assert touched == ({POOL} if POOL in changed.pools else frozenset())
