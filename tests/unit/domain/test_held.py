"""What held a job up, chapter by chapter: written when it changes, bounded, and nothing for what goes the quick way."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.held import LASTING_SECONDS, MOST_CHAPTERS, Held, goes_on
from slipway.domain.plan import Plan
from slipway.domain.reasons import SERVED, Reason, Why
from slipway.domain.remembering import MOST_A_ROUND, newly_held
from tests.builders import NOW, a_job, a_snapshot, several_jobs

FULL = tuple(
    Held(Why.POOL_LIMIT if number % 2 else Why.FAIR_SHARE, NOW - 1_000 + 30 * number)
    for number in range(MOST_CHAPTERS)
)


def a_plan(**by_code: int) -> Plan:
    return Plan(reasons={a_job(number).key: Reason(Why(code)) for code, number in by_code.items()})


def test_a_job_that_something_holds_up_begins_a_story_with_the_reasons_parameters() -> None:
    plan = Plan(reasons={a_job().key: Reason(Why.POOL_LIMIT, {"limit": 50})})
    assert newly_held(a_snapshot(jobs=(a_job(),)), plan) == {
        a_job().key: (Held(Why.POOL_LIMIT, NOW, {"limit": 50}),)
    }


def test_the_same_reason_again_is_no_news_also_with_other_parameters() -> None:
    job = a_job(held=(Held(Why.NO_CAPACITY, NOW - 60, {"until": NOW - 10}),))
    plan = Plan(reasons={job.key: Reason(Why.NO_CAPACITY, {"until": NOW + 50})})
    assert newly_held(a_snapshot(jobs=(job,)), plan) == {}


def test_another_reason_is_the_next_chapter() -> None:
    before = Held(Why.INSTANCE_STARTING, NOW - 60)
    found = newly_held(a_snapshot(jobs=(a_job(held=(before,)),)), a_plan(no_capacity=1))
    assert found[a_job().key] == (before, Held(Why.NO_CAPACITY, NOW))


@pytest.mark.parametrize("code", sorted(SERVED))
def test_what_the_runners_own_times_tell_is_not_remembered(code: Why) -> None:
    for held in ((), (Held(Why.POOL_LIMIT, NOW - 60),)):
        assert newly_held(a_snapshot(jobs=(a_job(held=held),)), a_plan(**{code: 1})) == {}


def test_a_job_without_a_reason_has_no_story() -> None:
    assert newly_held(a_snapshot(jobs=(a_job(),)), Plan()) == {}


def test_of_many_the_hundred_that_wait_longest_are_written_and_then_the_others() -> None:
    jobs = several_jobs(MOST_A_ROUND + 7)
    plan = Plan(reasons={job.key: Reason(Why.PAUSED) for job in jobs})
    first = newly_held(a_snapshot(jobs=tuple(reversed(jobs))), plan)
    assert set(first) == {job.key for job in jobs[:MOST_A_ROUND]}
    told = tuple(replace(job, held=first.get(job.key, ())) for job in jobs)
    assert set(newly_held(a_snapshot(jobs=told), plan)) == {job.key for job in jobs[MOST_A_ROUND:]}


def test_a_long_text_is_cut() -> None:
    [chapter] = goes_on((), Reason(Why.GITHUB_REFUSED, {"why": "x" * 5_000}), NOW) or ()
    assert chapter.parameters == {"why": "x" * 100}


def test_a_full_story_takes_nothing_in_until_its_last_chapter_has_lasted() -> None:
    reason, since = Reason(Why.NO_CAPACITY), FULL[-1].since
    assert goes_on(FULL, reason, since + LASTING_SECONDS - 1) is None
    assert goes_on(FULL, reason, since + LASTING_SECONDS) is not None


def test_the_shortest_chapter_of_a_full_story_gives_way() -> None:
    quick = replace(FULL[7], why=Why.START_RAMP, since=FULL[8].since - 1)
    full = (*FULL[:7], quick, *FULL[8:])
    story = goes_on(full, Reason(Why.NO_CAPACITY), NOW)
    assert story is not None
    assert quick not in story
    assert (story[0], story[-2:]) == (full[0], (full[-1], Held(Why.NO_CAPACITY, NOW)))


@given(st.lists(st.tuples(st.sampled_from(Why), st.floats(0, 300)), max_size=80))
def test_a_story_is_short_in_order_and_never_says_the_same_twice_running(
    told: list[tuple[Why, float]],
) -> None:
    story: tuple[Held, ...] = ()
    now = NOW
    for code, later in told:
        now += later
        story = goes_on(story, Reason(code), now) or story
    assert len(story) <= MOST_CHAPTERS
    assert [one.since for one in story] == sorted(one.since for one in story)
    assert all(one.why is not after.why for one, after in pairwise(story))
