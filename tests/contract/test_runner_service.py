"""What the ``RunnerService`` must do at each of GitHub's levels, and what becomes of each of its refusals."""

from __future__ import annotations

import httpx
import pytest

from local.twin.github.jitconfig import decode
from local.twin.github.wire import CONNECTION_LOST
from slipway.adapters.github.http import GitHubApi
from slipway.domain.configuration import Registration
from slipway.domain.errors import (
    ConfigurationError,
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)
from slipway.ports.github import Listing, Removal
from tests.builders import NOW, a_task_id
from tests.contract.github_faces import NAME, Case
from tests.fakes.clock import ManualClock
from tests.support.github_enterprise import LABELS

MINT = "generate-jitconfig$"


def test_a_runner_is_registered_with_exactly_the_labels_of_its_job(anywhere: Case) -> None:
    """[GH-JIT-LABELS]"""
    jit = anywhere.service.mint(anywhere.job(), NAME)
    (runner,) = anywhere.registered()
    assert (runner.id, runner.name, tuple(runner.labels)) == (jit.runner_id, NAME, LABELS)
    assert runner.scope.kind == anywhere.level.value
    assert decode(jit.encoded)[".runner"]["AgentId"] == jit.runner_id


def test_a_jit_config_shows_in_no_repr(anywhere: Case) -> None:
    jit = anywhere.service.mint(anywhere.job(), NAME)
    assert jit.encoded not in repr(jit)
    assert str(jit.runner_id) in repr(jit)


def test_a_runner_is_removed_once_and_gone_ever_after(anywhere: Case) -> None:
    jit = anywhere.service.mint(anywhere.job(), NAME)
    for _ in range(2):
        assert anywhere.service.remove(jit.runner_id, anywhere.place) is Removal.GONE
    assert anywhere.registered() == []


def test_a_runner_that_has_a_job_is_not_removed(anywhere: Case) -> None:
    """[GH-DELETE-422]"""
    jit = anywhere.service.mint(anywhere.job(), NAME)
    (runner,) = anywhere.registered()
    runner.job_id = 77
    assert anywhere.service.remove(jit.runner_id, anywhere.place) is Removal.BUSY
    assert anywhere.registered() == [runner]


def test_registrations_of_ours_are_listed_over_all_pages_and_nobody_else_s(anywhere: Case) -> None:
    """[GH-PAGE-MAX]"""
    job = anywhere.job()
    anywhere.service.mint(job, "someone-else-s-runner")
    names = {f"slipway-medium-{a_task_id(number)}" for number in range(104)}
    for name in names:
        anywhere.acme.clock.advance(1)
        anywhere.service.mint(job, name)
    anywhere.places = [anywhere.place]
    listed = anywhere.listing().registrations
    assert {item.name for item in listed} == names
    assert len(listed) == len(names)
    assert not any(item.is_online or item.is_busy for item in listed)
    if anywhere.level is not Registration.ENTERPRISE:
        assert {item.reach for item in listed} == {anywhere.place}
    assert anywhere.service.remove(listed[0].runner_id, listed[0].reach) is Removal.GONE


def test_a_runner_that_is_online_and_busy_is_listed_as_such(github: Case) -> None:
    github.service.mint(github.job(), NAME)
    (runner,) = github.registered()
    runner.online = True
    runner.busy_changes.append((github.acme.clock.now(), True))
    (listed,) = github.listing().registrations
    assert (listed.is_online, listed.is_busy) == (True, True)


def test_outside_an_enterprise_only_the_places_that_are_known_are_asked(with_app: Case) -> None:
    with_app.service.mint(with_app.job(), NAME)
    assert with_app.listing() == Listing(())
    with_app.places = ["alpha"]
    assert [item.name for item in with_app.listing().registrations] == [NAME]


# A mint in doubt.


@pytest.mark.parametrize(
    "status", [408, 502, 503, 520, CONNECTION_LOST], ids=["408", "502", "503", "520", "connection lost"]
)
def test_a_runner_whose_201_was_lost_is_taken_back_and_its_outcome_called_unknown(
    anywhere: Case, status: int
) -> None:
    """Its JIT config is lost for good: nobody can start it, and its name must not stay taken [GH-JIT-409]."""
    anywhere.twin.faults.next("POST", MINT, status, after_success=True)
    with pytest.raises(UnknownOutcomeError):
        anywhere.service.mint(anywhere.job(), NAME)
    assert anywhere.twin.registry.registered_total == 1
    assert anywhere.registered() == []


