"""Redelivery over several hooks, runs and restarts: what is asked for, in which order, at what cost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from local.twin.http.aws import AwsServer
from slipway.domain.errors import RefusedError, SlipwayError, ThrottledError, UnavailableError
from slipway.domain.jobs import LONGEST_WAIT_SECONDS
from slipway.domain.redelivery import FailedDelivery, Resent
from slipway.ports.housekeeping import RedeliveryMemory
from slipway.services.redeliver import (
    LOOK_BACK_SECONDS,
    MOST_A_RUN,
    MOST_FAILURES,
    MOST_PARTS_A_RUN,
    PROBES,
    Redeliver,
)
from tests.builders import NOW
from tests.contract.ledger_cases import ledger_case
from tests.fakes.clock import ManualClock
from tests.fakes.deliveries import FakeDeliveries

APP, ALPHA = "app", "alpha/9"
MINUTE = 60.0


def no_server() -> AwsServer:
    raise AssertionError("the twin in process needs none")


@pytest.fixture
def housekeeping() -> Iterator[RedeliveryMemory]:
    with ledger_case("twin", no_server) as case:
        yield case.ledger.housekeeping


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def failure(
    number: int, action: str = "queued", *, at: float | None = None, guid: str = ""
) -> FailedDelivery:
    """A failed delivery; the higher its number, the later it failed."""
    return FailedDelivery(
        number, guid or f"guid-{number}", NOW - 1_000 + number if at is None else at, action
    )


def test_a_hook_that_fails_hides_no_other_and_keeps_its_own_cursor(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    app, alpha = FakeDeliveries([failure(1)]), FakeDeliveries([failure(2)])
    redeliver = Redeliver({APP: app, ALPHA: alpha}, housekeeping, clock)
    app.next_error = UnavailableError("down")
    done = redeliver()
    assert (done.resent, [str(error) for error in done.errors]) == (1, ["down"])
    assert alpha.asked == [2]
    assert housekeeping.cursor("redelivery/app") == NOW - LOOK_BACK_SECONDS
    assert housekeeping.cursor("redelivery/alpha/9") == NOW
    assert redeliver().resent == 1
    assert app.asked == [1]


def test_an_event_that_failed_on_two_hooks_is_asked_for_on_both(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    """[GH-HOOK-GUID]"""
    app, alpha = FakeDeliveries([failure(1, guid="same")]), FakeDeliveries([failure(2, guid="same")])
    hooks = {APP: app, ALPHA: alpha}
    assert Redeliver(hooks, housekeeping, clock)().resent == 2
    clock.advance(MINUTE)
    assert Redeliver(hooks, housekeeping, clock)().resent == 0, "its old failure is still listed"
    assert (app.asked, alpha.asked) == ([1], [2])


def test_of_a_part_jobs_that_wait_come_first_then_the_oldest(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    actions = {1: "completed", 2: "queued", 3: "in_progress", 4: "queued"}
    app = FakeDeliveries([failure(number, action) for number, action in actions.items()])
    Redeliver({APP: app}, housekeeping, clock)()
    assert app.asked == [2, 4, 1, 3]


def test_what_an_outage_left_is_listed_once_and_comes_back_as_a_stream(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    count = 3 * MOST_A_RUN
    app = FakeDeliveries([failure(number) for number in range(1, count + 1)])
    redeliver = Redeliver({APP: app}, housekeeping, clock)
    counts = []
    for _ in range(3):
        counts.append(redeliver().resent)
        clock.advance(MINUTE)
    assert counts == [MOST_A_RUN] * 3
    assert (len(app.listed_since), app.parts) == (1, 3)
    assert sorted(app.asked) == list(range(1, count + 1))
    assert app.asked[:100] == list(range(count - 99, count + 1)), "the newest part, the oldest of it first"
    assert housekeeping.cursor("redelivery/app") == NOW, "what failed since then is still to be found"


def test_what_may_be_asked_for_in_one_run_is_one_allowance_and_each_hook_has_its_turn(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    hooks = {
        name: FakeDeliveries([failure(1_000 * owner + n) for n in range(2 * MOST_A_RUN)])
        for owner, name in enumerate("abc")
    }
    redeliver = Redeliver(hooks, housekeeping, clock)
    for run in range(6):
        assert redeliver().resent == MOST_A_RUN
        clock.advance(MINUTE)
        if run == 2:
            assert {len(hook.asked) for hook in hooks.values()} == {MOST_A_RUN}
    assert {len(set(hook.asked)) for hook in hooks.values()} == {2 * MOST_A_RUN}


def test_a_list_that_is_too_long_to_read_in_time_is_only_probed(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    """Whether all fails again is not known then: it may."""
    app = FakeDeliveries([failure(number, at=NOW - 500 + number) for number in range(1, 401)])
    housekeeping.note_resent(APP, "guid-that-arrived", Resent(NOW - 490, NOW - 490, 999))
    steps = iter([True] * 3)
    redeliver = Redeliver({APP: app}, housekeeping, clock)
    assert redeliver(lambda: next(steps, False)).resent == 0
    assert redeliver().resent == PROBES
    assert housekeeping.cursor("redelivery/app") == NOW - LOOK_BACK_SECONDS, "the rest is still to be found"
    assert redeliver().resent == MOST_A_RUN


def test_a_cold_start_goes_on_where_the_last_run_stopped(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    app = FakeDeliveries([failure(number) for number in range(1, 2 * MOST_A_RUN)])
    for _ in range(2):
        Redeliver({APP: app}, housekeeping, clock)()
        clock.advance(MINUTE)
    assert sorted(app.asked) == list(range(1, 2 * MOST_A_RUN))


def test_an_outage_of_many_thousand_deliveries_is_repaired_by_runs_of_a_bounded_length(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    count = 100 * (MOST_PARTS_A_RUN + 10)
    app = FakeDeliveries([failure(number, at=NOW - 100) for number in range(1, count + 1)])
    for item in app.failed[1_000:]:  # another process has asked for nearly all of them
        housekeeping.note_resent(APP, item.guid, Resent(NOW - 50, NOW - 50, item.delivery_id))
    redeliver = Redeliver({APP: app}, housekeeping, clock)
    parts: list[int] = []
    while not app.asked:
        redeliver()
        parts.append(app.parts - sum(parts))
    assert max(parts) <= MOST_PARTS_A_RUN + 2
    assert len(app.listed_since) == 1


def test_while_all_fails_again_only_a_few_are_asked_for(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    app = FakeDeliveries()
    redeliver = Redeliver({APP: app}, housekeeping, clock)
    asked: dict[int, FailedDelivery] = {}

    def fail_again() -> None:
        for number in app.asked[len(asked) :]:
            asked[number] = next(item for item in app.failed if item.delivery_id == number)
            app.failed.append(failure(10_000 + number, at=clock.now() + 1, guid=asked[number].guid))

    counts = []
    for minute in range(60):
        app.failed += [failure(100 * minute + n, at=clock.now() - 30 + n) for n in range(1, 11)]
        counts.append(redeliver().resent)
        fail_again()
        clock.advance(MINUTE)
    assert counts == [10] + [PROBES] * 59
    assert app.parts < 2.5 * 60, "the list is not read back to where the outage began"
    before = len(app.asked)
    for _ in range(12):
        redeliver()
        clock.advance(MINUTE)
    assert len(app.asked) - before >= 600 - 12 * PROBES
    assert (housekeeping.cursor("redelivery/app") or 0.0) > NOW + 3_600


def test_a_limit_pauses_its_hook_for_as_long_as_github_says_and_no_other(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    app, alpha = FakeDeliveries([failure(1), failure(2)]), FakeDeliveries([failure(3)])
    app.refusals[2] = ThrottledError("slow down", retry_after_seconds=600)
    redeliver = Redeliver({APP: app, ALPHA: alpha}, housekeeping, clock)
    assert len(redeliver().errors) == 1
    app.refusals.clear()
    for _ in range(9):
        clock.advance(MINUTE)
        assert redeliver().resent == 0
    assert len(alpha.listed_since) == 10
    clock.advance(MINUTE)
    assert redeliver().resent == 1
    assert app.asked == [1, 2]
    assert len(app.listed_since) == 1


def test_what_github_has_forgotten_is_an_error_once(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    """[GH-HOOK-WINDOW]"""
    app = FakeDeliveries([failure(1), failure(2)], {1: RefusedError("gone", code="404")})
    redeliver = Redeliver({APP: app}, housekeeping, clock)
    assert [len(redeliver().errors), len(redeliver().errors)] == [1, 0]
    assert app.asked == [2]


@pytest.mark.parametrize(
    "refusal", [RefusedError("may not", code="403"), UnavailableError("502")], ids=["permission", "outage"]
)
def test_what_could_not_be_asked_for_is_found_again_until_it_can(
    housekeeping: RedeliveryMemory, clock: ManualClock, refusal: SlipwayError
) -> None:
    app = FakeDeliveries([failure(1), failure(2)], {1: refusal})
    redeliver = Redeliver({APP: app}, housekeeping, clock)
    for _ in range(100):  # longer than a look back: the cursor waits for it
        assert len(redeliver().errors) == 1
        clock.advance(MINUTE)
    app.refusals.clear()
    assert redeliver().resent == 1
    assert app.asked == [2, 1]


def test_a_run_in_which_nothing_succeeds_ends_early(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    refusals: dict[int, SlipwayError] = {number: UnavailableError("502") for number in range(1, 50)}
    app = FakeDeliveries([failure(number) for number in range(1, 50)], refusals)
    assert len(Redeliver({APP: app}, housekeeping, clock)().errors) == MOST_FAILURES


def test_it_looks_back_an_hour_further_to_its_cursor_and_never_more_than_a_day(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    """A job that was queued for a day is failed [GH-JOB-24H]; GitHub's own window is longer [GH-HOOK-WINDOW]."""
    app = FakeDeliveries()
    redeliver = Redeliver({APP: app}, housekeeping, clock)
    redeliver()
    for seconds in (2 * MINUTE, 2 * LOOK_BACK_SECONDS, 3 * LONGEST_WAIT_SECONDS):
        clock.advance(seconds)
        redeliver()
    assert app.listed_since == [
        NOW - LOOK_BACK_SECONDS,
        NOW + 2 * MINUTE - LOOK_BACK_SECONDS,
        NOW + 2 * MINUTE,
        clock.now() - LONGEST_WAIT_SECONDS,
    ]


