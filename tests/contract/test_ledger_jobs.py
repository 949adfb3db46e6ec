"""What the ledger's ``Jobs`` must do."""

from __future__ import annotations

import itertools
import re
from dataclasses import astuple
from functools import partial

import pytest

from slipway.adapters.ledger.items import record_key
from slipway.domain.demand import retry_delay_seconds
from slipway.domain.held import Held
from slipway.domain.jobs import JobState
from slipway.domain.matching import Route, Shape
from slipway.domain.reasons import Why
from slipway.domain.usage import JobUsage
from slipway.ports.ledger import JobRecord
from tests.builders import LABELS, NOW, POOL, SHAPE, a_runner, a_task_id
from tests.contract.ledger_cases import ROUTE, Case, an_event, offered

DAY = "2027-01-15"  # of NOW
ELSEWHERE = Route(Shape("large", SHAPE.size), "elsewhere", LABELS)
STATES = (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED)


def test_a_queued_job_waits_in_its_pool_with_all_that_a_claim_needs(case: Case) -> None:
    event = an_event(installation_id=99)
    assert case.ledger.jobs.record(event, ROUTE)
    (waiting,) = case.snapshot().jobs
    assert (waiting.key, waiting.pool, waiting.shape, waiting.label_key) == (event.key, POOL, SHAPE, LABELS)
    assert (waiting.labels, waiting.organization_id, waiting.installation_id) == (event.labels, 7, 99)
    assert (waiting.queued_at, waiting.offered_to) == (NOW - 5, None)


def test_a_job_that_moved_on_waits_no_longer_and_its_record_tells_the_furthest(case: Case) -> None:
    for state in STATES:
        assert case.ledger.jobs.record(an_event(state), ROUTE)
    assert case.snapshot().jobs == ()
    assert case.ledger.jobs.find(an_event().key) == JobRecord(
        an_event().key, JobState.COMPLETED, POOL, "acme", "acme/one", NOW - 5, NOW + 10, NOW + 60, "success",
        f"slipway-medium-{1:032x}", NOW, (), SHAPE.profile,
    )  # fmt: skip


@pytest.mark.parametrize("leads_to", [None, ELSEWHERE], ids=["nowhere", "another profile and pool"])
def test_a_job_counts_where_it_waited_wherever_its_labels_lead_by_now(
    case: Case, leads_to: Route | None
) -> None:
    case.ledger.jobs.record(an_event(), ROUTE)
    for state in STATES[1:]:
        moved = case.ledger.jobs.record(an_event(state), leads_to)
        assert moved is not None
        assert moved.place == ROUTE.place
        assert case.snapshot().jobs == ()
        record = case.ledger.jobs.find(an_event().key)
        assert record is not None
        assert (record.state, record.place) == (state, ROUTE.place)
    [line] = case.ledger.usage.of_day(DAY, "job")
    assert isinstance(line, JobUsage)
    assert (line.pool, line.profile) == (POOL, SHAPE.profile)


def test_a_job_of_which_nothing_is_known_and_that_leads_nowhere_is_not_recorded(case: Case) -> None:
    for state in STATES:
        assert case.ledger.jobs.record(an_event(state), None) is None
    assert case.items() == []


def test_a_record_that_does_not_say_its_profile_counts_where_its_labels_lead(case: Case) -> None:
    """As an older version wrote it."""
    case.ledger.jobs.record(an_event(), ROUTE)
    record = case.item(*astuple(record_key(an_event().key)))
    case.put({name: value for name, value in record.items() if name != "profile"})
    moved = case.ledger.jobs.record(an_event(JobState.IN_PROGRESS), ELSEWHERE)
    assert moved is not None
    assert moved.place == ELSEWHERE.place
    assert case.snapshot().jobs == ()


def test_in_whatever_order_and_however_often_events_come_the_state_only_moves_forward(case: Case) -> None:
    """[GH-WJ-4] [GH-WJ-11]"""
    orders = [*itertools.permutations(STATES), *itertools.product(STATES, repeat=2)]
    for number, order in enumerate(orders, start=1):
        furthest = 0
        for state in order:
            event = an_event(state, number)
            assert (case.ledger.jobs.record(event, ROUTE) is not None) is (state.rank > furthest)
            furthest = max(furthest, state.rank)
            record = case.ledger.jobs.find(event.key)
            assert record is not None
            assert record.state.rank == furthest
        is_waiting = any(job.key == an_event(number=number).key for job in case.snapshot().jobs)
        assert is_waiting is (furthest == JobState.QUEUED.rank)