def test_a_name_that_is_taken_is_taken_back_and_can_be_minted_after(anywhere: Case) -> None:
    """[GH-JIT-409]"""
    anywhere.service.mint(anywhere.job(), NAME)
    with pytest.raises(UnknownOutcomeError):
        anywhere.service.mint(anywhere.job(), NAME)
    assert anywhere.registered() == []
    assert anywhere.service.mint(anywhere.job(), NAME).runner_id == anywhere.registered()[0].id


@pytest.mark.parametrize("shown", ["online", "busy", "busy but for a moment"])
def test_a_name_that_somebody_runs_is_left_alone_and_its_outcome_called_unknown(
    anywhere: Case, shown: str
) -> None:
    """Nobody was given the JIT config of a lost 201, so this is another's runner [GH-JIT-409]."""
    anywhere.service.mint(anywhere.job(), NAME)
    (runner,) = anywhere.registered()
    runner.online = shown == "online"
    if shown != "online":
        runner.job_id = 77
    if shown == "busy":
        runner.busy_changes.append((anywhere.acme.clock.now(), True))
    with pytest.raises(UnknownOutcomeError, match="Already exists"):
        anywhere.service.mint(anywhere.job(), NAME)
    assert anywhere.registered() == [runner]


def test_a_runner_that_is_not_there_is_not_found(anywhere: Case) -> None:
    assert anywhere.service.find(NAME, anywhere.place) is None
    anywhere.service.mint(anywhere.job(), NAME)
    found = anywhere.service.find(NAME, anywhere.place)
    assert found is not None
    assert (found.name, found.is_online, found.is_busy) == (NAME, False, False)


def test_looking_for_a_runner_in_doubt_touches_no_other(github: Case) -> None:
    other = github.service.mint(github.job(), f"slipway-medium-{a_task_id(2)}")
    github.twin.faults.next("POST", MINT, 503, after_success=True)
    with pytest.raises(UnknownOutcomeError):
        github.service.mint(github.job(), NAME)
    assert [runner.id for runner in github.registered()] == [other.runner_id]


@pytest.mark.parametrize("status", [408, 500, 501, 502, 503, 504, 520, 524, 529])
def test_a_server_error_that_registered_nothing_may_be_tried_again(github: Case, status: int) -> None:
    """[GH-JIT-503]"""
    github.twin.faults.next("POST", MINT, status)
    with pytest.raises(UnavailableError):
        github.service.mint(github.job(), NAME)
    github.service.mint(github.job(), NAME)


def test_a_lost_request_may_still_be_on_its_way(github: Case) -> None:
    github.twin.faults.next("POST", MINT, CONNECTION_LOST)
    with pytest.raises(UnknownOutcomeError):
        github.service.mint(github.job(), NAME)


@pytest.mark.parametrize("status", [403, 404, 429, 503, CONNECTION_LOST])
@pytest.mark.parametrize("step", ["GET", "DELETE"])
def test_a_doubt_that_cannot_be_cleared_up_stays_one(github: Case, step: str, status: int) -> None:
    """Whoever undoes the binding then would let a second JIT config be made for one task."""
    github.twin.faults.next("POST", MINT, 503, after_success=True)
    github.twin.faults.next(step, "/actions/runners", status, times=9)
    with pytest.raises(UnknownOutcomeError):
        github.service.mint(github.job(), NAME)


# Refusals and limits.


def test_a_full_group_is_a_refusal_and_says_so(github: Case) -> None:
    """[GH-GROUP-10000]"""
    github.twin.registry.group_limit = 0
    with pytest.raises(RefusedError, match=r"max limit.*; remove offline runners") as caught:
        github.service.mint(github.job(), NAME)
    assert caught.value.code == "422"


def test_a_wrong_enterprise_and_a_token_without_the_scope_are_told_apart(github: Case) -> None:
    """GitHub answers both with 404 [GH-ENT-PAT]; the token's own headers tell which it is [GH-TOKEN-HEADERS]."""
    with pytest.raises(RefusedError, match=r"check github\.enterprise, and that the token") as wrong:
        github.runners(enterprise="somewhere").mint(github.job(), NAME)
    github.secrets.values["arn:token"] = github.twin.add_personal_token("someone", ["repo"])
    with pytest.raises(RefusedError, match="manage_runners:enterprise") as weak:
        github.service.mint(github.job(), NAME)
    assert (wrong.value.code, weak.value.code) == ("404", "404")
    github.enterprise_tokens().examine()
    with pytest.raises(RefusedError, match="no scope manage_runners:enterprise") as known:
        github.runners(github.ledger).mint(github.job(), NAME)
    assert known.value.code == "403"


