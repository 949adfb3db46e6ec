"""The pace of registrations: bursts as large as GitHub's windows allow beside the rate, and none met."""

from __future__ import annotations

import pytest

from slipway.domain.turns import pace_of

CREDENTIALS = range(1, 9)
LATENESS = 2.0


def most_in(seconds: float, credentials: int) -> int:
    """How many registrations a window can hold, those included that were due before it and come late."""
    pace = pace_of(credentials)
    return pace.burst + int((seconds + LATENESS) / pace.interval_seconds)


@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_no_window_holds_more_than_github_allows(credentials: int) -> None:
    """[GH-REGISTRATION-1500] [GH-LIMIT-SECONDARY]"""
    assert most_in(300.0, credentials) <= 1_500
    of_each = -(-most_in(60.0, credentials) // credentials)  # turns go round
    assert of_each <= 180


@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_with_the_slowest_answers_fewer_than_a_hundred_calls_of_one_owner_are_under_way(
    credentials: int,
) -> None:
    """[GH-LIMIT-SECONDARY] The client waits ten seconds; looking for groups and runners takes some of the hundred."""
    pace = pace_of(credentials)
    assert (pace.burst + 10.0 / pace.interval_seconds) / credentials <= 90.0


def test_a_matrix_of_256_registers_within_seconds_where_three_owners_share_it() -> None:
    """[GH-MATRIX]"""
    pace = pace_of(3)
    assert (256 - pace.burst) * pace.interval_seconds < 10.0


@pytest.mark.parametrize("credentials", CREDENTIALS[1:])
def test_another_owner_s_token_never_slows_anybody_down(credentials: int) -> None:
    fewer, more = pace_of(credentials - 1), pace_of(credentials)
    assert more.burst >= fewer.burst
    assert more.interval_seconds <= fewer.interval_seconds