def test_all_tries_of_a_job_are_found_by_its_id_alone(case: Case) -> None:
    assert case.ledger.jobs.attempts(1) == []
    for changes in ({}, {"run_attempt": 2}, {"organization": "Globex", "repository": "Globex/one"}):
        case.ledger.jobs.record(an_event(**changes), ROUTE)
    found = [(record.key.organization, record.key.run_attempt) for record in case.ledger.jobs.attempts(1)]
    assert sorted(found) == [("acme", 1), ("acme", 2), ("globex", 1)]


def test_what_was_known_of_a_job_is_told_where_it_moves_on(case: Case) -> None:
    queued = case.ledger.jobs.record(an_event(received_at=NOW - 2), ROUTE)
    assert queued is not None
    assert queued.before is None
    moved = case.ledger.jobs.record(an_event(JobState.IN_PROGRESS), ROUTE)
    assert moved is not None
    assert moved.before is not None
    assert (moved.before.state, moved.before.heard_at) == (JobState.QUEUED, NOW - 2)


def test_what_another_process_recorded_meanwhile_is_what_was_known_before(case: Case) -> None:
    """Two deliveries of one job at once: its start is news to one of them alone, its wait is not forgotten."""
    case.ledger.jobs.record(an_event(received_at=NOW - 2), ROUTE)
    meanwhile = case.overtaken(lambda: case.ledger.jobs.record(an_event(JobState.IN_PROGRESS), ROUTE))
    moved = meanwhile.jobs.record(an_event(JobState.COMPLETED), ROUTE)
    assert moved is not None
    assert moved.before is not None
    assert moved.before.state is JobState.IN_PROGRESS

    late = case.overtaken(lambda: case.ledger.jobs.record(an_event(number=2), ROUTE))
    assert late.jobs.record(an_event(JobState.COMPLETED, 2), ROUTE)
    lines = case.ledger.usage.of_day(DAY, "job")
    used = {line.job.job_id: line for line in lines if isinstance(line, JobUsage)}
    assert {number: line.heard_at for number, line in used.items()} == {1: NOW - 2, 2: NOW}


def test_what_another_process_told_meanwhile_is_no_news(case: Case) -> None:
    for number, state in enumerate((JobState.IN_PROGRESS, JobState.COMPLETED), start=1):
        overtaking = an_event(state, number)
        meanwhile = case.overtaken(partial(case.ledger.jobs.record, overtaking, ROUTE))
        assert meanwhile.jobs.record(an_event(JobState.IN_PROGRESS, number), ROUTE) is None


def test_a_job_waits_from_queued_until_it_has_started(case: Case) -> None:
    assert not case.ledger.jobs.waits(POOL, an_event().key)
    case.ledger.jobs.record(an_event(), ROUTE)
    assert case.ledger.jobs.waits(POOL, an_event().key)
    assert not case.ledger.jobs.waits("elsewhere", an_event().key)
    case.ledger.jobs.record(an_event(JobState.IN_PROGRESS), ROUTE)
    assert not case.ledger.jobs.waits(POOL, an_event().key)


def test_each_attempt_and_each_organization_s_job_of_one_number_is_a_job_of_its_own(case: Case) -> None:
    """[GH-WJ-14]"""
    others = [an_event(), an_event(run_attempt=2), an_event(organization="globex")]
    for event in others:
        assert case.ledger.jobs.record(event, ROUTE)
    assert case.ledger.jobs.record(an_event(JobState.COMPLETED, organization="globex"), ROUTE)
    assert {job.key for job in case.snapshot().jobs} == {others[0].key, others[1].key}


def test_what_was_never_recorded_is_not_found(case: Case) -> None:
    assert case.ledger.jobs.find(an_event().key) is None


def test_a_dropped_job_waits_no_longer_its_record_stays_and_it_never_comes_back(case: Case) -> None:
    event = an_event()
    case.ledger.jobs.record(event, ROUTE)
    case.ledger.jobs.drop(POOL, event.key)
    case.ledger.jobs.drop(POOL, event.key)
    assert not case.ledger.jobs.record(event, ROUTE)
    assert case.snapshot().jobs == ()
    assert case.ledger.jobs.find(event.key) is not None


def test_a_record_is_kept_longer_than_a_server_lets_a_delivery_be_sent_again(case: Case) -> None:
    """[GH-HOOK-WINDOW]"""
    case.ledger.jobs.record(an_event(), ROUTE)
    record = next(item for item in case.items() if item["pk"]["S"].startswith("JOB#"))
    assert float(record["expires_at"]["N"]) >= NOW + 7 * 86_400


@pytest.mark.parametrize("name", ["#", "a#HEAD", "x" * 200, "ünï 😀"])
def test_a_repository_s_text_changes_no_key(case: Case, name: str) -> None:
    event = an_event(repository=f"acme/{name}", labels=(name,))
    case.ledger.jobs.record(event, ROUTE)
    (waiting,) = case.snapshot().jobs
    assert (waiting.repository, waiting.labels) == (f"acme/{name}", (name,))
    assert all(re.fullmatch(r"(POOL|JOB)#[\w#/-]+", item["pk"]["S"]) for item in case.items())