def test_where_nothing_failed_for_an_hour_every_other_run_looks(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    """A look costs a call, so that a quiet hook would cost one for every few jobs."""
    app = FakeDeliveries()
    redeliver = Redeliver({APP: app}, housekeeping, clock)
    for _ in range(10):
        redeliver()
        clock.advance(MINUTE)
    assert len(app.listed_since) == 5
    app.failed = [failure(1, at=clock.now())]
    for _ in range(10):
        redeliver()
        clock.advance(MINUTE)
    assert app.asked == [1]
    assert len(app.listed_since) == 15


def test_what_goes_on_failing_is_asked_for_less_and_less_often_and_then_no_more(
    housekeeping: RedeliveryMemory, clock: ManualClock
) -> None:
    app = FakeDeliveries([failure(1, guid="poison")])
    redeliver = Redeliver({APP: app}, housekeeping, clock)
    asked_at: list[float] = []
    while clock.now() < NOW + 1.1 * LONGEST_WAIT_SECONDS:
        if redeliver().resent:
            asked_at.append(clock.now() - NOW)
            app.failed = [failure(len(asked_at) + 1, at=clock.now(), guid="poison")]
        clock.advance(MINUTE)
    pauses = [later - earlier for earlier, later in itertools.pairwise(asked_at)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (60.0, 600.0)
    assert len(asked_at) < 170
    assert asked_at[-1] < LONGEST_WAIT_SECONDS
