"""How long GitHub takes the versions that our runners say they are."""

from __future__ import annotations

import pytest

from slipway.domain.notices import NoticeCode
from slipway.domain.runner_versions import Deprecation, verdict, versions_in_use
from slipway.domain.runners import Registration
from tests.builders import NOW

DAY = 86_400


def of_version(number: int, version: str | None, reach: str = "acme") -> Registration:
    return Registration(number, f"runner-{number}", True, False, reach, version=version)


def test_the_versions_of_most_runners_are_asked_about_where_one_is_registered() -> None:
    found = [of_version(1, "2.335.0", "globex"), of_version(2, None)]
    found += [of_version(number, "2.336.0") for number in (3, 4)]
    assert versions_in_use(found) == {"2.336.0": "acme", "2.335.0": "globex"}


@pytest.mark.parametrize(
    "version",
    [
        "",
        "2",
        "../../../user",
        "2.336.0/../x",
        "2.336.0?x",
        "2.336.0\n",
        "２.３３６.0",
        "2.336.0-beta",
        "1.2.3.4.5",
    ],
)
def test_what_is_no_version_gets_into_no_address(version: str) -> None:
    assert versions_in_use([of_version(1, version)]) == {}


def test_made_up_versions_push_nobody_s_out_and_cost_little() -> None:
    made_up = [of_version(number, f"0.0.{number}") for number in range(50)]
    real = [of_version(100 + number, "2.336.0") for number in range(2)]
    found = versions_in_use(made_up + real)
    assert len(found) == 3
    assert "2.336.0" in found


@pytest.mark.parametrize(
    ("registration_at", "runtime_at", "code"),
    [
        (None, None, None),
        (NOW + 31 * DAY, None, None),
        (NOW + 30 * DAY, None, NoticeCode.RUNNER_VERSION_ENDS),
        (None, NOW + 1, NoticeCode.RUNNER_VERSION_ENDS),
        (NOW, NOW + 60 * DAY, NoticeCode.RUNNER_VERSION_REFUSED),
        (NOW - DAY, NOW - DAY, NoticeCode.RUNNER_VERSION_REFUSED),
    ],
)
def test_a_version_is_warned_of_a_month_before_it_is_refused(
    registration_at: float | None, runtime_at: float | None, code: NoticeCode | None
) -> None:
    """[GH-RUNNER-DEPRECATIONS]"""
    notice = verdict(Deprecation("2.336.0", registration_at, runtime_at), NOW)
    assert (notice.code if notice else None) is code
    if notice is not None:
        assert notice.id == "2.336.0"
        assert "newest runner" in notice.why


def test_the_warning_says_how_many_days_are_left() -> None:
    notice = verdict(Deprecation("2.336.0", NOW + 12.5 * DAY), NOW)
    assert notice is not None
    assert "12 more days" in notice.why
