"""What an operator is told, and how often."""

from __future__ import annotations

import pytest

from slipway.domain.notices import MOST_TOLD, Look, Notice, NoticeCode, untold
from tests.builders import NOW

UNKNOWN = Notice(NoticeCode.UNKNOWN_RUNNER, "7", "why")
ZOMBIE = Notice(NoticeCode.ZOMBIE_JOB, "7", "why")
EXPIRES = Notice(NoticeCode.TOKEN_EXPIRES_SOON, "arn", "why")
DAY = 86_400


def look(*notices: Notice) -> list[Look]:
    """A look at everything."""
    return [Look(notices, frozenset(NoticeCode))]


def test_a_notice_is_told_once_however_often_it_is_met() -> None:
    news, told = untold(look(UNKNOWN), {}, NOW)
    assert news == [UNKNOWN]
    assert untold(look(UNKNOWN), told, NOW + 60) == ([], told)


def test_notices_of_one_name_and_different_codes_are_different() -> None:
    _, told = untold(look(UNKNOWN), {}, NOW)
    assert untold(look(UNKNOWN, ZOMBIE), told, NOW)[0] == [ZOMBIE]


def test_what_several_sources_found_is_told_together() -> None:
    assert untold([*look(UNKNOWN), *look(ZOMBIE)], {}, NOW)[0] == [UNKNOWN, ZOMBIE]


def test_what_went_away_and_came_back_is_told_anew() -> None:
    _, told = untold(look(UNKNOWN), {}, NOW)
    _, told = untold(look(), told, NOW + 60)
    assert untold(look(UNKNOWN), told, NOW + 120)[0] == [UNKNOWN]


def test_what_was_not_looked_at_has_not_gone_away() -> None:
    _, told = untold(look(UNKNOWN), {}, NOW)
    elsewhere = Look(codes=frozenset(NoticeCode) - {NoticeCode.UNKNOWN_RUNNER})
    _, told = untold([elsewhere], told, NOW + 60)
    assert untold(look(UNKNOWN), told, NOW + 120)[0] == []


@pytest.mark.parametrize(
    ("notice", "seconds", "is_told"),
    [
        (UNKNOWN, 7 * DAY - 1, False),
        (UNKNOWN, 7 * DAY, True),
        (EXPIRES, DAY - 1, False),
        (EXPIRES, DAY, True),
    ],
)
def test_what_stays_is_told_again_after_a_week_and_a_token_s_end_each_day(
    notice: Notice, seconds: int, is_told: bool
) -> None:
    _, told = untold(look(notice), {}, NOW)
    assert untold(look(notice), told, NOW + seconds)[0] == ([notice] if is_told else [])


def test_what_was_told_under_a_code_that_is_no_more_is_forgotten_in_time() -> None:
    assert untold([], {"of_old/7": NOW}, NOW + 7 * DAY) == ([], {})


def test_what_calls_for_somebody_at_once_is_an_error() -> None:
    levels = {code: code.level for code in NoticeCode}
    assert [code for code, level in levels.items() if level == "error"] == [
        NoticeCode.UNKNOWN_RUNNER,
        NoticeCode.RUNNER_VERSION_REFUSED,
    ]
    assert set(levels.values()) == {"error", "warning", "info"}


def test_no_more_is_told_than_can_be_remembered_and_the_rest_follows() -> None:
    many = [Notice(NoticeCode.UNKNOWN_RUNNER, str(number), "why") for number in range(MOST_TOLD + 5)]
    news, told = untold(look(*many), {}, NOW)
    assert (news, len(told)) == (many[:MOST_TOLD], MOST_TOLD)
    assert untold(look(*many), told, NOW + 60) == ([], told)
    assert untold(look(*many[9:]), told, NOW + 120)[0] == many[MOST_TOLD:]
