"""The runner's version: GitHub is asked once a day how long it takes it."""

from __future__ import annotations

from local.twin.github.listener import RUNNER_VERSION
from local.twin.github.state import timestamp
from slipway.domain.notices import NoticeCode
from slipway.services.runner_versions import CURSOR
from tests.support.loop import Acme, acme

ASKED = "GET /enterprises/{enterprise}/actions/runners/deprecations/{version}"
HOUR, DAY = 3_600.0, 86_400.0


def deprecate(deployment: Acme, days: float) -> None:
    at = timestamp(deployment.clock.now() + days * DAY)
    deployment.github.runner_calls.deprecations[RUNNER_VERSION] = {
        "registration_deprecates_at": at,
        "runtime_deprecates_at": None,
    }


def told(deployment: Acme) -> list[NoticeCode]:
    notices = [notice for run in deployment.loop.reaped for notice in run.notices]
    return [notice.code for notice in notices if notice.id == RUNNER_VERSION]


def at_work(deployment: Acme, seconds: float) -> None:
    """Have a job run for so long, and be seen at it."""
    deployment.queue(seconds=seconds)
    deployment.clock.advance(seconds)


def a_day_later(deployment: Acme) -> None:
    """What the reaper remembers of its last question is a day old."""
    deployment.loop.ledger.housekeeping.move_cursor(CURSOR, deployment.clock.now() - DAY)


def test_a_version_that_github_takes_is_asked_about_once_a_day_and_told_of_never() -> None:
    deployment = acme()
    at_work(deployment, HOUR)
    assert deployment.github.calls[ASKED] == 1
    a_day_later(deployment)
    at_work(deployment, HOUR)
    assert deployment.github.calls[ASKED] == 2
    assert told(deployment) == []


def test_a_version_that_ends_soon_is_warned_of_once_and_an_error_once_it_is_refused() -> None:
    """Also where it is looked at in few of the runs that look at all else [GH-RUNNER-DEPRECATIONS]."""
    deployment = acme()
    for days in (1.5, 0.5, -0.5, -1.5):
        deprecate(deployment, days)
        at_work(deployment, HOUR)
        a_day_later(deployment)
    assert told(deployment) == [NoticeCode.RUNNER_VERSION_ENDS, NoticeCode.RUNNER_VERSION_REFUSED]


def test_a_version_that_is_mended_and_ends_again_is_warned_of_anew() -> None:
    deployment = acme()
    for days in (20, 90, 20):
        deprecate(deployment, days)
        at_work(deployment, HOUR)
        a_day_later(deployment)
    assert told(deployment) == [NoticeCode.RUNNER_VERSION_ENDS] * 2


def test_a_question_that_failed_is_asked_again_and_stops_no_removal() -> None:
    deployment = acme()
    deprecate(deployment, 5)
    deployment.github.faults.next("GET", "/deprecations/", 503)
    at_work(deployment, 2 * HOUR)
    assert told(deployment) == [NoticeCode.RUNNER_VERSION_ENDS]
    assert [str(fault) for fault in deployment.loop.errors if "deprecations" in str(fault)]
    assert deployment.until_clean()


def test_a_version_that_a_listener_made_up_gets_into_no_address() -> None:
    deployment = acme()
    deployment.queue(seconds=2 * HOUR)
    deployment.clock.advance(300.0)
    (runner,) = deployment.github.registry.by_id.values()
    runner.version = "../../../../rate_limit"
    before = deployment.github.calls.copy()
    deployment.clock.advance(HOUR)
    made = {name for name, count in deployment.github.calls.items() if count > before[name]}
    assert not any("rate_limit" in name or "deprecations" in name for name in made)
