"""What outlived its use, and what only looks as if it had."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import Configuration
from slipway.domain.findings import Ec2Instance, Facts, Reap, What
from slipway.domain.matching import Shape
from slipway.domain.reach import EVERYONE
from slipway.domain.reaping import find_stale
from slipway.domain.runners import Runner, RunnerState, runner_name
from slipway.domain.snapshot import Orphan
from tests.builders import (
    NOW,
    POOL,
    SIZE,
    a_booting_instance,
    a_configuration,
    a_job,
    a_profile,
    a_runner,
    a_snapshot,
    a_task_id,
    an_instance,
)
from tests.strategies import Situation, of_pools, situations
from tests.support.reaping import (
    BUSY,
    CONFIGURATION,
    DAY,
    GONE,
    REGISTERED,
    STARTING,
    a_registration,
    at,
    facts,
    stale,
    twice,
)

STANDBY = a_configuration([a_profile(standby=1)])


def of_runner(runner: Runner, configuration: Configuration = CONFIGURATION) -> list[tuple[What, str]]:
    return [(what, why) for what, _, why in stale(facts(a_snapshot(runners=(runner,))), configuration)]


def test_a_pool_that_is_as_the_ledger_has_it_holds_nothing_stale() -> None:
    runners = tuple(a_runner(number, state) for number, state in enumerate(RunnerState))
    snapshot = a_snapshot(runners=runners, instances=(an_instance(), a_booting_instance("i-2")))
    registrations = [a_registration(number) for number in range(4)]
    assert find_stale(facts(snapshot, registrations=registrations), CONFIGURATION, {}) == ([], {})


@pytest.mark.parametrize(
    ("changes", "seconds", "limit", "what", "why"),
    [
        ({"state": STARTING}, "started_at", 600, What.UNCLAIMED_TASK, "never claimed"),
        ({"state": STARTING, "running_at": NOW - 5}, "started_at", 600, What.UNCLAIMED_TASK, "never claimed"),
        ({"state": REGISTERED}, "claimed_at", 240, What.IDLE_RUNNER, "idle past its timeout"),
        ({"state": BUSY}, "busy_at", 3_660, What.OVERDUE_TASK, "past the job timeout"),
    ],
    ids=["starting", "running but unclaimed", "idle", "busy"],
)
def test_a_runner_is_stale_when_its_timer_is_over_and_not_before(
    changes: dict[str, object], seconds: str, limit: int, what: What, why: str
) -> None:
    state = RunnerState(str(changes["state"]))
    in_time = replace(a_runner(1, state), **{**changes, seconds: NOW - limit})  # type: ignore[arg-type]
    assert of_runner(in_time) == []
    late = replace(in_time, **{seconds: NOW - limit - 1})  # type: ignore[arg-type]
    assert of_runner(late) == [(what, why)]


def test_a_task_that_outlives_its_runner_is_stopped_after_a_minute() -> None:
    assert of_runner(a_runner(1, GONE, ended_at=NOW - 59)) == []
    assert of_runner(a_runner(1, GONE, ended_at=NOW - 60)) == [(What.IDLE_RUNNER, "its runner has ended")]


def test_a_standby_task_that_waits_is_not_called_unclaimed() -> None:
    waiting = a_runner(1, started_at=NOW - DAY, running_at=NOW - DAY, asked_at=NOW - 600)
    assert of_runner(waiting, STANDBY) == []


def test_a_standby_task_that_hung_is() -> None:
    """It would count as supply for ever, and the job that it covers would never be served."""
    never_asked = a_runner(1, started_at=NOW - 601, running_at=NOW - 590)
    assert of_runner(never_asked, STANDBY) == [(What.UNCLAIMED_TASK, "never claimed")]
    silent = a_runner(1, started_at=NOW - DAY, running_at=NOW - DAY, asked_at=NOW - 601)
    assert of_runner(silent, STANDBY) == [(What.UNCLAIMED_TASK, "it no longer claims")]


def test_a_standby_task_that_never_ran_is() -> None:
    assert of_runner(a_runner(1, started_at=NOW - 601), STANDBY) == [(What.UNCLAIMED_TASK, "never claimed")]


def test_a_busy_runner_is_never_reaped_before_the_job_timeout() -> None:
    long_job = a_runner(1, BUSY, started_at=NOW - 3_600, claimed_at=NOW - 3_600, busy_at=NOW - 3_600)
    assert of_runner(long_job) == []


def test_a_busy_runner_of_a_profile_that_is_no_more_keeps_its_job() -> None:
    busy = a_runner(1, BUSY, busy_at=NOW - 30 * DAY, shape=Shape("removed", SIZE))
    assert of_runner(busy) == []


def test_an_idle_runner_of_a_profile_that_is_no_more_ends() -> None:
    idle = a_runner(1, REGISTERED, claimed_at=NOW - 121, shape=Shape("removed", SIZE))
    assert of_runner(idle) == [(What.IDLE_RUNNER, "idle past its timeout")]


def test_a_reap_of_a_runner_carries_what_is_known_of_it() -> None:
    runner = a_runner(1, GONE, ended_at=NOW - 60)
    [reap], _ = find_stale(facts(a_snapshot(runners=(runner,))), CONFIGURATION, {})
    assert reap == Reap(What.IDLE_RUNNER, a_task_id(1), POOL, "its runner has ended", runner)


def test_a_task_that_outlives_its_runner_is_asked_after_until_the_job_timeout_and_then_stopped() -> None:
    """GitHub may call it busy, rightly, for somebody may have forged its end, or wrongly [RUNNER-BUSY-AFTER-JOB]."""
    asked = a_runner(1, GONE, ended_at=NOW - 3_000, busy_at=NOW - 3_660)
    assert of_runner(asked) == [(What.IDLE_RUNNER, "its runner has ended")]
    [(what, why)] = of_runner(replace(asked, busy_at=NOW - 3_661))
    assert (what, "job timeout" in why) == (What.OVERDUE_TASK, True)


@pytest.mark.parametrize(
    ("days", "what"),
    [(4, What.IDLE_RUNNER), (6, What.OVERDUE_TASK)],
    ids=["it may run", "no job lives so long"],
)
def test_an_ended_runner_of_a_profile_that_is_no_more_has_as_long_as_github_gives_any_job(
    days: int, what: What
) -> None:
    """[GH-JOB-5D]"""
    ended = a_runner(1, GONE, ended_at=NOW - 60, busy_at=NOW - days * DAY, shape=Shape("removed", SIZE))
    assert [found for found, _ in of_runner(ended)] == [what]


OVER = "GitHub says that it has completed (cancelled)"


def test_a_job_that_github_calls_over_waits_no_longer_when_it_says_so_twice() -> None:
    """[GH-WJ-7] [GH-WJ-12]"""
    job = a_job(5, queued_at=NOW - 120)
    reading = facts(a_snapshot(jobs=(job,)), over={job.key: OVER})
    assert twice(reading) == [(What.JOB_RECORD, str(job.key), OVER)]
    assert twice(reading, apart=59) == []


def test_a_job_of_which_github_said_something_else_in_between_goes_on_waiting() -> None:
    job = a_job(5, queued_at=NOW - 120)
    reading = facts(a_snapshot(jobs=(job,)), over={job.key: OVER})
    _, suspects = find_stale(reading, CONFIGURATION, {})
    _, suspects = find_stale(at(replace(reading, over={}), 60), CONFIGURATION, suspects)
    assert stale(at(reading, 120), suspects=suspects) == []


@pytest.mark.parametrize(
    ("age", "offered_to", "found"),
    [
        (600, None, None),
        (601, None, What.WAITING_LONG),
        (601, a_task_id(1), None),
        (2 * DAY + 600, a_task_id(1), None),
        (2 * DAY + 601, a_task_id(1), What.JOB_RECORD),
        (2 * DAY + 601, None, What.JOB_RECORD),
    ],
)
def test_a_job_that_waits_long_is_looked_at_and_after_two_days_forgotten(
    age: int, offered_to: str | None, found: What | None
) -> None:
    """[GH-JOB-24H] [GH-JOB-48H]"""
    job = a_job(5, queued_at=NOW - age, offered_to=offered_to)
    name = POOL if found is What.WAITING_LONG else str(job.key)
    assert [(what, which) for what, which, _ in stale(facts(a_snapshot(jobs=(job,))))] == (
        [(found, name)] if found else []
    )


@pytest.mark.parametrize(("age", "is_stale"), [(59, False), (60, True)])
def test_a_registration_whose_task_stopped_without_word_of_its_job_is_asked_after_a_minute(
    age: int, is_stale: bool
) -> None:
    orphan = Orphan(a_task_id(1), 41, "acme", NOW - age)
    found = stale(facts(a_snapshot(orphans=(orphan,))))
    assert found == ([(What.ORPHAN, a_task_id(1), "its task stopped first")] if is_stale else [])


MISMATCHES = [
    pytest.param(
        facts(a_snapshot(runners=(a_runner(1),)), tasks=()),
        (What.RUNNER_RECORD, a_task_id(1), "ECS has no such task"),
        id="a runner without a task",
    ),
    pytest.param(
        facts(tasks=[a_task_id(2)]),
        (What.UNKNOWN_TASK, a_task_id(2), "the ledger does not know it"),
        id="a task without a runner",
    ),
    pytest.param(
        facts(a_snapshot(instances=(an_instance(),)), instances={}),
        (What.INSTANCE_RECORD, "i-1", "EC2 has no such instance"),
        id="a record without an instance",
    ),
    pytest.param(
        facts(instances={"i-9": NOW - 301}),
        (What.INSTANCE, "i-9", "the ledger does not know it"),
        id="an instance without a record",
    ),
    pytest.param(
        facts(a_snapshot(instances=(an_instance(),)), instances={"i-1": Ec2Instance(NOW, is_stopped=True)}),
        (What.STOPPED_INSTANCE, "i-1", "stopped"),
        id="a stopped instance",
    ),
    pytest.param(
        facts(instances={"i-9": Ec2Instance(NOW - DAY, "fleet-9", is_stopped=True)}),
        (What.STOPPED_INSTANCE, "i-9", "stopped"),
        id="a stopped instance without a record",
    ),
    pytest.param(
        facts(registrations=[a_registration(3)]),
        (What.REGISTRATION, runner_name("slipway", "medium", a_task_id(3)), "its task is gone"),
        id="a registration without a task",
    ),
]


@pytest.mark.parametrize(("reading", "found"), MISMATCHES)
def test_what_listings_disagree_on_is_stale_at_the_second_reading(
    reading: Facts, found: tuple[What, str, str]
) -> None:
    assert twice(reading) == [found]


@pytest.mark.parametrize(("reading", "found"), MISMATCHES)
def test_two_readings_within_a_minute_are_one(reading: Facts, found: tuple[What, str, str]) -> None:
    assert twice(reading, apart=59) == []


@pytest.mark.parametrize(("reading", "found"), MISMATCHES)
def test_what_looked_right_in_between_is_suspected_anew(reading: Facts, found: tuple[What, str, str]) -> None:
    _, suspects = find_stale(reading, CONFIGURATION, {})
    _, suspects = find_stale(at(facts(), 30), CONFIGURATION, suspects)
    assert suspects == {}
    assert stale(at(reading, 90), suspects=suspects) == []


def test_the_time_of_the_first_reading_is_kept() -> None:
    reading = facts(registrations=[a_registration(3)])
    _, suspects = find_stale(reading, CONFIGURATION, {})
    _, kept = find_stale(at(reading, 40), CONFIGURATION, suspects)
    assert set(kept.values()) == set(suspects.values()) == {NOW}


@of_pools
@given(situations(), st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)), st.booleans())
def test_nothing_is_called_stale_by_one_reading_of_listings(
    situation: Situation, tasks: set[int], registered: set[int], is_busy: bool
) -> None:
    """Whatever ECS, EC2 and GitHub list, one reading alone proves nothing but what a timer of ours does."""
    agreed = facts(situation.snapshot)
    torn = facts(
        situation.snapshot,
        tasks=[a_task_id(number) for number in tasks],
        instances={"i-0": 0.0, "i-77": 0.0},
        registrations=[a_registration(number, is_busy=is_busy) for number in registered],
    )
    assert stale(torn, situation.configuration) == stale(agreed, situation.configuration)


# What stops or ends something without asking GitHub first whether it is busy.
UNASKED = {
    What.UNCLAIMED_TASK,
    What.OVERDUE_TASK,
    What.CUT_OFF_INSTANCE,
    What.STOPPED_INSTANCE,
    What.INSTANCE,
    What.REGISTRATION,
}


@of_pools
@given(situations(), st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)), st.booleans(), st.booleans())
def test_whatever_is_read_nothing_busy_is_removed_without_a_question_to_github(
    situation: Situation, listed: set[int], busy: set[int], is_known_to_ecs: bool, is_whole: bool
) -> None:
    """Every listing may lie, every agent be away and every suspicion be old enough: no running job is touched for it.

    But for its profile's job timeout, which none of these has reached.
    """
    away = [replace(i, connected=False, disconnected_at=NOW - 9_000) for i in situation.snapshot.instances]
    snapshot = replace(situation.snapshot, instances=tuple(away))
    reading = facts(
        snapshot,
        registered=[i for i in away if i.arn is not None and is_known_to_ecs],
        registrations=[a_registration(number, is_busy=number in busy) for number in listed | busy],
        listed=frozenset({EVERYONE}) if is_whole else frozenset(),
    )
    reading = at(reading, 3_600)
    _, suspects = find_stale(reading, situation.configuration, {})
    reaps, _ = find_stale(reading, situation.configuration, dict.fromkeys(suspects, 0.0))
    running = {runner.task_id: runner for runner in snapshot.runners if runner.state is BUSY}
    hosts = {runner.instance_arn for runner in running.values()}
    held = {instance.instance_id for instance in away if instance.arn in hosts}
    names = {runner_name("slipway", "medium", a_task_id(number)) for number in busy}
    assert {reap.id for reap in reaps if reap.what in UNASKED} & (set(running) | held | names) == set()


@pytest.mark.parametrize("seconds", [60, 600, 30 * DAY])
def test_a_busy_registration_is_never_a_ghost(seconds: int) -> None:
    assert twice(facts(registrations=[a_registration(3, is_busy=True)]), apart=seconds) == []


def test_a_registration_of_somebody_else_is_none_of_ours() -> None:
    assert twice(facts(strangers=[a_registration(3, name="my-runner")])) == []


def test_a_registration_with_a_task_that_the_ledger_does_not_know_is_no_ghost() -> None:
    reading = facts(tasks=[a_task_id(3)], registrations=[a_registration(3)])
    assert [what for what, _, _ in twice(reading)] == [What.UNKNOWN_TASK]


def test_a_registration_whose_runner_the_ledger_knows_is_no_ghost() -> None:
    reading = facts(a_snapshot(runners=(a_runner(3),)), tasks=(), registrations=[a_registration(3)])
    assert [what for what, _, _ in twice(reading)] == [What.RUNNER_RECORD]


def test_a_registration_is_alive_by_a_task_of_whichever_pool() -> None:
    here, there = facts(), facts(a_snapshot(pool="elsewhere", runners=(a_runner(3),)))
    reading = Facts(NOW, here.pools + there.pools, (a_registration(3),))
    assert twice(reading) == []
