"""A row of the next version is read: it may be deployed beside this one for a moment, or taken back."""

from __future__ import annotations

from dataclasses import replace

from local.memory_ledger import MemoryStore, MemoryTable
from slipway.adapters.ledger.environments import DynamoEnvironmentNotes
from slipway.adapters.ledger.table import Key
from slipway.domain.configuration import Market
from slipway.domain.environments.found import Note
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.reasons import Why as EnvironmentWhy
from slipway.domain.held import Held
from slipway.domain.jobs import JobState
from slipway.domain.launches import LaunchFailures
from slipway.domain.reasons import Why
from slipway.domain.runners import RunnerState, TaskHost
from slipway.domain.snapshot import GitHubPause, StartFailures, UnavailableOffering
from slipway.domain.tokens import TokenFacts
from slipway.domain.usage import utc_day
from slipway.ports.ledger import Ledger
from tests.builders import NOW, POOL, SHAPE, a_launch_intent, a_runner, a_task_id, an_arn, an_instance
from tests.contract.ledger_cases import ROUTE, Case, an_event

STORY = (Held(Why.NO_CAPACITY, NOW + 1, {"until": NOW + 30}),)
OF_THE_NEXT = {"told_since_the_next": {"L": [{"S": "version"}]}}
CHAPTER_OF_THE_NEXT = {"L": [{"S": "reason_of_the_next"}, {"N": "1800000002"}, {"M": {}}]}


def a_little_of_all(case: Case) -> None:
    """Rows of each kind that is read as a whole."""
    ledger, notes = case.ledger, case.ledger.notes
    for number in (1, 2):
        ledger.jobs.record(an_event(number=number), ROUTE)
        ledger.jobs.note_held(POOL, an_event(number=number).key, STORY)
    ledger.jobs.record(an_event(JobState.COMPLETED, 2), ROUTE)
    ledger.offers.read(POOL).replace({SHAPE: case.snapshot().jobs})
    busy = replace(a_runner(2, RunnerState.REGISTERED), runner_id=7, organization="acme", reach="acme")
    ledger.runners.add([a_runner(1), busy, replace(busy, task_id=a_task_id(3))])
    for number in (2, 3):
        ledger.runners.mark_busy(POOL, a_task_id(number), an_event(JobState.IN_PROGRESS, number))
    host = TaskHost(an_arn("i-2"), is_lost=True)
    ledger.runners.remove(POOL, a_task_id(2), at=NOW + 9, why="Spot", host=host, run_again=True)
    ledger.instances.add([an_instance(), an_instance("i-2")])
    ledger.instances.remove(POOL, "i-2", at=NOW + 60)
    ledger.intents.write(a_launch_intent())
    notes.refuse(POOL, [UnavailableOffering("m7i.large", "subnet-1", Market.SPOT, NOW + 60)])
    notes.keep_launch_failures(POOL, LaunchFailures(3, NOW - 5, "why"))
    notes.keep_start_failures(POOL, StartFailures("small", 2, NOW, "a"))
    notes.pause_github(POOL, GitHubPause("acme", NOW + 30, NOW))
    ledger.tokens.keep("arn", TokenFacts("0123", "octocat", NOW, ("repo",), NOW + 86_400))


def all_that_is_read(ledger: Ledger) -> list[object]:
    return [
        ledger.snapshots.read(POOL, NOW),
        [ledger.jobs.find(an_event(number=number).key) for number in (1, 2)],
        ledger.runners.find(POOL, a_task_id(3)),
        ledger.interruptions.pending(),
        ledger.tokens.find("arn"),
        ledger.notes.start_failures(POOL, "small"),
        ledger.offers.read(POOL).jobs,
        list(ledger.usage.of_day(utc_day(NOW))),
    ]


def test_fields_that_this_version_does_not_know_are_passed_over_in_every_row(case: Case) -> None:
    a_little_of_all(case)
    before = all_that_is_read(case.another())
    assert all(before)
    for item in case.items():
        case.put({**item, **OF_THE_NEXT})
    assert all_that_is_read(case.another()) == before


def test_reasons_that_this_version_does_not_know_are_left_out_of_a_job_s_story(case: Case) -> None:
    a_little_of_all(case)
    before = all_that_is_read(case.another())
    for item in case.items():
        if "held" in item and not item["pk"]["S"].startswith("USAGE#"):
            case.put({**item, "held": {"L": [*item["held"]["L"], CHAPTER_OF_THE_NEXT]}})
    ledger = case.another()
    assert all_that_is_read(ledger) == before
    assert ledger.snapshots.read(POOL, NOW).jobs[0].held == STORY


def test_jobs_move_on_and_are_claimed_by_rows_of_the_next_version(case: Case) -> None:
    a_little_of_all(case)
    for item in case.items():
        case.put({**item, **OF_THE_NEXT})
    ledger = case.another()
    offer = ledger.claims.next_offer(POOL, SHAPE)
    assert offer is not None
    assert ledger.claims.bind(a_runner(1), offer, reach="acme", at=NOW) == "bound"
    for state in (JobState.IN_PROGRESS, JobState.COMPLETED):
        assert ledger.jobs.record(an_event(state), ROUTE)
    assert ledger.snapshots.read(POOL, NOW).jobs == ()
    assert len(list(ledger.usage.of_day(utc_day(NOW), "job"))) == 2


def test_a_note_of_the_next_version_about_a_pull_request_is_read() -> None:
    store = MemoryStore()
    notes = DynamoEnvironmentNotes(MemoryTable(store))
    note = Note(EnvironmentKey("acme/web", 7), "0" * 40, NOW, EnvironmentWhy.READY)
    notes.keep([note])
    [item] = store.items()
    store.put(Key(item["pk"], item["sk"]), {**item, "told_since_the_next": "version"})
    assert notes.all() == {note.key: note}
