"""What an operator is told of a personal access token."""

from __future__ import annotations

import pytest

from slipway.domain.tokens import TokenFacts, Trouble, warning_of
from tests.builders import NOW

DAY = 86_400.0
RUNNERS = ("manage_runners:enterprise",)


@pytest.mark.parametrize(
    ("facts", "trouble"),
    [
        (TokenFacts("f", "bot", NOW, RUNNERS), None),
        (TokenFacts("f", "bot", NOW, ("admin:enterprise", "repo")), None),
        (TokenFacts("f", "bot", NOW, None), None),  # not known yet
        (TokenFacts("f", "bot", NOW, RUNNERS, NOW + 14 * DAY), None),
        (TokenFacts("f", "bot", NOW, RUNNERS, NOW + 14 * DAY - 1), Trouble.EXPIRES_SOON),
        (TokenFacts("f", "bot", NOW, RUNNERS, NOW - 1), Trouble.EXPIRES_SOON),
        (TokenFacts("f", "bot", NOW, ("repo",)), Trouble.SCOPE_MISSING),
        (TokenFacts("f", "bot", NOW, ()), Trouble.SCOPE_MISSING),
        (TokenFacts("f", "bot", NOW, ("repo",), NOW + DAY, "401 Bad credentials"), Trouble.REFUSED),
    ],
)
def test_the_worst_trouble_is_told(facts: TokenFacts, trouble: Trouble | None) -> None:
    """[GH-ENT-PAT]"""
    warning = warning_of("arn:one", facts, NOW)
    assert (warning.trouble if warning else None) == trouble
    assert warning is None or warning.arn == "arn:one"


def test_the_days_that_are_left_are_told() -> None:
    warning = warning_of("arn:one", TokenFacts("f", "bot", NOW, RUNNERS, NOW + 3.5 * DAY), NOW)
    assert warning is not None
    assert warning.days_left == 3.5
    assert "3.5 days" in warning.detail