def test_a_permission_that_is_missing_is_no_limit(with_app: Case) -> None:
    """Both are 403 [GH-LIMIT-403]."""
    del with_app.acme.installation.permissions["organization_self_hosted_runners"]
    with pytest.raises(
        RefusedError, match="not accessible by integration; give the App the permission"
    ) as caught:
        with_app.service.mint(with_app.job(), NAME)
    assert caught.value.code == "403"


def test_a_revoked_token_is_a_refusal_and_a_new_one_works_at_once(github: Case) -> None:
    github.twin.credentials.revoke(github.acme.pat)
    with pytest.raises(RefusedError, match="put a new one into its secret") as caught:
        github.service.mint(github.job(), NAME)
    assert caught.value.code == "401"
    github.secrets.values["arn:token"] = github.twin.add_personal_token()
    github.service.mint(github.job(), NAME)


def test_at_the_hourly_limit_the_wait_lasts_until_the_reset(with_app: Case) -> None:
    """[GH-LIMIT-PRIMARY] [GH-LIMIT-BACKOFF]"""
    with_app.service.mint(with_app.job(), NAME)
    with_app.twin.limits.settings.primary = True  # off on a GHES until its administrator switches it on
    with_app.twin.limits.settings.limits["installation"] = 0
    with_app.acme.clock.advance(600)
    with pytest.raises(ThrottledError) as caught:
        with_app.service.mint(with_app.job(), f"slipway-medium-{a_task_id(2)}")
    assert 2_900 <= caught.value.retry_after_seconds <= 3_000
    with_app.acme.clock.advance(caught.value.retry_after_seconds + 1)
    with_app.twin.limits.settings.limits["installation"] = 5_000
    with_app.service.mint(with_app.job(), f"slipway-medium-{a_task_id(2)}")


def test_a_registration_too_many_waits_as_long_as_github_says(anywhere: Case) -> None:
    """[GH-REGISTRATION-1500]"""
    anywhere.twin.registry.registrations_per_window = 1
    anywhere.service.mint(anywhere.job(), NAME)
    anywhere.acme.clock.advance(100)
    with pytest.raises(ThrottledError) as caught:
        anywhere.service.mint(anywhere.job(), f"slipway-medium-{a_task_id(2)}")
    assert caught.value.retry_after_seconds == 200


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"retry-after": "17"}, 17),
        (403, {"retry-after": "17"}, 17),
        (429, {}, 60),
        (429, {"retry-after": "soon", "x-ratelimit-remaining": "7"}, 60),
    ],
)
def test_a_limit_says_how_long_to_wait(
    level_case: Case, status: int, headers: dict[str, str], wait: int
) -> None:
    """[GH-LIMIT-BACKOFF] [GH-LIMIT-SECONDARY]"""
    level_case.twin.limits.settings.primary = False
    level_case.twin.faults.next("POST", MINT, status).headers.update(headers)
    with pytest.raises(ThrottledError) as caught:
        level_case.service.mint(level_case.job(), NAME)
    assert caught.value.retry_after_seconds == wait
    assert level_case.registered() == []


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503, CONNECTION_LOST])
def test_a_removal_that_was_not_answered_leaves_its_runner_in_doubt(level_case: Case, status: int) -> None:
    jit = level_case.service.mint(level_case.job(), NAME)
    level_case.twin.faults.next("DELETE", r"/runners/\d+$", status)
    with pytest.raises(UnavailableError):
        level_case.service.remove(jit.runner_id, level_case.place)
    level_case.acme.clock.advance(30)  # a token that is refused rests
    assert level_case.service.remove(jit.runner_id, level_case.place) is Removal.GONE


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503, CONNECTION_LOST])
@pytest.mark.parametrize(("method", "call"), [("POST", "/access_tokens$"), ("GET", "/installation$")])
def test_a_removal_for_which_no_token_is_given_has_removed_nothing(
    with_app: Case, method: str, call: str, status: int
) -> None:
    """Where the App is not installed any more GitHub says 404, as of a registration that is gone."""
    jit = with_app.service.mint(with_app.job(), NAME)
    del with_app.twin.credentials.installations[with_app.acme.installation.id]
    with_app.acme.clock.advance(3_600)
    with_app.twin.faults.next(method, call, status, times=9)
    with pytest.raises(UnavailableError):
        with_app.service.remove(jit.runner_id, with_app.place)
    assert [runner.id for runner in with_app.registered()] == [jit.runner_id]


