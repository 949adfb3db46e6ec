"""What the ledger's ``Turns`` and ``Tokens`` must do."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.tokens import TokenFacts
from slipway.domain.turns import HORIZON_SECONDS, SHARED_HORIZON_SECONDS, RegistrationPace, pace_of
from tests.builders import NOW
from tests.contract.aws_faces import create_table
from tests.contract.ledger_cases import TABLE, Case, memory_case

PACE = RegistrationPace(burst=3, interval_seconds=2.0)


def test_a_burst_goes_at_once_and_the_rest_one_an_interval(case: Case) -> None:
    turns = [case.ledger.turns.take(["acme"], f"runner-{number}", PACE, NOW) for number in range(6)]
    assert [turn.at - NOW for turn in turns] == pytest.approx([0, 0, 0, 2, 4, 6])
    assert [turn.number for turn in turns] == [1, 2, 3, 4, 5, 6]


def test_who_comes_back_takes_the_turn_that_was_kept_once(case: Case) -> None:
    for number in range(4):
        case.ledger.turns.take(["acme"], f"runner-{number}", PACE, NOW)
    later = case.ledger.turns.take(["acme"], "late", PACE, NOW)
    assert later.at == pytest.approx(NOW + 4)
    assert case.ledger.turns.take(["acme"], "late", PACE, NOW + 1) == later
    for number in range(10, 13):
        case.ledger.turns.take(["acme"], f"runner-{number}", PACE, NOW + 1)
    assert case.ledger.turns.take(["acme"], "late", PACE, NOW + 4.5) == later
    assert case.ledger.turns.take(["acme"], "late", PACE, NOW + 4.5).at > NOW + 4.5


def test_idle_time_fills_the_bucket_up_to_the_burst_and_no_further(case: Case) -> None:
    for number in range(9):
        case.ledger.turns.take(["acme"], f"runner-{number}", PACE, NOW)
    rested = [case.ledger.turns.take(["acme"], f"again-{n}", PACE, NOW + 3_600) for n in range(4)]
    assert [turn.at - NOW - 3_600 for turn in rested] == pytest.approx([0, 0, 0, 2])


def test_a_bucket_in_use_does_not_expire(case: Case) -> None:
    """One that was deleted would be full again, and give a fresh burst in the middle of its use [DDB-TTL]."""
    pace = RegistrationPace(burst=3, interval_seconds=40_000.0)
    for number in range(3):
        case.ledger.turns.take(["acme"], f"runner-{number}", pace, NOW)
    for number in range(3, 9):
        case.ledger.turns.take(["acme"], f"runner-{number}", pace, NOW + number * 40_000)
    (bucket,) = (item for item in case.items() if item["sk"] == {"S": "BUCKET"})
    assert int(bucket["expires_at"]["N"]) > NOW + 8 * 40_000


@pytest.mark.parametrize("seconds", [0.0, 4.0, 3_600.0])
def test_a_turn_that_is_free_costs_one_call_to_whoever_took_the_last(twin_case: Case, seconds: float) -> None:
    twin_case.ledger.turns.take(["acme"], "runner-0", PACE, NOW)
    before = twin_case.aws.account.calls.total()
    assert twin_case.ledger.turns.take(["acme"], "runner-1", PACE, NOW + seconds).at == NOW + seconds
    assert twin_case.aws.account.calls.total() - before == 1


def test_a_bucket_that_another_used_meanwhile_is_not_filled_again(case: Case) -> None:
    other = case.another().turns
    case.ledger.turns.take(["acme"], "runner-0", PACE, NOW)
    for number in range(1, 4):
        other.take(["acme"], f"runner-{number}", PACE, NOW + 3_600)
    assert case.ledger.turns.take(["acme"], "runner-4", PACE, NOW + 3_600).at == pytest.approx(NOW + 3_602)


def test_scopes_do_not_wait_for_each_other(case: Case) -> None:
    for number in range(5):
        case.ledger.turns.take(["acme"], f"runner-{number}", PACE, NOW)
    assert case.ledger.turns.take(["other"], "runner-9", PACE, NOW).at == NOW
    kept = case.ledger.turns.take(["acme"], "wanderer", PACE, NOW)
    assert kept.at > NOW
    assert case.ledger.turns.take(["other"], "wanderer", PACE, NOW).at == NOW


def test_who_has_had_its_turn_in_its_own_queue_waits_in_the_shared_one_only(case: Case) -> None:
    own, shared = ["acme", "all"], ["all"]
    for number in range(5):
        case.ledger.turns.take(shared, f"other-{number}", PACE, NOW)
    waits = case.ledger.turns.take(own, "mine", PACE, NOW)
    assert waits.at == pytest.approx(NOW + 6)
    for number in range(4):
        case.ledger.turns.take(["acme"], f"flood-{number}", PACE, NOW)  # its own queue is long now
    assert case.ledger.turns.take(own, "mine", PACE, NOW + 6.5) == waits


def test_a_flood_waits_in_its_own_queue_and_books_nothing_of_the_shared_one(case: Case) -> None:
    for number in range(20):
        case.ledger.turns.take(["acme", "all"], f"flood-{number}", PACE, NOW)
    assert case.ledger.turns.take(["globex", "all"], "single", PACE, NOW).at == pytest.approx(NOW + 2)


def test_the_shared_queue_is_booked_half_a_minute_ahead_at_most(case: Case) -> None:
    turns = [case.ledger.turns.take([f"of-{n}", "all"], f"runner-{n}", PACE, NOW) for n in range(30)]
    kept = [turn.at - NOW for turn in turns if turn.number is not None]
    assert max(kept) <= SHARED_HORIZON_SECONDS
    assert len(kept) < 20
    assert all(NOW < turn.at <= NOW + SHARED_HORIZON_SECONDS for turn in turns if turn.number is None)


def test_beyond_the_horizon_no_turn_is_kept(case: Case) -> None:
    slow = RegistrationPace(burst=1, interval_seconds=HORIZON_SECONDS / 2)
    turns = [case.ledger.turns.take(["acme"], f"runner-{number}", slow, NOW) for number in range(5)]
    assert [turn.number for turn in turns] == [1, 2, 3, None, None]
    assert NOW < turns[-1].at <= NOW + HORIZON_SECONDS
    assert case.ledger.turns.take(["acme"], "runner-4", slow, turns[-1].at).number == 4


def test_those_who_come_together_get_different_turns(shared_case: Case) -> None:
    def take(number: int) -> int | None:
        return (
            shared_case.another()
            .turns.take(["acme"], f"runner-{number}", RegistrationPace(30, 0.4), NOW)
            .number
        )

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for number in pool.map(take, range(24)) if number is not None]
    assert len(set(numbers)) == len(numbers) >= 20


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0.0, 20.0), min_size=100, max_size=260),
    st.integers(1, 5),
    st.floats(0.0, 2.0),
)
def test_no_window_ever_holds_more_than_github_allows(
    gaps: list[float], credentials: int, lateness: float
) -> None:
    """[GH-LIMIT-SECONDARY] [GH-REGISTRATION-1500]"""
    clock = VirtualClock(NOW)
    aws = AwsTwin(clock, latency=LatencyModel.none(), seed=1)
    create_table(aws.client("dynamodb"), TABLE)
    turns = dynamo_ledger(aws.client("dynamodb"), TABLE).turns
    pace, now = pace_of(credentials), NOW
    made: list[tuple[float, int]] = []
    for number, gap in enumerate(gaps):
        now += gap if number % 50 == 0 else 0.0  # in waves
        turn = turns.take(["acme"], f"runner-{number}", pace, now)
        if turn.number is not None:
            made.append((turn.at + (lateness if number % 3 else 0.0), turn.number))
    assert most_in_a_window((at for at, _ in made), 300.0) <= 1_500
    for owner in range(credentials):
        mine = (at for at, number in made if number % credentials == owner)
        assert most_in_a_window(mine, 60.0) <= 180


@pytest.mark.parametrize("credentials", range(1, 6))
def test_a_flood_into_a_full_bucket_keeps_every_window(credentials: int) -> None:
    """[GH-LIMIT-SECONDARY] [GH-REGISTRATION-1500] More than five minutes' worth comes at once, and the burst late."""
    turns, pace = memory_case().ledger.turns, pace_of(credentials)
    taken = [turns.take(["acme"], f"runner-{number}", pace, NOW) for number in range(1_600)]
    made = [
        (turn.at + (2.0 if turn.at == NOW else 0.0), turn.number) for turn in taken if turn.number is not None
    ]
    assert len(made) < len(taken)  # the horizon is full
    assert most_in_a_window((at for at, _ in made), 300.0) <= 1_500
    for owner in range(credentials):
        mine = (at for at, number in made if number % credentials == owner)
        assert most_in_a_window(mine, 60.0) <= 180


def most_in_a_window(times: Iterable[float], seconds: float) -> int:
    ordered = sorted(times)
    return max((sum(start <= at < start + seconds for at in ordered) for start in ordered), default=0)


def test_what_is_known_of_a_token_is_replaced_by_what_is_learned(case: Case) -> None:
    known = TokenFacts("0123", "octocat", NOW, ("repo", "read:org"), NOW + 86_400)
    assert case.ledger.tokens.find("arn:one") is None
    case.ledger.tokens.keep("arn:one", known)
    case.ledger.tokens.keep("arn:two", TokenFacts("4567", "hubot", NOW))
    assert case.ledger.tokens.find("arn:one") == known
    refused = TokenFacts("0123", "octocat", NOW + 9, refused="401 Bad credentials")
    case.ledger.tokens.keep("arn:one", refused)
    assert case.ledger.tokens.find("arn:one") == refused
