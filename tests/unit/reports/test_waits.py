"""Waits: parts that add up whatever the clocks say, and targets that one workflow does not decide."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from local.reports.lines import Lines
from local.reports.output import targets_as_table
from local.reports.targets import Target, targets
from local.reports.waits import waits
from local.simulator.workload.usage_records import workload_of
from slipway.domain.configuration import Schedule, WaitTarget
from slipway.domain.jobs import JobKey
from slipway.domain.phases import PHASES
from slipway.domain.resources import Resources
from slipway.domain.usage import Usage
from tests.builders import a_profile
from tests.unit.reports.test_money import a_container
from tests.unit.reports.test_report_command import START, a_job

OFFICE = Schedule((0, 1, 2, 3, 4), 9 * 60, 19 * 60, "UTC")


def test_a_wait_is_split_where_each_clock_recorded_it() -> None:
    job = a_job(queued_at=START, heard_at=START + 2, started_at=START + 20, completed_at=START + 60)
    own = a_container(1, started_at=START + 9, running_at=START + 13, claimed_at=START + 14)
    [wait] = waits(Lines.of([job, own]))
    assert wait.seconds == 20
    assert wait.phases == {"webhook": 2, "room": 7, "start": 4, "claim": 1, "pickup": 6}


def test_a_container_that_waited_already_cost_the_job_nothing_but_the_claim() -> None:
    job = a_job(queued_at=START, heard_at=START + 2, started_at=START + 8, completed_at=START + 60)
    standby = a_container(1, started_at=START - 900, running_at=START - 890, claimed_at=START + 4)
    [wait] = waits(Lines.of([job, standby]))
    assert wait.phases == {"webhook": 2, "room": 0, "start": 0, "claim": 2, "pickup": 4}


def test_a_job_whose_container_is_not_known_has_no_parts() -> None:
    [wait] = waits(Lines.of([a_job()]))
    assert (wait.seconds, wait.phases) == (20, {})


def test_each_reason_cost_the_time_until_the_next_or_until_a_container_was_placed() -> None:
    story = (("pool_limit", START + 5), ("instance_starting", START + 12), ("no_capacity", START + 14))
    job = a_job(queued_at=START, started_at=START + 60, completed_at=START + 90, held=story)
    own = a_container(1, started_at=START + 44, running_at=START + 50, claimed_at=START + 51)
    [wait] = waits(Lines.of([job, own]))
    assert wait.held_by == {"pool_limit": 7, "instance_starting": 2, "no_capacity": 30}
    [without] = waits(Lines.of([job]))
    assert without.held_by == {"pool_limit": 7, "instance_starting": 2, "no_capacity": 46}


def test_what_holds_a_job_up_when_its_container_is_up_lasts_until_the_claim() -> None:
    job = a_job(queued_at=START, started_at=START + 60, held=(("awaiting_turn", START + 10),))
    own = a_container(1, started_at=START + 4, running_at=START + 8, claimed_at=START + 40)
    [wait] = waits(Lines.of([job, own]))
    assert wait.held_by == {"awaiting_turn": 30}


def test_what_a_robbed_job_waited_anew_is_told_as_that_and_not_as_what_its_first_runner_waited_for() -> None:
    job = a_job(queued_at=START, started_at=START + 90, held=(("instance_starting", START + 2),))
    taken = a_container(
        2, started_at=START + 30, claimed_at=START + 36, job=JobKey("acme", 9, 1), made_for=job.job
    )
    own = a_container(1, started_at=START + 80, claimed_at=START + 84, job=job.job, made_for=job.job)
    [wait] = waits(Lines.of([job, own, taken]))
    assert wait.held_by == {"instance_starting": 28, "robbed": 50}
    held = (*job.held, ("pool_limit", START + 50))
    [later] = waits(Lines.of([replace(job, held=held), own, taken]))
    assert later.held_by == {"instance_starting": 28, "robbed": 20, "pool_limit": 30}
    [unknown] = waits(Lines.of([job, taken]))
    assert unknown.held_by == {"instance_starting": 28, "robbed": 60}


def test_jobs_that_swapped_runners_placed_at_once_lost_nothing_by_it() -> None:
    job = a_job(queued_at=START, started_at=START + 40, held=(("instance_starting", START + 2),))
    pair = [a_container(number, started_at=START + 30, claimed_at=START + 36) for number in (1, 2)]
    other = JobKey("acme", 9, 1)
    own, taken = replace(pair[0], job=job.job, made_for=other), replace(pair[1], job=other, made_for=job.job)
    [wait] = waits(Lines.of([job, own, taken]))
    assert wait.held_by == {"instance_starting": 28}


def test_a_reason_that_comes_twice_is_told_once_with_both_times() -> None:
    story = (("pool_limit", START + 5), ("paused", START + 12), ("pool_limit", START + 14))
    [wait] = waits(Lines.of([a_job(queued_at=START, started_at=START + 20, held=story)]))
    assert wait.held_by == {"pool_limit": 13, "paused": 2}


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.floats(START - 50, START + 150)), max_size=6),
    st.none() | st.floats(START - 100, START + 200),
    st.lists(st.floats(START - 100, START + 200), max_size=2),
)
def test_reasons_never_cost_more_than_the_wait_whatever_the_clocks_say(
    story: list[tuple[str, float]], placed: float | None, others: list[float]
) -> None:
    told = tuple(sorted(story, key=lambda chapter: chapter[1]))
    job = a_job(queued_at=START, started_at=START + 100, held=told)
    own = [] if placed is None else [a_container(1, started_at=placed, claimed_at=placed)]
    taken = [
        a_container(2 + number, started_at=at, claimed_at=at + 9, job=JobKey("acme", 9, 1), made_for=job.job)
        for number, at in enumerate(others)
    ]
    [wait] = waits(Lines.of([job, *own, *taken]))
    assert sum(wait.held_by.values()) <= wait.seconds + 1e-6
    assert min(wait.held_by.values(), default=1) > 0


_MOMENTS = st.none() | st.floats(START - 1_000, START + 1_000)


@given(*[_MOMENTS] * 3, st.floats(START - 1_000, START + 1_000), st.integers(-30, 1_000))
def test_parts_add_up_to_the_wait_whatever_the_clocks_say(
    heard: float | None, running: float | None, claimed: float | None, placed: float, wait_seconds: int
) -> None:
    job = a_job(queued_at=START, heard_at=heard, started_at=START + wait_seconds, completed_at=START + 9_000)
    own = a_container(1, started_at=placed, running_at=running, claimed_at=claimed)
    [wait] = waits(Lines.of([job, own]))
    assert sum(wait.phases.values()) == pytest.approx(wait.seconds, abs=1e-3)
    assert set(wait.phases) == set(PHASES)
    assert min(wait.phases.values()) >= 0


def judged(*lines: Usage, seconds: int = 15) -> dict[str, Target]:
    profile = a_profile(name="medium", wait_target=WaitTarget(seconds, OFFICE))
    return {found.organization: found for found in targets(waits(Lines.of(lines)), {"medium": profile})}


def ten_at(hour: int, wait: int, *, workflow: str = "CI", first: int = 1) -> list[Usage]:
    at = START + hour * 3_600
    return [
        a_job(number, queued_at=at, started_at=at + wait, completed_at=at + 600, workflow=workflow)
        for number in range(first, first + 10)
    ]


def test_only_the_hours_in_which_a_target_counts_are_judged() -> None:
    found = judged(*ten_at(10, 5), *ten_at(3, 500, first=20))
    assert (found["*"].jobs, found["*"].is_met) == (10, True)


def test_one_workflow_does_not_decide_and_is_named() -> None:
    found = judged(*ten_at(10, 5), *ten_at(11, 90, workflow="nightly", first=20))["acme"]
    assert not found.is_met
    assert found.is_met_without_top
    assert found.top == "acme/web nightly"


def test_what_was_over_the_target_is_split_like_the_wait() -> None:
    at = START + 10 * 3_600
    job = a_job(queued_at=at, heard_at=at, started_at=at + 60, completed_at=at + 90)
    own = a_container(1, started_at=at + 45, running_at=at + 60, claimed_at=at + 60)
    found = judged(job, own)["*"]
    assert found.lost_to == (("room", 45 * 45 / 60 / 60), ("start", 15 * 45 / 60 / 60))


def test_what_was_over_the_target_is_told_by_reason_too() -> None:
    at = START + 10 * 3_600
    held = (("pool_limit", at + 20), ("no_capacity", at + 30))
    job = a_job(queued_at=at, started_at=at + 60, completed_at=at + 90, held=held)
    found = judged(job, *ten_at(11, 5, first=20))["*"]
    assert found.held_by == (("no_capacity", 30 * 45 / 60 / 60), ("pool_limit", 10 * 45 / 60 / 60))


def test_recorded_jobs_can_be_simulated_again() -> None:
    profile = a_profile(name="medium")
    own = [a_container(1), a_container(2, size=Resources(4_096, 14_336))]
    lines = Lines.of([a_job(), a_job(2, queued_at=START + 50, repository="acme/api"), *own])
    made = workload_of(lines, {"medium": profile}, "november")
    assert made.starts_at == START
    second, first = made.jobs
    assert (second.full_name, second.queued_at_seconds, second.duration_seconds) == ("acme/api", 50, 880)
    assert first.labels == tuple(sorted(profile.labels))
    assert second.labels == ("slipway/medium/cpu=4/memory=14GiB/run=2-1",)


def test_jobs_that_never_ran_or_whose_profile_is_no_more_are_no_work() -> None:
    lines = Lines.of([a_job(started_at=None), a_job(2, profile="former")])
    assert workload_of(lines, {"medium": a_profile(name="medium")}, "november").jobs == ()


def test_targets_fit_eighty_columns_with_whole_numbers_and_below_what_was_lost_to_what() -> None:
    at = START + 10 * 3_600
    held = (("instance_starting", at + 20), ("repository_limit", at + 30))
    job = a_job(
        queued_at=at,
        started_at=at + 60_000,
        completed_at=at + 60_001,
        held=held,
        repository=f"acme/{'long' * 9}",
    )
    out = io.StringIO()
    Console(file=out, width=80).print(targets_as_table([*judged(job, *ten_at(11, 5, first=20)).values()]))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split() == ["medium", "all", "11", "15", "5.0", "yes", "5.0"]
    assert lines[4].startswith("medium, all: lost to unknown 999.8 min; held up by repository_limit 999.")