def test_when_github_was_asked_about_a_waiting_job_is_kept_with_it(case: Case) -> None:
    event = an_event()
    assert case.ledger.jobs.record(event, ROUTE)
    case.ledger.jobs.note_asked(POOL, event.key, at=NOW + 90.5)
    (waiting,) = case.snapshot().jobs
    assert (waiting.asked_at, waiting.queued_at) == (NOW + 90.5, NOW - 5)


def test_a_runner_that_idled_in_vain_is_counted_once_however_often_it_is_told(case: Case) -> None:
    event = an_event()
    case.ledger.jobs.record(event, ROUTE)
    for number in (1, 2):
        case.ledger.runners.add([a_runner(number)])
        (offer,) = offered(case)
        assert case.ledger.claims.bind(a_runner(number), offer, reach="acme", at=NOW) == "bound"
        for again in range(3):
            case.ledger.jobs.note_untaken(POOL, event.key, task_id=a_task_id(number), at=NOW + 100 + again)
        case.ledger.jobs.note_untaken(POOL, event.key, task_id=a_task_id(9), at=NOW + 900)
        (waiting,) = case.snapshot().jobs
        assert (waiting.untaken, waiting.retry_at) == (number, NOW + 100 + retry_delay_seconds(number))


def test_a_job_that_waits_no_longer_does_not_wait_again_because_github_was_asked(case: Case) -> None:
    event = an_event()
    assert case.ledger.jobs.record(event, ROUTE)
    case.ledger.jobs.drop(POOL, event.key)
    case.ledger.jobs.note_asked(POOL, event.key, at=NOW)
    assert case.snapshot().jobs == ()


STORY = (
    Held(Why.NO_CAPACITY, NOW + 1.5, {"until": NOW + 30, "subnets": "subnet-1"}),
    Held(Why.PAUSED, NOW + 9),
)


def test_what_holds_a_job_up_is_kept_with_it_and_outlives_its_waiting(case: Case) -> None:
    event = an_event()
    case.ledger.jobs.record(event, ROUTE)
    for story in (STORY[:1], STORY, STORY):
        case.ledger.jobs.note_held(POOL, event.key, story)
    (waiting,) = case.snapshot().jobs
    assert waiting.held == STORY
    for state in STATES[1:]:
        case.ledger.jobs.record(an_event(state), ROUTE)
        record = case.ledger.jobs.find(event.key)
        assert record is not None
        assert record.held == STORY


def test_the_story_of_a_job_that_waits_no_longer_is_not_changed(case: Case) -> None:
    """A plan that was made before the job started is late, and must not bring it back either."""
    event = an_event()
    case.ledger.jobs.record(event, ROUTE)
    case.ledger.jobs.note_held(POOL, event.key, STORY[:1])
    case.ledger.jobs.record(an_event(JobState.IN_PROGRESS), ROUTE)
    case.ledger.jobs.note_held(POOL, event.key, STORY)
    record = case.ledger.jobs.find(event.key)
    assert record is not None
    assert (record.held, case.snapshot().jobs) == (STORY[:1], ())


def test_a_job_that_nobody_recorded_gets_no_story(case: Case) -> None:
    case.ledger.jobs.note_held(POOL, an_event().key, STORY)
    assert case.items() == []


def test_a_dropped_job_s_story_goes_on_with_its_record_alone(case: Case) -> None:
    event = an_event()
    case.ledger.jobs.record(event, ROUTE)
    case.ledger.jobs.drop(POOL, event.key)
    case.ledger.jobs.note_held(POOL, event.key, STORY)
    assert case.snapshot().jobs == ()


def test_an_offer_is_bound_and_is_not_written_anew_whatever_the_story_says_meanwhile(case: Case) -> None:
    event = an_event()
    case.ledger.jobs.record(event, ROUTE)
    case.ledger.offers.read(POOL).replace({SHAPE: case.snapshot().jobs})
    before = [item for item in case.items() if item["pk"]["S"].startswith("OFFERS#")]
    case.ledger.jobs.note_held(POOL, event.key, STORY)
    case.ledger.offers.read(POOL).replace({SHAPE: case.snapshot().jobs})
    assert [item for item in case.items() if item["pk"]["S"].startswith("OFFERS#")] == before
    offer = case.ledger.claims.next_offer(POOL, SHAPE)
    assert offer is not None
    assert offer.job.held == ()
    case.ledger.runners.add([a_runner()])
    assert case.ledger.claims.bind(a_runner(), offer, reach="acme", at=NOW) == "bound"