@pytest.mark.parametrize("status", [401, 404, 429, 503, CONNECTION_LOST])
def test_a_list_that_is_not_whole_is_no_list(github: Case, status: int) -> None:
    """What is missing from it would be taken for gone."""
    github.service.mint(github.job(), NAME)
    github.twin.faults.next("GET", "/actions/runners$", status)
    listed = github.listing()
    assert (listed.registrations, [type(fault) for fault in listed.failures]) == (
        (),
        [ThrottledError if status == 429 else UnavailableError],
    )


@pytest.mark.parametrize("status", [401, 404, 429, 503, CONNECTION_LOST])
@pytest.mark.parametrize("call", ["/orgs/beta/installation$", "/orgs/beta/actions/runners$"])
def test_a_place_that_does_not_answer_hides_no_other(with_app: Case, call: str, status: int) -> None:
    with_app.twin.install(with_app.acme.app, with_app.acme.beta)
    with_app.service.mint(with_app.job(), NAME)
    with_app.twin.faults.next("GET", call, status)
    with_app.places = ["beta", with_app.place]
    listed = with_app.listing()
    assert [item.name for item in listed.registrations] == [NAME]
    assert len(listed.failures) == 1
    assert isinstance(listed.failures[0], UnavailableError)


def test_no_error_quotes_a_credential(level_case: Case) -> None:
    canaries = {level_case.acme.pat, level_case.acme.installation_token()}
    for status in (401, 403, 404, 422, 429, 503, CONNECTION_LOST):
        level_case.acme.clock.advance(60)  # after a refusal a token rests
        is_replaced = status == 401 and level_case.level is not Registration.ENTERPRISE
        level_case.twin.faults.next("POST", MINT, status, times=2 if is_replaced else 1)
        with pytest.raises(SlipwayError) as caught:
            level_case.service.mint(level_case.job(), NAME)
        text = f"{caught.value!r} {caught.value.__cause__!r}"
        assert not any(canary in text for canary in canaries)
        assert "Bearer" not in text


def test_a_404_from_a_place_that_is_no_longer_shown_proves_nothing(level_case: Case) -> None:
    """What a token may not see is answered with 404 too, a busy runner among it [GH-404-HIDDEN]."""
    jit = level_case.service.mint(level_case.job(), NAME)
    level_case.twin.faults.next("DELETE", "/runners/", 404)
    level_case.twin.faults.next("GET", "/actions/runners$", 404)
    with pytest.raises(UnavailableError, match="404"):
        level_case.service.remove(jit.runner_id, level_case.place)
    assert level_case.registered()
    assert level_case.service.remove(jit.runner_id, level_case.place) is Removal.GONE
    assert level_case.service.remove(jit.runner_id, level_case.place) is Removal.GONE


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"\xff\xfe"], ids=["a page", "bytes"])
def test_an_answer_that_is_no_json_is_one_of_ours(body: bytes) -> None:
    """A proxy's page, or that of a server under maintenance."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    api = GitHubApi(httpx.Client(transport=transport, base_url="https://ghes.example"), ManualClock(NOW))
    with pytest.raises(UnavailableError, match="no JSON"):
        api.call("GET", "/user", lambda: "token")
    with pytest.raises(UnknownOutcomeError, match="no JSON"):
        api.call("POST", "/orgs/alpha/actions/runner-groups", lambda: "token")


@pytest.mark.parametrize(
    "spoilt", ["ghp_canary\u200b", "\ufeffghp_canary", "ghp_can\nary", "ghp can", "ghp_cänary"]
)
def test_a_token_that_cannot_be_sent_is_the_operator_s_to_mend_and_is_not_quoted(spoilt: str) -> None:
    """The client's own error would quote the whole header."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    api = GitHubApi(httpx.Client(transport=transport, base_url="https://ghes.example"), ManualClock(NOW))
    with pytest.raises(ConfigurationError, match="put it into its secret anew") as caught:
        api.call("GET", "/user", lambda: spoilt)
    assert "ghp" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
