"""What an operator is told of a personal access token."""

from __future__ import annotations

import pytest

from slipway.domain.notices import NoticeCode
from slipway.domain.tokens import TokenFacts, notice_of
from tests.builders import NOW

DAY = 86_400.0
RUNNERS = ("manage_runners:enterprise",)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (TokenFacts("f", "bot", NOW, RUNNERS), None),
        (TokenFacts("f", "bot", NOW, ("admin:enterprise", "repo")), None),
        (TokenFacts("f", "bot", NOW, None), None),  # not known yet
        (TokenFacts("f", "bot", NOW, RUNNERS, NOW + 14 * DAY), None),
        (TokenFacts("f", "bot", NOW, RUNNERS, NOW + 14 * DAY - 1), NoticeCode.TOKEN_EXPIRES_SOON),
        (TokenFacts("f", "bot", NOW, RUNNERS, NOW - 1), NoticeCode.TOKEN_EXPIRES_SOON),
        (TokenFacts("f", "bot", NOW, ("repo",)), NoticeCode.TOKEN_SCOPE_MISSING),
        (TokenFacts("f", "bot", NOW, ()), NoticeCode.TOKEN_SCOPE_MISSING),
        (TokenFacts("f", "bot", NOW, ("repo",), NOW + DAY, "401 Bad credentials"), NoticeCode.TOKEN_REFUSED),
    ],
)
def test_the_worst_trouble_is_told(facts: TokenFacts, code: NoticeCode | None) -> None:
    """[GH-ENT-PAT]"""
    notice = notice_of("arn:one", facts, NOW)
    assert (notice.code if notice else None) == code
    assert notice is None or notice.id == "arn:one"


def test_the_days_that_are_left_are_told() -> None:
    notice = notice_of("arn:one", TokenFacts("f", "bot", NOW, RUNNERS, NOW + 3.5 * DAY), NOW)
    assert notice is not None
    assert "3.5 days" in notice.why
