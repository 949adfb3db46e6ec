"""What an operator is told, and how often."""

from __future__ import annotations

import pytest

from slipway.domain.notices import Notice, NoticeCode, untold
from tests.builders import NOW

UNKNOWN = Notice(NoticeCode.UNKNOWN_RUNNER, "7", "why")
ZOMBIE = Notice(NoticeCode.ZOMBIE_JOB, "7", "why")
DAY = 86_400


def test_a_notice_is_told_once_however_often_it_is_met() -> None:
    news, told = untold([UNKNOWN], {}, NOW, is_whole=True)
    assert news == [UNKNOWN]
    assert untold([UNKNOWN], told, NOW + 60, is_whole=True) == ([], told)


def test_notices_of_one_name_and_different_codes_are_different() -> None:
    _, told = untold([UNKNOWN], {}, NOW, is_whole=True)
    assert untold([UNKNOWN, ZOMBIE], told, NOW, is_whole=True)[0] == [ZOMBIE]


def test_what_went_away_and_came_back_is_told_anew() -> None:
    _, told = untold([UNKNOWN], {}, NOW, is_whole=True)
    _, told = untold([], told, NOW + 60, is_whole=True)
    assert untold([UNKNOWN], told, NOW + 120, is_whole=True)[0] == [UNKNOWN]


def test_what_was_not_looked_at_has_not_gone_away() -> None:
    _, told = untold([UNKNOWN], {}, NOW, is_whole=True)
    _, told = untold([], told, NOW + 60, is_whole=False)
    assert untold([UNKNOWN], told, NOW + 120, is_whole=True)[0] == []


@pytest.mark.parametrize(("seconds", "is_told"), [(7 * DAY - 1, False), (7 * DAY, True)])
def test_what_stays_for_a_week_is_told_again(seconds: int, is_told: bool) -> None:
    _, told = untold([UNKNOWN], {}, NOW, is_whole=True)
    assert untold([UNKNOWN], told, NOW + seconds, is_whole=False)[0] == ([UNKNOWN] if is_told else [])


def test_what_calls_for_somebody_at_once_is_an_error() -> None:
    levels = {code: code.level for code in NoticeCode}
    assert [code for code, level in levels.items() if level == "error"] == [
        NoticeCode.UNKNOWN_RUNNER,
        NoticeCode.RUNNER_VERSION_REFUSED,
    ]
    assert set(levels.values()) == {"error", "warning", "info"}
