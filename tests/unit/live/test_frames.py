"""Frames: what a look at a ledger becomes on the page."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from local.live.deltas import applied, between
from local.live.frames import KINDS, Frame, FrameMaker, about
from local.live.reading import Reading, Started
from local.live.waits import WINDOW_SECONDS
from local.words import has_words
from slipway.domain.configuration import Configuration, Headroom, WaitTarget
from slipway.domain.instances import InstanceState
from slipway.domain.jobs import JobKey
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control, Snapshot
from slipway.domain.usage import JobUsage
from tests.builders import (
    NOW,
    POOL,
    a_booting_instance,
    a_configuration,
    a_job,
    a_pool,
    a_profile,
    a_runner,
    a_snapshot,
    a_stopped_instance,
    an_arn,
    an_instance,
    several_jobs,
)
from tests.strategies import Situation, situations

HOSTILE = "acme/<img src=x onerror=alert(1)>"


def frame_of(
    snapshot: Snapshot, configuration: Configuration | None = None, *finished: JobUsage
) -> dict[str, Any]:
    reading = Reading(snapshot.now, (snapshot,), finished=finished)
    return FrameMaker(configuration or a_configuration()).frame(reading)


def a_finished_job(number: int = 1, **changes: Any) -> JobUsage:
    facts: dict[str, Any] = {
        "job": JobKey("acme", number, 1),
        "run_id": 7,
        "repository": "acme/one",
        "workflow": "CI",
        "name": "build",
        "pool": POOL,
        "profile": "medium",
        "queued_at": NOW - 100,
        "started_at": NOW - 80,
        "completed_at": NOW - 10 + number / 100,
        "conclusion": "success",
        "runner_name": "slipway-medium-1",
    }
    return JobUsage(**{**facts, **changes})


def test_a_task_stands_in_its_instance_and_a_job_in_the_queue_with_the_plans_own_reason() -> None:
    runner = a_runner(1, RunnerState.BUSY, instance_arn=an_arn("i-1"))
    snapshot = a_snapshot(jobs=(a_job(5),), runners=(runner,), instances=(an_instance("i-1"),))
    frame = frame_of(snapshot)
    assert frame["i"]["i-1"][:3] == [POOL, "m7i.2xlarge", "ready"]
    [row] = frame["r"].values()
    assert row == [POOL, "i-1", "medium", 2048, 7168, "busy", "acme/one", "acme/9000-1", round(NOW - 10)]
    [job] = frame["j"].values()
    assert job[:6] == [POOL, "medium", 2048, 7168, "acme/one", round(NOW - 5)]
    assert job[6:] == ["task_starting", "a container is on its way and will claim it"]
    assert frame["s"] == [1, 1, 1, None]


def test_states_that_differ_for_whoever_watches_are_told_apart() -> None:
    frame = frame_of(
        a_snapshot(
            instances=(
                a_booting_instance("i-boots"),
                a_stopped_instance("i-stopped"),
                an_instance("i-lost", lost_at=NOW - 1),
                an_instance("i-connects", connected=False),
                an_instance("i-gone", state=InstanceState.GONE),
            ),
            runners=(
                a_runner(1),
                a_runner(2, running_at=NOW - 5),
                a_runner(3, RunnerState.GONE),
                a_runner(4, running_at=NOW - 5, waits_for="acme", waits_until=NOW + 5),
            ),
        )
    )
    states = {name: row[2] for name, row in frame["i"].items()}
    assert states == {
        "i-boots": "launching",
        "i-stopped": "stopped",
        "i-lost": "lost",
        "i-connects": "connecting",
    }
    assert sorted(row[5] for row in frame["r"].values()) == ["ending", "standby", "starting", "turn"]
    assert frame["s"][2] == 3, "a stopped instance does not run"


def test_tiers_are_counted_against_what_is_asked_for() -> None:
    configuration = a_configuration(
        [a_profile(standby=2)], [a_pool(headroom=Headroom(3), stopped_instances=1)]
    )
    standby = a_runner(1, running_at=NOW - 5, instance_arn=an_arn("i-1"))
    snapshot = a_snapshot(
        instances=(an_instance("i-1"), a_stopped_instance("i-2")), runners=(standby,), control=Control.PAUSE
    )
    assert frame_of(snapshot, configuration)["p"][POOL] == ["pause", 100, 1, 2, 3, 3, 1, 1]


def test_what_shifts_with_each_job_ahead_is_told_once_for_the_one_that_waits_longest() -> None:
    snapshot = a_snapshot(jobs=several_jobs(9))
    frame = frame_of(snapshot)
    assert {row[6] for row in frame["j"].values()} == {"instance_starting"}
    assert {row[7] for row in frame["j"].values()} == {""}
    assert frame["y"] == {"instance_starting": ["a new instance is launched for it"]}


def test_a_wait_counts_from_the_start_of_the_job_for_fifteen_minutes() -> None:
    maker = FrameMaker(a_configuration())
    started = Started(JobKey("acme", 30, 1), "medium", NOW - 30, NOW + 12)
    running = maker.frame(Reading(NOW + 15, (a_snapshot(now=NOW + 15),), (started,)))
    assert running["w"] == {"": [1, 42.0, 42.0, 42.0], "medium": [1, 42.0, 42.0, 42.0]}
    later = NOW + 12 + WINDOW_SECONDS
    assert maker.frame(Reading(later - 1, (a_snapshot(now=later - 1),)))["w"] == running["w"]
    assert maker.frame(Reading(later, (a_snapshot(now=later),)))["w"] == {}


def test_the_wait_of_a_job_that_was_never_seen_running_is_taken_from_its_usage_line() -> None:
    frame = frame_of(a_snapshot(), None, a_finished_job())
    assert frame["w"][""] == [1, 20.0, 20.0, 20.0]


def test_a_job_that_was_cancelled_before_it_ran_has_no_wait_and_is_among_the_finished() -> None:
    frame = frame_of(
        a_snapshot(), None, a_finished_job(started_at=None, runner_name=None, conclusion="cancelled")
    )
    assert frame["w"] == {}
    assert frame["d"]["acme/1-1"][4:7] == [None, None, "cancelled"]


def test_only_the_last_finished_jobs_are_kept() -> None:
    frame = frame_of(a_snapshot(), None, *(a_finished_job(number) for number in range(1, 31)))
    assert len(frame["d"]) == 12
    assert "acme/30-1" in frame["d"]
    assert "acme/18-1" not in frame["d"]


def test_names_of_others_pass_as_they_are_and_the_frame_is_plain_json() -> None:
    frame = frame_of(a_snapshot(jobs=(a_job(1, repository=HOSTILE),)), None, a_finished_job(name=HOSTILE))
    assert json.loads(json.dumps(frame)) == frame
    assert HOSTILE in next(iter(frame["j"].values()))


def test_what_is_watched_says_the_target_of_each_profile() -> None:
    said = about(a_configuration([a_profile(wait_target=WaitTarget(15))]), "deployment")
    assert said["profiles"]["medium"]["target_seconds"] == 15
    assert said["pools"] == [POOL]


@given(situations())
def test_every_pool_can_be_drawn_and_every_waiting_job_has_words(situation: Situation) -> None:
    frame = frame_of(situation.snapshot, situation.configuration)
    assert len(frame["j"]) == len(situation.snapshot.jobs)
    for row in frame["j"].values():
        assert has_words(row[6])
        assert row[7] or frame["y"][row[6]][0]


@given(situations(), situations())
def test_a_change_leads_from_any_frame_to_any_other(one: Situation, other: Situation) -> None:
    old, new = (frame_of(each.snapshot, each.configuration) for each in (one, other))
    change = between(old, new)
    kept: Frame = json.loads(json.dumps(old))
    if change is None:
        assert all(old[kind] == new[kind] for kind in KINDS)
    else:
        assert applied(old, json.loads(json.dumps(change))) == json.loads(json.dumps(new))
    assert old == kept, "the frame given stays as it is"
